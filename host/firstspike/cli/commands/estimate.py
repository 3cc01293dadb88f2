"""firstspike estimate: what a deployment costs on a device, before synthesis."""

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

SUMMARY: Final = "say what a deployment costs on a device, without building it"
EXAMPLE: Final = """\
  firstspike estimate build/mnist --target ulx3s-85f --data mnist:test
  Logic, block RAM, multipliers; cycles, latency and rate at the clock that the core is known to reach; what moves."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """DIR [--target T] [--core NAME] [--clock MHZ] [--data DATA] [--limit N]."""
    add = parser.add_argument
    add("deployment", metavar="DIR", type=Path, help="a deployment directory, from firstspike compile")
    add("--target", default=DEFAULT_TARGET, help=f"see firstspike targets (default {DEFAULT_TARGET})")
    add("--core", type=one_of("core", tuple(CONFIGS)), help="core (default: the target's first that fits)")
    add("--clock", type=clock_mhz, metavar="MHZ", help="clock (default: what the target's file says)")
    add("--data", help="data to count spikes on (default: the golden images of the deployment)")
    add("--limit", type=at_least(1), metavar="N", help="use the first N images")


def run(args: argparse.Namespace) -> Answer:
    """No tool is needed, and no gateware."""
    from firstspike_compiler.deployment import read_deployment
    from firstspike_compiler.targets import load_target

    deployment, target = read_deployment(args.deployment), load_target(args.target)
    if target.device is None:
        raise FirstspikeError(f"{target.name} is no device; estimate for one of the targets with a part: ulx3s-85f")
    name = chosen_core(deployment.network, target.name, target.device.cores, args.core)
    clock = args.clock or target.device.cores[name]
    figures = estimated(
        deployment, CONFIGS[name], clock_mhz=clock, family=target.device.family, data=args.data, limit=args.limit
    )
    available = {"lut": target.device.lut, "bram": target.device_blocks, "dsp": target.device.dsp}
    data = {"deployment": args.deployment, "target": target.name, "core": name, **figures, "available": available}
    return Answer(text=facts(data), data=data)
