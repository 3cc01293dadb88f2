"""The reference model: evaluates one image, in plain numpy. Every other implementation must equal it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.common.progress import Progress, unheard

from .events import EventSet
from .network import NO_SPIKE, Network
from .results import RESULT, Batch
from .walk import LayerState, file_inputs, walk

__all__ = ["Evaluation", "ImageWalk", "begin_walk", "evaluate", "evaluate_set"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """The answer to one image; the fields are those of Batch, for one image.

    result: RESULT, a scalar.
    times:  int16 ``[n]`` each.
    rows:   int32 ``[L]``.
    """

    result: np.void
    times: tuple[NDArray[np.int16], ...]
    rows: NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageWalk:
    """An image that is decided, and may run on.

    evaluation: the answer, which running on does not change.
    states:     states of the layers, at the decision step.
    inputs:     int64 ``[n_in]``, recorded times of the inputs by row.
    steps:      the rest of `walk`, from the step after the decision on.
    """

    evaluation: Evaluation
    states: list[LayerState]
    inputs: NDArray[np.int64]
    steps: Iterator[tuple[int, NDArray[np.bool_]]]


def evaluate(network: Network, events: NDArray[np.void]) -> Evaluation:
    """Evaluates one image, EVENT ``[E]`` in arrival order, up to its decision, and returns the answer.

    V_j(t) = sum_{t_i <= t} w[i,j] a[t_i] (m[t] - m[t_i]); j fires once, at the first t with V_j(t) >= th[t] (DESIGN
    section 2). Events that are out of range or repeated raise nothing: they are refused and counted.
    """
    return begin_walk(network, events).evaluation


def begin_walk(network: Network, events: NDArray[np.void]) -> ImageWalk:
    """Evaluates up to the decision; returns the state from which a learning image continues."""
    by_address, by_row, dropped, refused = file_inputs(network, events)
    states = [LayerState(layer=layer) for layer in network.layers]
    steps = walk(network, states, by_row)
    step, crossed = next(steps)
    while not crossed.any() and step < network.steps - 1:
        step, crossed = next(steps)

    output = states[-1]
    silent = not crossed.any()
    rivals = np.flatnonzero(crossed | silent)  # of a silent image, every output is compared, at T-1
    excess = output.potential[rivals] - output.layer.th[step]
    winner = int(rivals[excess.argmax()])  # argmax takes the lowest index among equals

    def recorded(times: NDArray[np.int64]) -> NDArray[np.int16]:
        return np.where(times <= step, times, NO_SPIKE).astype(np.int16)

    times = (recorded(by_address), *(recorded(state.spikes) for state in states))
    spikes = [int((layer != NO_SPIKE).sum()) for layer in times]
    constants = sum(int((layer.constant_times <= step).sum()) for layer in network.layers)
    result = np.zeros((), RESULT)
    result["class"], result["step"], result["silent"] = winner, step, silent
    result["tie"] = not silent and len(rivals) > 1
    result["exact_tie"] = (excess == excess.max()).sum() > 1
    result["spikes_input"], result["spikes_hidden"] = spikes[0], sum(spikes[1:-1])
    result["spikes_output"], result["spikes_constant"] = spikes[-1], constants
    result["events_dropped"], result["events_refused"] = dropped, refused

    read_until = step if network.kernel == "step" else step - 1  # kappa(0) = 0: an event changes nothing at its step
    pre = [by_row, *(state.spikes for state in states[:-1])]
    rows = [
        int(((source >= 0) & (source <= read_until)).sum() + (layer.constant_times <= read_until).sum())
        for source, layer in zip(pre, network.layers, strict=True)
    ]
    evaluation = Evaluation(result=cast(np.void, result[()]), times=times, rows=np.array(rows, np.int32))
    return ImageWalk(evaluation=evaluation, states=states, inputs=by_row, steps=steps)


def evaluate_set(network: Network, events: EventSet, progress: Progress = unheard) -> Batch:
    """Evaluates every image of a set. progress: called after each image."""
    n = len(events)
    results = np.zeros(n, RESULT)
    times = tuple(np.full((n, size), NO_SPIKE, np.int16) for size in network.sizes)
    rows = np.zeros((n, len(network.layers)), np.int32)
    for i in range(n):
        one = evaluate(network, events.image(i))
        results[i], rows[i] = one.result, one.rows
        for layer, spikes in zip(times, one.times, strict=True):
            layer[i] = spikes
        progress(i + 1, n)
    return Batch(results=results, times=times, rows=rows)
