"""Computes from an image's spikes how many cycles it keeps the core: about (events + steps walked) x rows + a constant.

The computation follows the schedules of the stages step by step (not cycle by cycle). It assumes that the image was
taken in before it was started, that no stream stalls, and that no row waits for room in a serialiser.

Tested by tests/hw/core/test_cycles.py.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.arithmetic.network import Network
from firstspike_contract.arithmetic.results import Batch

from .config import CoreConfig, StageConfig
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
RELAY_LATENCY: Final = 1  # in addition, in a wide stage
SERIALISER_LATENCY: Final = 5
FILING_LATENCY: Final = 4  # of the filing, and of the way to the next stage
VERDICT_LATENCY: Final = 4  # of the decision, after its serialiser
HORIZON_LATENCY: Final = 3  # from a filed spike until the next sequencer may continue
STOP_LATENCY: Final = 2  # from the verdict until a sequencer knows it
OVERHEAD: Final = 5  # cycles of an image outside the phase RUN

Cycles = NDArray[np.int64]


def image_cycles(network: Network, config: CoreConfig, batch: Batch, *, traced: bool = False) -> Cycles:
    """Returns the `cycles` field of each image's result packet, int64 ``[N]``.

    traced: whether the images set the SPIKES flag.

    Raises FirstspikeError if the network does not fit the core.
    """
    walks = _walks(network, config, batch)
    last, decided_at = network.steps - 1, batch.results["step"].astype(np.int64)
    verdict = np.zeros(len(batch), np.int64)
    for t in range(int(decided_at.max()) + 1):
        # Cycles in which the horizon of a stage's source reached t and t + 1. Inputs have the horizon T from the start.
        before = now = np.zeros(len(batch), np.int64)
        for walk in walks:
            known, count = walk.step(t, before, now)
            walk.note(decided_at == t, known, count)
            before = walk.filed() if t else np.zeros(len(batch), np.int64)
            walk.send(t, everyone=walk.is_output and t == last)
            now = walk.filed()
        verdict = np.where(decided_at == t, walks[-1].sent + VERDICT_LATENCY, verdict)
    told = verdict + STOP_LATENCY
    knows = np.where(decided_at == last, 0, told)  # a stage ends at the last step without the verdict
    through = np.maximum(np.max([walk.finished(told) for walk in walks], axis=0), knows) + 1
    return np.maximum(verdict, through) + OVERHEAD + traced  # the marker of the trace takes a cycle


def _walks(network: Network, config: CoreConfig, batch: Batch) -> "list[_Walk]":
    """Returns a _Walk for every layer of the network."""
    stages = [config.stages[k] for k in place(network, config)]
    rows = [stage.rows(layer.outputs) for stage, layer in zip(stages, network.layers, strict=True)]
    events, fired = _events(network, batch), _fired(network, batch, [stage.lanes for stage in stages], rows)
    return [
        _Walk(
            stage=stage,
            rows=rows[k],
            events=events[k],
            constants=np.bincount(network.layers[k].constant_times, minlength=network.steps),
            fired=fired[k],
            events_first=network.kernel == "step",
            is_output=k == len(stages) - 1,
        )
        for k, stage in enumerate(stages)
    ]


@dataclass(kw_only=True, eq=False)
class _Walk:
    """The schedule of a stage and its serialiser over N images, step by step.

    Times are int64 ``[N]``, in cycles from the start of the image.

    stage:        the stage.
    rows:         rows of the layer that the stage walks.
    events:       ``[T, N]``, events of each step, constant inputs included.
    constants:    ``[T]``, constant inputs of each step.
    fired:        ``[T, rows, N]``, spikes by step and row in which they leave the lanes.
    events_first: whether the events of a step act before its walk (`step`).
    is_output:    whether the layer is the output layer.

    Set by the methods:

    next_:        time at which the stage may begin its next step.
    walked:       time of the last row of the step.
    sent:         time of the serialiser's latest message.
    moved:        time at which the serialiser of an output layer last began a row.
    decision:     ``[2, N]``, results of `step` for step D.
    """

    stage: StageConfig
    rows: int
    events: Cycles
    constants: Cycles
    fired: Cycles
    events_first: bool
    is_output: bool

    def __post_init__(self) -> None:
        n = self.events.shape[1]
        self.next_, self.walked = np.full(n, 1 + self.rows, np.int64), np.zeros(n, np.int64)
        self.sent, self.moved = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.decision = np.zeros((2, n), np.int64)
        lanes = min(v for k, v in LANE_LATENCY.items() if set(self.stage.kernels) <= set(k))
        self.latency = ROW_LATENCY + self.stage.wide * RELAY_LATENCY + lanes

    def step(self, t: int, before: Cycles, now: Cycles) -> tuple[Cycles, Cycles]:
        """Walks the rows and drives the events of step t.

        before, now: times at which the source's horizon reached t and t + 1.

        Returns the time at which the stage knew whether the step has events, and the number of events that remain to be
        driven at that time.
        """
        count, r = self.events[t], self.rows
        taken, left = self.constants[t], self.constants[t:].sum() > 0
        if self.events_first:  # the number of events must be known first; after the walk none remains
            ready = np.maximum(self.next_ + (left and t > 0), now)
            self.walked = ready + np.where(count > 0, count * r + taken + 2, 0) + r - 1
            self.next_ = self.walked + 1
            return self.walked, np.zeros_like(count)
        self.walked = np.maximum(self.next_, before) + r - 1
        known = np.maximum(self.walked + (left and t > 0 and r == 1), now)
        self.next_ = known + np.where(count > 0, 1 + count * r + taken, 0) + 1
        return known, count

    def note(self, decided: NDArray[np.bool_], known: Cycles, count: Cycles) -> None:
        """Keeps the results of `step` for the images that are decided at that step."""
        self.decision = np.where(decided, (known, count), self.decision)

    def send(self, t: int, *, everyone: bool) -> None:
        """Sends the spikes of step t through the serialiser.

        everyone: every lane sends a message, because at T-1 all outputs are candidates.
        """
        for row in range(self.rows):
            arrived = self.walked - (self.rows - 1 - row) + self.latency + SERIALISER_LATENCY
            messages = np.full_like(self.sent, self.stage.lanes) if everyone else self.fired[t, row]
            begun = np.maximum(arrived, self.sent + 1)
            if self.is_output:  # rows with values follow each other with a gap of a cycle
                says = (messages > 0) | (row == self.rows - 1)
                begun = np.where(says, np.maximum(begun, self.moved + 2), begun)
                self.moved = np.where(says, begun, self.moved)
            self.sent = begun + np.maximum(messages, 1) - 1

    def filed(self) -> Cycles:
        """Returns the time at which the next stage knows everything that was sent."""
        return self.sent + FILING_LATENCY + HORIZON_LATENCY

    def finished(self, told: Cycles) -> Cycles:
        """Returns the time at which the stage is through with step D. told: time at which it knew the verdict.

        From then on the stage only counts the remaining events of step D, one a cycle, and does not drive them.
        """
        known, count = self.decision
        first = known + 1
        driven = np.clip((told - first) // self.rows, 0, count)
        late = np.maximum(first, told) + count - driven
        return np.where(count > 0, np.where(driven < count, late, first + count * self.rows), known)


def _events(network: Network, batch: Batch) -> list[NDArray[np.int64]]:
    """Returns the number of events of each layer at each step, constant inputs included, int64 ``[T, N]`` each."""
    counts = []
    for k, layer in enumerate(network.layers):
        constant = np.bincount(layer.constant_times, minlength=network.steps)
        counts.append(_per_step(batch.times[k], network.steps) + constant[:, None])
    return counts


def _fired(network: Network, batch: Batch, lanes: list[int], rows: list[int]) -> list[NDArray[np.int64]]:
    """Returns the number of spikes of each layer by step and row of leaving the lanes, int64 ``[T, rows, N]`` each."""
    counts = []
    for k, layer in enumerate(network.layers):
        times = batch.times[k + 1].astype(np.int64)
        crossed = np.where(times >= 0, times - layer.delays, times)
        row = np.arange(layer.outputs) // lanes[k]
        counts.append(np.stack([_per_step(crossed[:, row == r], network.steps) for r in range(rows[k])], axis=1))
    return counts


def _per_step(times: NDArray[np.int64] | NDArray[np.int16], steps: int) -> NDArray[np.int64]:
    """Counts how many of an image's times ``[N, n]`` fall on each step. Returns int64 ``[T, N]``."""
    n = len(times)
    image, neuron = np.nonzero(times >= 0)
    key = times[image, neuron].astype(np.int64) * n + image
    return np.bincount(key, minlength=steps * n).reshape(steps, n)
