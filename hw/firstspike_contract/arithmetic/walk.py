"""The recurrence, step by step, in plain numpy: accumulators and spikes of all layers during one image.

Tested by tests/contract/arithmetic/test_evaluate.py and tests/contract/arithmetic/test_learn.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .network import DROPPED, NO_SPIKE, Layer, Network

__all__ = ["LayerState", "file_inputs", "walk"]


@dataclass(kw_only=True, eq=False)
class LayerState:
    """The state of a layer during an image.

    layer:     the layer.
    slope:     int64 ``[n_out]``, the accumulator A.
    potential: int64 ``[n_out]``, the accumulator V.
    fired:     bool ``[n_out]``, whether the neuron has reached its threshold.
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
        """Returns the summed weights of the spikes of step t. pre: int64 ``[n_in + P]``, spike times of the inputs."""
        return self.layer.weights[pre == t].sum(axis=0, dtype=np.int64)

    def fire(self, t: int) -> NDArray[np.bool_]:
        """Returns which neurons first reach the threshold at step t; records their spikes, if t + delay is before T."""
        crossed = ~self.fired & (self.potential >= self.layer.th[t])
        self.fired |= crossed
        recorded = t + self.layer.delays
        in_time = recorded < len(self.layer.th)
        self.spikes[crossed & in_time] = recorded[crossed & in_time]
        return crossed


def file_inputs(network: Network, events: NDArray[np.void]) -> tuple[NDArray[np.int64], NDArray[np.int64], int, int]:
    """Passes events through the input map, in arrival order.

    Returns the recorded times by address ``[addresses]`` and by row ``[n_in]``, and the numbers of events that were
    dropped and refused.
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


def walk(
    network: Network, states: list[LayerState], inputs: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yields the steps 0 .. T-1 in order: the step, and which outputs first fired at it, bool ``[n_out]``.

    inputs: int64 ``[n_in]``, recorded times.

    When a step is yielded, `states` are those of that step, after its firing.
    """
    sources = [inputs, *(state.spikes for state in states[:-1])]
    crossed = np.zeros(network.classes, bool)
    for t in range(network.steps):
        if network.kernel == "step":
            # Events act at once, and layers take effect in order: a spike of step t reaches the next layer at step t.
            for state, source in zip(states, sources, strict=True):
                state.potential += state.drive(np.concatenate([source, state.layer.constant_times]), t)
                crossed = state.fire(t)
            yield t, crossed
            continue
        for state in states:
            m = state.layer.m
            state.potential += state.slope * (m[t] - m[t - 1] if t else 0)  # the slope is 0 before the first event
            crossed = state.fire(t)
        yield t, crossed
        for state, source in zip(states, sources, strict=True):
            state.slope += state.drive(np.concatenate([source, state.layer.constant_times]), t) * state.layer.a[t]
