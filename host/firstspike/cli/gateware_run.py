"""A deployment through the simulated gateware: cycles and latency, compared with the model spike by spike."""

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

WAVES_IMAGES: Final = 100  # a trace of the fast core is about a megabyte an image


def measured_rtl(
    deployment: "Deployment", model: "FastModel", events: EventSet, *, core: str | None, waves: Path | None
) -> tuple[Batch, dict[str, Any]]:
    """The gateware's answers to all images, and the figures under the names of `--json`.

    waves: a VCD trace to write, with a saved view beside it.
    Raises FirstspikeError if no core holds the network or the gateware breaks a rule of its interface.
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
    """Mean, median and the 99th percentile."""
    p50, p99 = np.percentile(values, [50, 99])
    return {"mean": float(values.mean()), "p50": float(p50), "p99": float(p99)}
