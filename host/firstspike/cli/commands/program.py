"""firstspike program: writes a bitstream to the connected board.

Tested by tests/host/cli/test_program.py.
"""

import argparse
import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firstspike.cli.answer import Answer
from firstspike.cli.bitstreams import REPORT
from firstspike_contract.common.errors import FirstspikeError

if TYPE_CHECKING:
    from firstspike_compiler.targets import BuildDevice, Target

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Write a bitstream to the connected board."
EXAMPLE: Final = """\
  firstspike program build/mnist-ulx3s
  Calls openFPGALoader for the board that the bitstream was built for. The board keeps the bitstream until power-off,
  or also afterwards if --flash is given."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds OUT [--flash]."""
    add = parser.add_argument
    add("folder", metavar="OUT", type=Path, help="a folder that firstspike build wrote")
    add("--flash", action="store_true", help="write to the flash memory, from which the board starts at power-on")


def run(args: argparse.Namespace) -> Answer:
    """Runs the loader. Raises FirstspikeError with the loader's message if it fails."""
    from firstspike_hw.silicon.tools import LOADER

    bitstreams = sorted(args.folder.glob("firstspike.bi[tn]"))
    report = args.folder / REPORT
    if not (bitstreams and report.is_file()):
        raise FirstspikeError(f"{args.folder} holds no bitstream; make one with: firstspike build DIR -o {args.folder}")
    target, chip = _board(report)
    command = [LOADER.command(), *chip.loader, *(["--write-flash"] if args.flash else []), str(bitstreams[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        if lacking := re.search(r"loading shared libraries: (\S+?):", done.stderr):
            raise FirstspikeError(
                f"the loader lacks a library ({lacking[1]}); "
                "install what it needs, on Debian with: apt-get install libusb-1.0-0 libftdi1-2"
            )
        reason, board = said[-1] if said else "no reason given", target.description.partition(" with")[0]
        raise FirstspikeError(
            f"the loader found no board or could not write it (exit {done.returncode}): {reason}; "
            f"is {board} connected, and may you use it? firstspike doctor checks the loader and the ports"
        )
    data = {"bitstream": bitstreams[0], "target": target.name, "flash": args.flash, "command": command}
    where = "flash" if args.flash else "configuration memory"
    return Answer(text=f"{bitstreams[0]} is in the {where} of {target.name}", data=data)


def _board(report: Path) -> tuple["Target", "BuildDevice"]:
    """Returns the target and the device that a folder was built for. Raises FirstspikeError if it names none."""
    from firstspike_compiler.targets import load_target

    try:
        target = load_target(json.loads(report.read_text("utf-8"))["target"])
    except (ValueError, KeyError, TypeError, AttributeError, FirstspikeError):
        target = None
    if target is None or target.device is None:
        raise FirstspikeError(
            f"{report} does not name a target with a board; "
            f"build again: firstspike build DIR -o {report.parent} --force"
        )
    return target, target.device
