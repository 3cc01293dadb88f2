"""Cycles that an image keeps the core, from its spikes: about (events + steps walked) x rows and a constant.

The stages' schedules are followed step by step (not cycle by cycle). Assumed: the image had been taken in when it was
started, no stream stalls, and no row waits for room in a serialiser.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.arithmetic.network import Network
from firstspike_contract.arithmetic.results import Batch

from .config import CoreConfig
from .loading import place

__all__ = ["image_cycles"]

# Latencies of the gateware in cycles; a test compares them with the units' own.
LANE_LATENCY: Final = {
    ("linear",): 3,
    ("step",): 3,
    ("linear", "exponential"): 5,
    ("linear", "alpha"): 4,
    ("linear", "exponential", "alpha", "lif-2to1"): 6,
}  # by the kernels that the lanes serve
ROW_LATENCY: Final = 3  # of the sequencer and the weight memory, before the lanes
RELAY_LATENCY: Final = 1  # more in a wide stage
SERIALISER_LATENCY: Final = 5
FILING_LATENCY: Final = 4  # and the way to the next stage
VERDICT_LATENCY: Final = 4  # of the decision, behind its serialiser
HORIZON_LATENCY: Final = 3  # from what is filed to a sequencer that may go on
STOP_LATENCY: Final = 2  # from the verdict to a sequencer that knows of it
OVERHEAD: Final = 5  # cycles of an image outside RUN

Cycles = NDArray[np.int64]


def image_cycles(network: Network, config: CoreConfig, batch: Batch, *, traced: bool = False) -> Cycles:
    """`cycles` of the result packet for each image of a batch, int64 ``[N]``. traced: with the header's SPIKES.

    Raises FirstspikeError if the network does not fit the core.
    """
    stages = [config.stages[k] for k in place(network, config)]
    steps, decided_at = network.steps, batch.results["step"].astype(np.int64)
    n, last = len(batch), len(stages) - 1
    rows = [stage.rows(layer.outputs) for stage, layer in zip(stages, network.layers, strict=True)]
    lanes = [min(v for k, v in LANE_LATENCY.items() if set(s.kernels) <= set(k)) for s in stages]
    latency = [ROW_LATENCY + s.wide * RELAY_LATENCY + own for s, own in zip(stages, lanes, strict=True)]
    events = _events(network, batch)
    constants = [np.bincount(layer.constant_times, minlength=steps) for layer in network.layers]
    fired = _fired(network, batch, [stage.lanes for stage in stages], rows)

    # All times count from the start of the image; `next_` is the first cycle in which the stage may decide.
    next_ = [np.full(n, 1 + r, np.int64) for r in rows]
    sent = [np.zeros(n, np.int64) for _ in stages]  # when the stage's serialiser gave its latest message
    at_end = np.zeros((2, last + 1, n), np.int64)  # of step D: when its events were known, and their number
    verdict, moved = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for t in range(int(decided_at.max()) + 1):
        before = np.zeros(n, np.int64)  # when the source's horizon came to be t, and t + 1
        now = before
        for k, r in enumerate(rows):
            count = events[k][t]
            taken, left = constants[k][t], constants[k][t:].sum() > 0
            if network.kernel == "step":  # events first, whose number must be known; in the end none is left
                ready = np.maximum(next_[k] + (left and t > 0), now)
                walked = known = (
                    ready + np.where(count > 0, count * r + taken + 2, 0) + r - 1
                )  # the cycle of the last row
                next_[k], count = walked + 1, np.zeros(n, np.int64)
            else:
                walked = np.maximum(next_[k], before) + r - 1
                known = np.maximum(walked + (left and t > 0 and r == 1), now)  # whether there are events at t
                next_[k] = known + np.where(count > 0, 1 + count * r + taken, 0) + 1
            at_end[:, k] = np.where(decided_at == t, (known, count), at_end[:, k])
            before = sent[k] + FILING_LATENCY + HORIZON_LATENCY if t else np.zeros(n, np.int64)
            for row in range(r):
                arrived = walked - (r - 1 - row) + latency[k] + SERIALISER_LATENCY
                # at T-1 all outputs are candidates
                messages = stages[k].lanes if k == last and t == steps - 1 else fired[k][t, row]
                begun = np.maximum(arrived, sent[k] + 1)
                if k == last:  # rows with values follow each other with a gap
                    says = (np.asarray(messages) > 0) | (row == r - 1)
                    begun = np.where(says, np.maximum(begun, moved + 2), begun)
                    moved = np.where(says, begun, moved)
                sent[k] = begun + np.maximum(messages, 1) - 1
            now = sent[k] + FILING_LATENCY + HORIZON_LATENCY
        verdict = np.where(decided_at == t, sent[last] + VERDICT_LATENCY, verdict)
    # A stage is through a cycle after finishing step D, or once it knows D. Events of step D that it has not come to by
    # then it counts without working on them.
    knows = np.where(decided_at == steps - 1, 0, verdict + STOP_LATENCY)
    known, count = at_end
    first, by_row = known + 1, np.array(rows)[:, None]
    driven = np.clip((verdict + STOP_LATENCY - first) // by_row, 0, count)
    finished = np.where(
        driven < count, np.maximum(first, verdict + STOP_LATENCY) + count - driven, first + count * by_row
    )
    finished = np.where(count > 0, finished, known)
    through = np.maximum(finished, knows).max(axis=0) + 1
    return np.maximum(verdict, through) + OVERHEAD + traced  # the trace's marker takes a cycle


def _events(network: Network, batch: Batch) -> list[NDArray[np.int64]]:
    """Events of each layer at each step, constant inputs included, int64 ``[T, N]`` each."""
    counts = []
    for k, layer in enumerate(network.layers):
        constant = np.bincount(layer.constant_times, minlength=network.steps)
        counts.append(_per_step(batch.times[k], network.steps) + constant[:, None])
    return counts


def _fired(network: Network, batch: Batch, lanes: list[int], rows: list[int]) -> list[NDArray[np.int64]]:
    """Spikes of each layer by the step and the row that they left the lanes at, int64 ``[T, rows, N]`` each."""
    counts = []
    for k, layer in enumerate(network.layers):
        times = batch.times[k + 1].astype(np.int64)
        crossed = np.where(times >= 0, times - layer.delays, times)
        row = np.arange(layer.outputs) // lanes[k]
        counts.append(np.stack([_per_step(crossed[:, row == r], network.steps) for r in range(rows[k])], axis=1))
    return counts


def _per_step(times: NDArray[np.int64] | NDArray[np.int16], steps: int) -> NDArray[np.int64]:
    """How many of an image's times are each step: ``[N, n]`` -> int64 ``[T, N]``."""
    n = len(times)
    image, neuron = np.nonzero(times >= 0)
    key = times[image, neuron].astype(np.int64) * n + image
    return np.bincount(key, minlength=steps * n).reshape(steps, n)
