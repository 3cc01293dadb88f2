"""firstspike build: makes a bitstream that contains a deployment's network.

Tested by tests/host/cli/test_build.py.
"""

import argparse
import json
from pathlib import Path
from typing import Any, Final

from firstspike.cli.answer import Answer, facts
from firstspike.cli.bitstreams import REPORT, described_bitstream, write_bitstream
from firstspike.cli.files import refuse_existing_folder, whole_folder
from firstspike.cli.options import at_least, clock_mhz, one_of
from firstspike.cli.verilog_folder import write_verilog
from firstspike_compiler.targets import DEFAULT_TARGET
from firstspike_contract import CONFIGS
from firstspike_contract.common.errors import FirstspikeError

__all__ = ["EXAMPLE", "SUMMARY", "WHAT", "add_arguments", "run"]

SUMMARY: Final = "Make a bitstream that contains a deployment's network."
EXAMPLE: Final = """\
  firstspike build build/mnist --target ulx3s-85f -o build/mnist-ulx3s
  The first build with a core places and routes it, which takes minutes. Every further network for this core takes
  seconds. Writes firstspike.bit, build.json with estimated and actual figures, and nextpnr's report and log.
  With --target verilog, writes the core and its weights as Verilog instead."""

OWN: Final = frozenset(
    {
        *("firstspike.bit", "firstspike.bin", "firstspike_core.v", "package.tcl"),
        *(REPORT, "nextpnr-report.json", "nextpnr.log"),
    }
)
WHAT: Final = "folders that firstspike build wrote"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds DIR -o OUT [--target T] [--core NAME] [--clock MHZ] [--seed N] [--force]."""
    add = parser.add_argument
    add("deployment", metavar="DIR", type=Path, help="a deployment directory, from firstspike compile")
    add("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to write to")
    add("--target", default=DEFAULT_TARGET, help=f"a target from firstspike targets (default {DEFAULT_TARGET})")
    add("--core", type=one_of("core", tuple(CONFIGS)), help="core to build (default: the target's first that fits)")
    add("--clock", type=clock_mhz, metavar="MHZ", help="core clock in MHz (default: the clock in the target's file)")
    add("--seed", type=at_least(0), default=1, metavar="N", help="seed of place and route (default 1)")
    add("--force", action="store_true", help="replace the folder OUT if firstspike build wrote it")


def run(args: argparse.Namespace) -> Answer:
    """Makes the bitstream, reads it back, and writes the folder. Refuses a core that cannot fit."""
    from firstspike_compiler.deployment import read_deployment
    from firstspike_compiler.targets import load_target

    deployment, target = read_deployment(args.deployment), load_target(args.target)
    refuse_existing_folder(args.output, force=args.force, own=OWN, what=WHAT)
    if target.device is None and not target.verilog_cores:
        raise FirstspikeError(f"nothing can be built for {target.name}; use a target with a part, such as ulx3s-85f")
    data: dict[str, Any] = {"deployment": args.deployment, "output": args.output}
    with whole_folder(args.output, force=args.force, own=OWN, what=WHAT) as folder:
        if target.device is None:
            data |= write_verilog(deployment, target, folder, core=args.core, clock_mhz=args.clock)
            text = f"{facts(data)}\nthe Verilog is not synthesised yet; package.tcl is a script for Vivado that does it"
        else:
            data |= write_bitstream(
                deployment, target, target.device, folder, core=args.core, clock_mhz=args.clock, seed=args.seed
            )
            data["bitstream"] = args.output / data["bitstream"]
            text = described_bitstream(data)
        (folder / REPORT).write_text(json.dumps(data, indent=1, default=str) + "\n")
    return Answer(text=text, data=data)
