"""Runs a deployment on the simulated gateware: measures cycles and latency, and compares every spike with the model."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from firstspike.report import ProgressLine
from firstspike_contract import Batch, EventSet, core_for, figures
from firstspike_contract.common.errors import UsageError

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment
    from firstspike_sim import FastModel

__all__ = ["WAVES_IMAGES", "measured_rtl"]

WAVES_IMAGES: Final = 100  # a waveform of the fast core takes about a megabyte for each image


def measured_rtl(
    deployment: "Deployment", model: "FastModel", events: EventSet, *, core: str | None, waves: Path | None
) -> tuple[Batch, dict[str, Any]]:
    """Returns the gateware's answers to all images, and the figures by the names that `--json` uses.

    core:  name of the core to simulate. None means the first core that holds the network.
    waves: VCD file to write the waveforms to, with a view for GTKWave beside it; None writes none.

    Raises FirstspikeError if no core holds the network, or if the gateware breaks a rule of its interface. Raises
    UsageError if there are too many images for `waves`.
    """
    from firstspike_sim.rtl import RtlCore, compare, difference
    from firstspike_sim.rtl.waves import save_view

    if waves is not None and len(events) > WAVES_IMAGES:
        raise UsageError(f"--waves is for at most {WAVES_IMAGES} images, not {len(events)}; for example --limit 20")
    network = deployment.network
    name, config = core_for(network, core)
    with ProgressLine("build the simulation") as progress:
        simulated = RtlCore(config, waves=waves, progress=progress)
    with simulated, ProgressLine("simulate the gateware") as progress:
        simulated.load(network)
        start = time.perf_counter()
        rtl = simulated.run(events, progress)
        seconds = time.perf_counter() - start
        alone = rtl if waves is not None else simulated.run(events, progress, alone=True)
    answers = model.run(events)
    wrong = sorted({*compare(network, rtl, answers), *compare(network, alone, answers)})
    found = figures(network, rtl.batch, events.labels)
    found |= {
        "core": name,
        "cycles": _spread(rtl.cycles),
        "latency": _spread(rtl.latency),
        "latency_alone": _spread(alone.latency),
        "rows_read": float(rtl.rows_read.mean()),
        "cycles_total": rtl.total_cycles,
        "seconds": seconds,
        "cycles_per_second": rtl.total_cycles / seconds,
        "mismatches": len(wrong),
    }
    if wrong:
        found["first_mismatch"] = f"image {wrong[0]}: {difference(rtl.batch, answers, wrong[0])}"
    if waves is not None:
        found["waves"], found["waves_view"] = waves, save_view(waves)
    return rtl.batch, found


def _spread(values: "np.typing.NDArray[np.int64]") -> dict[str, float]:
    """Returns the mean, the median and the 99th percentile."""
    p50, p99 = np.percentile(values, [50, 99])
    return {"mean": float(values.mean()), "p50": float(p50), "p99": float(p99)}
