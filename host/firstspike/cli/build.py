"""firstspike build: a deployment becomes a bitstream that holds its weights."""

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firstspike.report import Progress, table
from firstspike_hw.contract import CONFIGS
from firstspike_hw.contract.errors import FirstspikeError

from .answer import Answer
from .check import DEFAULT_TARGET
from .estimate import chosen_core, estimated
from .options import at_least, number, one_of

if TYPE_CHECKING:
    from firstspike_compiler.estimate import Resources
    from firstspike_compiler.targets import BuildDevice, Target
    from firstspike_hw.silicon.build import Routed

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "make a bitstream with a deployment's weights inside"
EXAMPLE: Final = """\
  firstspike build build/mnist --target ulx3s-85f -o build/mnist-ulx3s
  The first time a core is placed and routed, which takes minutes; then any network that it holds takes seconds.
  Writes firstspike.bit, build.json with estimate and result side by side, and nextpnr's report."""

REPORT: Final = "build.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """DIR -o OUT [--target T] [--core NAME] [--clock MHZ] [--seed N]."""
    add = parser.add_argument
    add("deployment", metavar="DIR", type=Path, help="a deployment directory, from firstspike compile")
    add("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to write to")
    add("--target", default=DEFAULT_TARGET, help=f"see firstspike targets (default {DEFAULT_TARGET})")
    add("--core", type=one_of("core", tuple(CONFIGS)), help="core to build (default: the target's first that fits)")
    add("--clock", type=number("100"), metavar="MHZ", help="clock of the core (default: what the target's file says)")
    add("--seed", type=at_least(0), default=1, metavar="N", help="of place and route (default 1)")


def run(args: argparse.Namespace) -> Answer:
    """Estimate, refuse what cannot fit, place and route unless that was done before, write and read back."""
    from firstspike_compiler.deployment import read_deployment
    from firstspike_compiler.estimate import resources
    from firstspike_compiler.targets import load_target
    from firstspike_hw.contract.loading import load_plan
    from firstspike_hw.silicon.build import Device, make_bitstream, routed
    from firstspike_hw.silicon.contents import contents_of
    from firstspike_hw.silicon.pll import pll_for
    from firstspike_hw.silicon.top import CORE
    from firstspike_sim.rtl.toolchain import cache_folder

    deployment, target = read_deployment(args.deployment), load_target(args.target)
    if target.device is None:
        raise FirstspikeError(f"{target.name} is no device; build for one of the targets with a part: ulx3s-85f")
    if args.output.exists() and not args.output.is_dir():
        raise FirstspikeError(f"{args.output} is no folder; name one to write to, for example build/mnist-ulx3s")
    name = chosen_core(deployment.network, target.name, target.device.cores, args.core)
    config, clock = CONFIGS[name], args.clock or target.device.cores[name]
    refuse_what_does_not_fit(name, resources(config), target)
    device = Device(
        family=target.device.family,
        part=target.device.part,
        options=target.device.options,
        oscillator_mhz=target.device.clock_mhz,
        board=target.device.board,
    )
    with Progress("build") as progress:
        stages: list[str] = []

        def next_stage(what: str) -> None:
            stages.append(what)
            progress(len(stages), 5)

        design = routed(config, device, seed=args.seed, cache=cache_folder(), progress=next_stage)
        pll = pll_for(device.family, device.oscillator_mhz, clock)
        refuse_a_missed_clock(name, reached=design.report.fmax_mhz, clock=pll.mhz)
        start = time.monotonic()
        contents = contents_of(load_plan(deployment.network, config), config, CORE)
        changed = make_bitstream(design, contents, pll, args.output)
        seconds = round(time.monotonic() - start, 2)
    figures = estimated(deployment, config, clock_mhz=pll.mhz)
    data = {
        "deployment": args.deployment,
        "output": args.output,
        "target": target.name,
        "core": name,
        "seed": args.seed,
        "tools": design.tools,
        "place_and_route_seconds": design.seconds,
        "contents_seconds": seconds,
        "bits_changed": changed,
        "estimate": figures,
        "actual": {**actual(design, target.device), "clock_mhz": pll.mhz},
    }
    (args.output / REPORT).write_text(json.dumps(data, indent=1, default=str) + "\n")
    (args.output / "nextpnr-report.json").write_text((design.folder / "report.json").read_text())
    return Answer(text=_describe(data), data=data)


def refuse_what_does_not_fit(core: str, needs: "Resources", target: "Target") -> None:
    """Raises FirstspikeError with the figures before minutes are spent."""
    device = target.device
    assert device is not None
    has = {"lut": device.lut, "bram": target.device_blocks, "dsp": device.dsp}
    for what, name in (("bram", "block RAMs"), ("dsp", "multipliers"), ("lut", "look-up tables")):
        need = getattr(needs, what)
        if need > has[what]:
            raise FirstspikeError(
                f"the core {core} needs {need} {name} (estimate), {device.part} has {has[what]}; "
                f"use a larger target or a smaller core, for example --core small"
            )


def refuse_a_missed_clock(core: str, *, reached: float, clock: float) -> None:
    """Raises FirstspikeError: what was reached, and with which clock it would do."""
    if reached < clock:
        raise FirstspikeError(
            f"the core {core} reached {reached:g} MHz after place and route, its clock is {clock:g} MHz; "
            f"build with --clock {int(reached)}, or with another --seed"
        )


def actual(design: "Routed", device: "BuildDevice") -> dict[str, Any]:
    """Post-route figures by the names of the results files."""
    used = design.report.used
    names = (
        {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "bram": "DP16KD", "dsp": "MULT18X18D"}
        if device.family == "ecp5"
        else {"lut": "ICESTORM_LC", "ff": "ICESTORM_LC", "bram": "ICESTORM_RAM", "dsp": "ICESTORM_DSP"}
    )
    figures: dict[str, Any] = {ours: used.get(theirs, 0) for ours, theirs in names.items()}
    return {**figures, "fmax_mhz": design.report.fmax_mhz}


def _describe(data: dict[str, Any]) -> str:
    rows = [
        {"": name, "estimate": data["estimate"].get(name), "after place and route": data["actual"].get(name)}
        for name in ("lut", "ff", "bram", "dsp", "fmax_mhz", "clock_mhz")
    ]
    figures = data["estimate"]
    return (
        f"{data['output']}/firstspike.bit: {data['deployment']} on the core {data['core']} of {data['target']}; "
        f"contents in {data['contents_seconds']} s, read back and equal\n\n{table(rows)}\n\n"
        f"{figures['cycles']['mean']:.0f} cycles, {figures['latency_us']:.2f} us, "
        f"{figures['images_per_second']:,.0f} images per second at {data['actual']['clock_mhz']:g} MHz (cycle model)"
    )
