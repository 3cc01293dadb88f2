"""firstspike estimate: estimates what a deployment costs on a device, before synthesis.

Tested by tests/host/cli/test_estimate.py.
"""

import argparse
from pathlib import Path
from typing import Final

from firstspike.cli.answer import Answer, facts
from firstspike.cli.cores import chosen_core, estimated
from firstspike.cli.options import at_least, clock_mhz, one_of
from firstspike_compiler.targets import DEFAULT_TARGET
from firstspike_contract import CONFIGS
from firstspike_contract.common.errors import FirstspikeError

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Estimate what a deployment costs on a device, without building it."
EXAMPLE: Final = """\
  firstspike estimate build/mnist --target ulx3s-85f --data mnist:test
  Prints logic cells, block RAMs and multipliers; clock cycles, latency and images per second at the clock that the core
  is known to reach; and how many weights are read and added."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds DIR [--target T] [--core NAME] [--clock MHZ] [--data DATA] [--limit N]."""
    add = parser.add_argument
    add("deployment", metavar="DIR", type=Path, help="a deployment directory, from firstspike compile")
    add("--target", default=DEFAULT_TARGET, help=f"a target from firstspike targets (default {DEFAULT_TARGET})")
    add(
        "--core",
        type=one_of("core", tuple(CONFIGS)),
        help="core to estimate for (default: the target's first that fits)",
    )
    add(
        "--clock",
        type=clock_mhz,
        metavar="MHZ",
        help="clock of the core in MHz (default: the clock in the target's file)",
    )
    add("--data", help="data set to count spikes on (default: the golden images of the deployment)")
    add("--limit", type=at_least(1), metavar="N", help="use the first N images")


def run(args: argparse.Namespace) -> Answer:
    """Estimates the figures. This needs no synthesis tool and no gateware."""
    from firstspike_compiler.deployment import read_deployment
    from firstspike_compiler.targets import load_target

    deployment, target = read_deployment(args.deployment), load_target(args.target)
    if target.device is None:
        raise FirstspikeError(f"the target {target.name} has no device; use a target with one, such as ulx3s-85f")
    name = chosen_core(deployment.network, target.name, target.device.cores, args.core)
    clock = args.clock or target.device.cores[name]
    figures = estimated(
        deployment, CONFIGS[name], clock_mhz=clock, family=target.device.family, data=args.data, limit=args.limit
    )
    available = {"lut": target.device.lut, "bram": target.device_blocks, "dsp": target.device.dsp}
    data = {"deployment": args.deployment, "target": target.name, "core": name, **figures, "available": available}
    return Answer(text=facts(data), data=data)
