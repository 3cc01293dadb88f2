"""Makes a bitstream from a deployment: routes the core unless that was done before, then adds the network."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firstspike.report import ProgressLine, table
from firstspike_contract import CONFIGS
from firstspike_contract.common.errors import FirstspikeError
from firstspike_contract.common.progress import Progress, unheard

from .cores import chosen_core, estimated

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment
    from firstspike_compiler.estimate.resources import Resources
    from firstspike_compiler.targets import BuildDevice, Target
    from firstspike_contract import CoreConfig
    from firstspike_hw.silicon.build import Routed
    from firstspike_hw.silicon.fpga import Fpga

__all__ = ["REPORT", "actual", "described_bitstream", "fpga_of", "routed_core", "write_bitstream"]

REPORT: Final = "build.json"  # file beside the bitstream with the facts of the build

# nextpnr's names of the resources, by the names that the results files use.
_USED: Final = {
    "ecp5": {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "bram": "DP16KD", "dsp": "MULT18X18D"},
    # one logic cell contains a look-up table and a flip-flop
    "ice40": {"lut": "ICESTORM_LC", "ff": "ICESTORM_LC", "bram": "ICESTORM_RAM", "dsp": "ICESTORM_DSP"},
}


def write_bitstream(
    deployment: "Deployment",
    target: "Target",
    chip: "BuildDevice",
    folder: Path,
    *,
    core: str | None,
    clock_mhz: float | None,
    seed: int,
) -> dict[str, Any]:
    """Writes the bitstream and nextpnr's report into the folder. Returns the facts of the build.

    core:      name of the core. None means the target's first core that holds the network.
    clock_mhz: clock of the core, MHz. None means the clock in the target's file.
    seed:      seed of place and route.

    Raises FirstspikeError if the network fits no core, the core does not fit the device, or the core misses its clock.
    """
    from firstspike_compiler.estimate.resources import resources
    from firstspike_contract.core.loading import load_plan
    from firstspike_hw.board.chains import CORE
    from firstspike_hw.core.contents import check_network_in, contents_of
    from firstspike_hw.emit.designs import LANGUAGE, language_version
    from firstspike_hw.silicon.build import make_bitstream, read_back
    from firstspike_hw.silicon.family import FAMILIES
    from firstspike_hw.silicon.pll import pll_for

    name = chosen_core(deployment.network, target.name, chip.cores, core)
    config, clock = CONFIGS[name], clock_mhz or chip.cores[name]
    plan = load_plan(deployment.network, config)
    _refuse_what_does_not_fit(name, resources(config, chip.family), target, chip)
    pll = pll_for(chip.family, chip.clock_mhz, clock)
    start = time.monotonic()
    with ProgressLine("build") as progress:
        planned = name in chip.planned
        design = routed_core(config, chip, clock_mhz=clock, seed=seed, planned=planned, progress=progress)
        _refuse_a_missed_clock(name, reached=design.report.fmax_mhz, clock=pll.mhz)
        progress(0, 0, "contents")
        changed = make_bitstream(design, contents_of(plan, config, CORE), pll, folder)
        bitstream = FAMILIES[chip.family].bitstream
        check_network_in(read_back(design, folder / bitstream), deployment.network, config, CORE)
    for kept, ours in (("report.json", "nextpnr-report.json"), ("route.log", "nextpnr.log")):
        (folder / ours).write_bytes((design.folder / kept).read_bytes())
    return {
        "bitstream": bitstream,
        "target": target.name,
        "part": chip.part,
        "core": name,
        "seed": seed,
        "tools": {**design.tools, LANGUAGE: language_version()},
        "place_and_route_seconds": design.seconds,
        "seconds": round(time.monotonic() - start, 2),
        "bits_changed": changed,
        "read_back": "equal",
        "image_sha256": deployment.manifest["files"]["image.bin"]["sha256"],
        "estimate": estimated(deployment, config, clock_mhz=pll.mhz, family=chip.family),
        "actual": {**actual(design, chip.family), "clock_mhz": pll.mhz},
    }


def routed_core(
    config: "CoreConfig",
    chip: "BuildDevice",
    *,
    clock_mhz: float,
    seed: int,
    planned: bool = False,
    progress: Progress = unheard,
) -> "Routed":
    """Returns a core routed on a target's device, from the cache if it was routed before.

    See `firstspike_hw.silicon.build.routed` for `planned` and for the errors.
    """
    from firstspike_hw.emit.designs import core_in_chains
    from firstspike_hw.silicon.build import routed, routing_pll
    from firstspike_sim.rtl.toolchain import cache_folder

    fpga = fpga_of(chip)
    pll = routing_pll(fpga, clock_mhz)
    design = core_in_chains(config, family=fpga.family, pll=pll)
    return routed(design, fpga, pll=pll, seed=seed, cache=cache_folder(), planned=planned, progress=progress)


def fpga_of(chip: "BuildDevice") -> "Fpga":
    """Describes a target's device for place and route."""
    from firstspike_hw.board.pins import constraints
    from firstspike_hw.silicon.family import FAMILIES
    from firstspike_hw.silicon.fpga import Fpga

    return Fpga(
        family=chip.family,
        part=chip.part,
        options=chip.options,
        oscillator_mhz=chip.clock_mhz,
        constraints=constraints(chip.board, FAMILIES[chip.family].constraints),
    )


def actual(design: "Routed", family: str) -> dict[str, Any]:
    """Returns the figures after place and route, by the names that the results files use."""
    used = design.report.used
    counts = {ours: used.get(theirs, 0) for ours, theirs in _USED[family].items()}
    return counts | {"fmax_mhz": design.report.fmax_mhz}


def described_bitstream(data: dict[str, Any]) -> str:
    """Returns the facts as text. data: the facts from `write_bitstream`, and `deployment`."""
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


def _refuse_what_does_not_fit(core: str, needs: "Resources", target: "Target", chip: "BuildDevice") -> None:
    """Raises FirstspikeError with the figures if the core does not fit. It runs before minutes of place and route."""
    has = {"lut": chip.lut, "bram": target.device_blocks, "dsp": chip.dsp}
    for what, name in (("bram", "block RAMs"), ("dsp", "multipliers"), ("lut", "look-up tables")):
        need = getattr(needs, what)
        if need > has[what]:
            raise FirstspikeError(
                f"the core {core} needs {need:,} {name} (estimated), and {chip.part} has {has[what]:,}; "
                f"use a larger target or a smaller core, for example --core tiny"
            )


def _refuse_a_missed_clock(core: str, *, reached: float, clock: float) -> None:
    """Raises FirstspikeError if the core is slower than its clock. The message names a clock that it would reach."""
    if reached < clock:
        raise FirstspikeError(
            f"the core {core} reached {reached:g} MHz after place and route, less than its clock of {clock:g} MHz; "
            f"build it with --clock {int(reached)}, or with another --seed"
        )
