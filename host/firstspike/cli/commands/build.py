"""firstspike build: a deployment becomes a bitstream that holds its weights."""

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

SUMMARY: Final = "make a bitstream with a deployment's weights inside"
EXAMPLE: Final = """\
  firstspike build build/mnist --target ulx3s-85f -o build/mnist-ulx3s
  The first time a core is placed and routed, which takes minutes; then any network that it holds takes seconds.
  Writes firstspike.bit, build.json with estimate and result side by side, and nextpnr's report and log.
  --target verilog writes the core with its weights as Verilog instead."""

OWN: Final = frozenset(
    {
        *("firstspike.bit", "firstspike.bin", "firstspike_core.v", "package.tcl"),
        *(REPORT, "nextpnr-report.json", "nextpnr.log"),
    }
)
WHAT: Final = "folders that firstspike build wrote"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """DIR -o OUT [--target T] [--core NAME] [--clock MHZ] [--seed N] [--force]."""
    add = parser.add_argument
    add("deployment", metavar="DIR", type=Path, help="a deployment directory, from firstspike compile")
    add("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to write to")
    add("--target", default=DEFAULT_TARGET, help=f"see firstspike targets (default {DEFAULT_TARGET})")
    add("--core", type=one_of("core", tuple(CONFIGS)), help="core to build (default: the target's first that fits)")
    add("--clock", type=clock_mhz, metavar="MHZ", help="clock of the core (default: what the target's file says)")
    add("--seed", type=at_least(0), default=1, metavar="N", help="of place and route (default 1)")
    add("--force", action="store_true", help="replace OUT if firstspike build wrote it")


def run(args: argparse.Namespace) -> Answer:
    """Estimate, refuse what cannot fit, place and route unless that was done before, write and read back."""
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
            text = f"{facts(data)}\nnot synthesised here: package.tcl is for Vivado, which this project does not have"
        else:
            data |= write_bitstream(
                deployment, target, target.device, folder, core=args.core, clock_mhz=args.clock, seed=args.seed
            )
            data["bitstream"] = args.output / data["bitstream"]
            text = described_bitstream(data)
        (folder / REPORT).write_text(json.dumps(data, indent=1, default=str) + "\n")
    return Answer(text=text, data=data)
