"""firstspike build: a deployment becomes a bitstream that holds its weights."""

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firstspike.cli.answer import Answer
from firstspike.cli.files import refuse_existing_folder, whole_folder
from firstspike.cli.options import at_least, clock_mhz, one_of
from firstspike.report import Progress, table
from firstspike_contract import CONFIGS
from firstspike_contract.common.errors import FirstspikeError

from .check import DEFAULT_TARGET
from .estimate import chosen_core, estimated

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment
    from firstspike_compiler.estimate.resources import Resources
    from firstspike_compiler.targets import BuildDevice, Target
    from firstspike_hw.silicon.build import Device, Routed

__all__ = ["EXAMPLE", "REPORT", "SUMMARY", "WHAT", "add_arguments", "run"]

SUMMARY: Final = "make a bitstream with a deployment's weights inside"
EXAMPLE: Final = """\
  firstspike build build/mnist --target ulx3s-85f -o build/mnist-ulx3s
  The first time a core is placed and routed, which takes minutes; then any network that it holds takes seconds.
  Writes firstspike.bit, build.json with estimate and result side by side, and nextpnr's report and log.
  --target verilog writes the core with its weights as Verilog instead."""

REPORT: Final = "build.json"
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
    from firstspike.cli.build_verilog import write_verilog
    from firstspike_compiler.deployment import read_deployment
    from firstspike_compiler.targets import load_target

    deployment, target = read_deployment(args.deployment), load_target(args.target)
    refuse_existing_folder(args.output, force=args.force, own=OWN, what=WHAT)
    if target.device is None and not target.verilog_cores:
        raise FirstspikeError(f"nothing can be built for {target.name}; use a target with a part, such as ulx3s-85f")
    with whole_folder(args.output, force=args.force, own=OWN, what=WHAT) as folder:
        if target.device is None:
            data, text = write_verilog(args, deployment, target, folder)
        else:
            data, text = _write_bitstream(args, deployment, target, target.device, folder)
        (folder / REPORT).write_text(json.dumps(data, indent=1, default=str) + "\n")
    return Answer(text=text, data=data)


def _write_bitstream(
    args: argparse.Namespace, deployment: "Deployment", target: "Target", chip: "BuildDevice", folder: Path
) -> tuple[dict[str, Any], str]:
    """Bitstream and nextpnr's report into the folder. Returns the facts, and them as text."""
    from firstspike_compiler.estimate.resources import resources
    from firstspike_contract.core.loading import load_plan
    from firstspike_hw.board.chains import CORE
    from firstspike_hw.core.contents import check_network_in, contents_of
    from firstspike_hw.silicon.build import make_bitstream, read_back, routed
    from firstspike_hw.silicon.family import FAMILIES
    from firstspike_hw.silicon.pll import pll_for
    from firstspike_sim.rtl.toolchain import cache_folder

    name = chosen_core(deployment.network, target.name, chip.cores, args.core)
    config, clock = CONFIGS[name], args.clock or chip.cores[name]
    plan = load_plan(deployment.network, config)
    refuse_what_does_not_fit(name, resources(config, chip.family), target)
    device = device_of(chip)
    pll = pll_for(device.family, device.oscillator_mhz, clock)
    start = time.monotonic()
    with Progress("build") as progress:
        design = routed(
            config,
            device,
            clock_mhz=clock,
            seed=args.seed,
            cache=cache_folder(),
            planned=name in chip.planned,
            progress=lambda what: progress.waiting(f"build: {what}"),
        )
        refuse_a_missed_clock(name, reached=design.report.fmax_mhz, clock=pll.mhz)
        progress.waiting("build: contents")
        changed = make_bitstream(design, contents_of(plan, config, CORE), pll, folder)
        bitstream = FAMILIES[device.family].bitstream
        check_network_in(read_back(design, folder / bitstream), deployment.network, config, CORE)
    data = {
        "deployment": args.deployment,
        "output": args.output,
        "bitstream": args.output / bitstream,
        "target": target.name,
        "part": device.part,
        "core": name,
        "seed": args.seed,
        "tools": design.tools,
        "place_and_route_seconds": design.seconds,
        "seconds": round(time.monotonic() - start, 2),
        "bits_changed": changed,
        "read_back": "equal",
        "image_sha256": deployment.manifest["files"]["image.bin"]["sha256"],
        "estimate": estimated(deployment, config, clock_mhz=pll.mhz, family=chip.family),
        "actual": {**actual(design, chip), "clock_mhz": pll.mhz},
    }
    for kept, ours in (("report.json", "nextpnr-report.json"), ("route.log", "nextpnr.log")):
        (folder / ours).write_bytes((design.folder / kept).read_bytes())
    return data, _describe(data)


def refuse_what_does_not_fit(core: str, needs: "Resources", target: "Target") -> None:
    """Raises FirstspikeError with the figures before minutes are spent."""
    chip = target.device
    assert chip is not None
    has = {"lut": chip.lut, "bram": target.device_blocks, "dsp": chip.dsp}
    for what, name in (("bram", "block RAMs"), ("dsp", "multipliers"), ("lut", "look-up tables")):
        need = getattr(needs, what)
        if need > has[what]:
            raise FirstspikeError(
                f"the core {core} needs {need:,} {name} (estimate), {chip.part} has {has[what]:,}; "
                f"use a larger target or a smaller core, for example --core tiny"
            )


def refuse_a_missed_clock(core: str, *, reached: float, clock: float) -> None:
    """Raises FirstspikeError: what was reached, and with which clock it would do."""
    if reached < clock:
        raise FirstspikeError(
            f"the core {core} reached {reached:g} MHz after place and route, less than its clock of {clock:g} MHz; "
            f"build with --clock {int(reached)}, or with another --seed"
        )


def device_of(chip: "BuildDevice") -> "Device":
    """A target's device as place and route takes it."""
    from firstspike_hw.silicon.build import Device

    return Device(
        family=chip.family,
        part=chip.part,
        options=chip.options,
        oscillator_mhz=chip.clock_mhz,
        board=chip.board,
    )


def actual(design: "Routed", chip: "BuildDevice") -> dict[str, Any]:
    """Post-route figures by the names of the results files."""
    names = {
        "ecp5": {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "bram": "DP16KD", "dsp": "MULT18X18D"},
        # a cell is a table and a flip-flop
        "ice40": {"lut": "ICESTORM_LC", "ff": "ICESTORM_LC", "bram": "ICESTORM_RAM", "dsp": "ICESTORM_DSP"},
    }
    used = design.report.used
    return {ours: used.get(theirs, 0) for ours, theirs in names[chip.family].items()} | {
        "fmax_mhz": design.report.fmax_mhz
    }


def _describe(data: dict[str, Any]) -> str:
    rows = [
        {"": name, "estimate": data["estimate"].get(name), "after place and route": data["actual"].get(name)}
        for name in ("lut", "ff", "bram", "dsp", "fmax_mhz", "clock_mhz")
    ]
    figures = data["estimate"]
    tools = ", ".join(f"{name} {version}" for name, version in data["tools"].items())
    return (
        f"{data['bitstream']}: {data['deployment']} on the core {data['core']} of {data['target']}, "
        f"in {data['seconds']:.1f} s\n"
        f"read back out of the bitstream: equal to the deployment; nothing else differs from the routed design\n\n"
        f"{table(rows)}\n\n"
        f"{figures['cycles']['mean']:.0f} cycles, {figures['latency_us']:.2f} us, "
        f"{figures['images_per_second']:,.0f} images per second at {data['actual']['clock_mhz']:g} MHz (cycle model, "
        f"{figures['images']})\n"
        f"placed and routed in {data['place_and_route_seconds']:.0f} s with seed {data['seed']}; {tools}"
    )
