"""The reference model: one image through the network, step by step, in plain numpy. All others must equal it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from .events import EventSet
from .network import DROPPED, NO_SPIKE, Layer, Network
from .results import RESULT, Batch

__all__ = ["Evaluation", "evaluate", "evaluate_set"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """Answer to one image, as in Batch: `result` RESULT scalar, `times` int16 ``[n]`` each, `rows` int32 ``[L]``."""

    result: np.void
    times: tuple[NDArray[np.int16], ...]
    rows: NDArray[np.int32]


@dataclass(kw_only=True, eq=False)
class _Stage:
    """A layer in motion.

    slope:     int64 ``[n_out]``, the accumulator A.
    potential: int64 ``[n_out]``, the accumulator V.
    fired:     bool ``[n_out]``, has crossed its threshold.
    spikes:    int64 ``[n_out]``, recorded spike times (delay included), NO_SPIKE if none.
    """

    layer: Layer
    slope: NDArray[np.int64] = field(init=False)
    potential: NDArray[np.int64] = field(init=False)
    fired: NDArray[np.bool_] = field(init=False)
    spikes: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        n = self.layer.outputs
        self.slope, self.potential = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.fired, self.spikes = np.zeros(n, bool), np.full(n, NO_SPIKE, np.int64)

    def drive(self, pre: NDArray[np.int64], t: int) -> NDArray[np.int64]:
        """Summed weights of the pre-synaptic spikes of step t; pre: int64 ``[n_in + P]``."""
        return self.layer.weights[pre == t].sum(axis=0, dtype=np.int64)

    def fire(self, t: int) -> NDArray[np.bool_]:
        """Which neurons first reach the threshold at step t; records their spikes at t + delay, if that is in time."""
        crossed = ~self.fired & (self.potential >= self.layer.th[t])
        self.fired |= crossed
        recorded = t + self.layer.delays
        in_time = recorded < len(self.layer.th)
        self.spikes[crossed & in_time] = recorded[crossed & in_time]
        return crossed


def _file_inputs(network: Network, events: NDArray[np.void]) -> tuple[NDArray[np.int64], NDArray[np.int64], int, int]:
    """Events through the input map, in arrival order.

    Returns recorded times by address ``[addresses]`` and by row ``[n_in]``, events dropped, events refused.
    """
    by_address = np.full(network.addresses, NO_SPIKE, np.int64)
    by_row = np.full(network.layers[0].inputs, NO_SPIKE, np.int64)
    taken = np.zeros(network.addresses, bool)
    dropped = refused = 0
    for t, x in zip(events["t"].tolist(), events["x"].tolist(), strict=True):
        if t >= network.steps or x >= network.addresses:
            refused += 1
        elif network.input_map[x] == DROPPED:
            dropped += 1
        elif taken[x]:
            refused += 1
        else:
            taken[x] = True
            row = network.input_map[x]
            recorded = t + network.input_delays[row]
            if recorded < network.steps:
                by_address[x] = by_row[row] = recorded
    return by_address, by_row, dropped, refused


def _walk(network: Network, stages: list[_Stage], inputs: NDArray[np.int64]) -> tuple[int, NDArray[np.bool_]]:
    """Runs the steps up to the decision. Returns D and which outputs first fired at D (none: silent)."""
    sources = [inputs, *(stage.spikes for stage in stages[:-1])]
    crossed = np.zeros(network.classes, bool)
    for t in range(network.steps):
        if network.kernel == "step":
            # Events act at once, and layers take effect in order: a spike of step t reaches the next layer at step t.
            for stage, source in zip(stages, sources, strict=True):
                stage.potential += stage.drive(np.concatenate([source, stage.layer.constant_times]), t)
                crossed = stage.fire(t)
            if crossed.any():
                return t, crossed
            continue
        for stage in stages:
            m = stage.layer.m
            stage.potential += stage.slope * (m[t] - m[t - 1] if t else 0)  # the slope is 0 before the first event
            crossed = stage.fire(t)
        if crossed.any():
            return t, crossed
        for stage, source in zip(stages, sources, strict=True):
            stage.slope += stage.drive(np.concatenate([source, stage.layer.constant_times]), t) * stage.layer.a[t]
    return network.steps - 1, crossed


def evaluate(network: Network, events: NDArray[np.void]) -> Evaluation:
    """One image, EVENT ``[E]`` in arrival order, up to its decision.

    V_j(t) = sum_{t_i <= t} w[i,j] a[t_i] (m[t] - m[t_i]); j fires once, at the first t with V_j(t) >= th[t] (DESIGN
    section 2). Never raises on odd events: they are refused and counted.
    """
    by_address, by_row, dropped, refused = _file_inputs(network, events)
    stages = [_Stage(layer=layer) for layer in network.layers]
    step, crossed = _walk(network, stages, by_row)

    output = stages[-1]
    silent = not crossed.any()
    rivals = np.flatnonzero(crossed | silent)  # silent: every output is compared, at T-1
    excess = output.potential[rivals] - output.layer.th[step]
    winner = int(rivals[excess.argmax()])  # argmax takes the lowest index among equals

    def recorded(times: NDArray[np.int64]) -> NDArray[np.int16]:
        return np.where(times <= step, times, NO_SPIKE).astype(np.int16)

    times = (recorded(by_address), *(recorded(stage.spikes) for stage in stages))
    spikes = [int((layer != NO_SPIKE).sum()) for layer in times]
    constants = sum(int((layer.constant_times <= step).sum()) for layer in network.layers)
    result = np.zeros((), RESULT)
    result["class"], result["step"], result["silent"] = winner, step, silent
    result["tie"] = not silent and len(rivals) > 1
    result["exact_tie"] = (excess == excess.max()).sum() > 1
    result["spikes_input"], result["spikes_hidden"] = spikes[0], sum(spikes[1:-1])
    result["spikes_output"], result["spikes_constant"] = spikes[-1], constants
    result["events_dropped"], result["events_refused"] = dropped, refused

    read_until = step if network.kernel == "step" else step - 1  # kappa(0) = 0: spikes of step D changed nothing
    pre = [by_row, *(stage.spikes for stage in stages[:-1])]
    rows = [
        int(((source >= 0) & (source <= read_until)).sum() + (layer.constant_times <= read_until).sum())
        for source, layer in zip(pre, network.layers, strict=True)
    ]
    return Evaluation(result=cast(np.void, result[()]), times=times, rows=np.array(rows, np.int32))


def evaluate_set(network: Network, events: EventSet, progress: Callable[[int, int], None] | None = None) -> Batch:
    """Every image of a set through `evaluate`. progress(done, total) is called after each image."""
    n = len(events)
    results = np.zeros(n, RESULT)
    times = tuple(np.full((n, size), NO_SPIKE, np.int16) for size in network.sizes)
    rows = np.zeros((n, len(network.layers)), np.int32)
    for i in range(n):
        one = evaluate(network, events.image(i))
        results[i], rows[i] = one.result, one.rows
        for layer, spikes in zip(times, one.times, strict=True):
            layer[i] = spikes
        if progress is not None:
            progress(i + 1, n)
    return Batch(results=results, times=times, rows=rows)
