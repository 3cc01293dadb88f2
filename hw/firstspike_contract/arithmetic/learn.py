"""On-chip learning by popcounts and signs, in plain numpy: one image with a label, and the weights after it.

The output of the label ought to fire, soon, and no other within `margin` steps of it. Where that fails, every synapse
that had a part in it moves by one, towards it, by the sign of what an output weight says (DESIGN section 4; the rule of
Mostafa et al., ISCAS 2017, sign and popcount in place of error and product). No float, no product, no second copy of
the weights. All that learn must equal this model in every weight.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.common.errors import FirstspikeError

from .evaluate import Evaluation, begin_walk
from .network import WEIGHT_MAX, Layer, Network
from .random_bits import CHANCE_MAX, chances, image_state, row_state

__all__ = [
    "SETTING_MAX",
    "LearnResult",
    "LearnResults",
    "LearnSettings",
    "check_label",
    "check_settings",
    "learn",
    "row_numbers",
]

SETTING_MAX: Final = 255  # of margin and late, steps

Delta = NDArray[np.int8]


@dataclass(frozen=True, kw_only=True)
class LearnSettings:
    """Run-time settings of learning.

    margin:  steps that an image runs on after its decision; an output that fires within them is a rival. 0..255.
    late:    latest decision step that is soon enough. 0..255.
    chances: p of each layer, 0..5: a synapse that is to move does so with probability 2^-p.
    seed:    of the random bits, 0..2^32 - 1.
    """

    margin: int
    late: int
    chances: tuple[int, ...]
    seed: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class LearnResult:
    """What one learning image gave.

    evaluation: the answer, of the weights before it.
    step:       S, to which the image ran on.
    triggered:  whether anything was wrong.
    deltas:     int8 ``[n_out]`` of each layer: +1 to fire sooner, -1 to fire later, 0 to stay; all 0 if not triggered.
    network:    with the weights after it.
    """

    evaluation: Evaluation
    step: int
    triggered: bool
    deltas: tuple[Delta, ...]
    network: Network


@dataclass(frozen=True, kw_only=True, eq=False)
class LearnResults:
    """What N learning images gave.

    results:   RESULT ``[N]``, the answers, each of the weights before that image.
    triggered: bool ``[N]``, whether anything was wrong, so that weights were to move.
    steps:     uint16 ``[N]``, S, to which each image ran on; None where that is not known, as of a board.
    """

    results: NDArray[np.void]
    triggered: NDArray[np.bool_]
    steps: NDArray[np.uint16] | None = None


def learn(network: Network, events: NDArray[np.void], label: int, settings: LearnSettings, count: int) -> LearnResult:
    """One image, EVENT ``[E]``, of class `label`. count: learning images before it, modulo 2^32.

    With D the decision step the image runs on to S = min(T-1, D + margin). An output that has not fired by then counts
    as firing at S + 1; one that has, and is not the label's, is a rival. Triggered by: wrong class, silent, D > late, a
    rival. Raises FirstspikeError for a label or settings out of range.
    """
    check_settings(network, settings)
    check_label(network, label)
    ongoing = begin_walk(network, events)
    result = ongoing.evaluation.result
    step, end = int(result["step"]), min(network.steps - 1, int(result["step"]) + settings.margin)
    while step < end:
        step, _ = next(ongoing.steps)
    # Recorded times of each layer, the inputs first, int64 [n]: end + 1 for what has not come by then.
    times = [_by(ongoing.inputs, end), *(_by(state.spikes, end) for state in ongoing.states)]

    rivals = (times[-1] <= end) & (np.arange(network.classes) != label)
    wrong = result["class"] != label or result["silent"] or result["step"] > settings.late
    triggered = bool(wrong or rivals.any())
    deltas = [np.zeros(layer.outputs, np.int8) for layer in network.layers]
    layers = list(network.layers)
    if triggered:
        deltas[-1][rivals], deltas[-1][label] = -1, 1
        state = image_state(settings.seed, count)
        for k, layer in reversed(list(enumerate(network.layers))):
            causal = _causal(network, times[k], layer, times[k + 1], end)
            if k:
                n = layer.inputs
                deltas[k - 1] = _backwards(layer.weights[:n], deltas[k], causal[:n])
            change = deltas[k] * (causal & _may_move(layer, state, k, settings.chances[k]))
            moved = np.clip(layer.weights.astype(np.int64) + change, -WEIGHT_MAX, WEIGHT_MAX)
            layers[k] = replace(layer, weights=moved.astype(np.int8))
    return LearnResult(
        evaluation=ongoing.evaluation,
        step=end,
        triggered=triggered,
        deltas=tuple(deltas),
        network=replace(network, layers=tuple(layers)),
    )


def _causal(
    network: Network, before: NDArray[np.int64], layer: Layer, after: NDArray[np.int64], end: int
) -> NDArray[np.bool_]:
    """Whose input came before the neuron's spike (`step`: or with it) and by `end`; bool ``[n_in + P, n_out]``."""
    pre = np.concatenate([before, layer.constant_times])[:, None]
    return (pre <= end) & (pre <= after if network.kernel == "step" else pre < after)


def _may_move(layer: Layer, state: tuple[int, int], number: int, p: int) -> NDArray[np.bool_]:
    """What the random bits of an image allow in a layer, bool ``[n_in + P, n_out]``."""
    may = np.zeros(layer.weights.shape, bool)
    for i, row in enumerate(row_numbers(layer).tolist()):
        may[i] = chances(row_state(state, number, row), p, layer.outputs)
    return may


def _backwards(weights: NDArray[np.int8], delta: Delta, causal: NDArray[np.bool_]) -> Delta:
    """Deltas int8 ``[n_in]`` of the neurons before a layer: the sign of votes for less votes against.

    weights, causal: ``[n_in, n_out]``. A causal synapse to a neuron that moves votes: for firing sooner if its weight
    is not negative and the neuron ought to, or is negative and the neuron ought not to. A neuron without causal
    synapses, such as one that did not fire, has no votes.
    """
    positive, plus, minus = weights >= 0, causal & (delta > 0), causal & (delta < 0)
    up = ((positive & plus) | (~positive & minus)).sum(axis=1)
    down = ((positive & minus) | (~positive & plus)).sum(axis=1)
    return np.sign(up - down).astype(np.int8)


def _by(times: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """Spike times by step `end`; end + 1 for those that are later or not at all."""
    return np.where((times >= 0) & (times <= end), times, end + 1)


def row_numbers(layer: Layer) -> NDArray[np.int64]:
    """Numbers of a layer's rows for the random bits: constant inputs come last and in order of time, as in a core."""
    rank = np.argsort(np.argsort(layer.constant_times, kind="stable"))
    return np.concatenate([np.arange(layer.inputs), layer.inputs + rank])


def check_label(network: Network, label: int) -> None:
    """Raises FirstspikeError for a label that is no class of the network."""
    if not 0 <= label < network.classes:
        raise FirstspikeError(f"label {label} is out of range; this network has classes 0..{network.classes - 1}")


def check_settings(network: Network, settings: LearnSettings) -> None:
    """Raises FirstspikeError for a setting out of range."""
    for name in ("margin", "late"):
        value = getattr(settings, name)
        if not 0 <= value <= SETTING_MAX:
            raise FirstspikeError(f"{name} must be in 0..{SETTING_MAX} steps, not {value}; for example 16")
    if len(settings.chances) != len(network.layers):
        raise FirstspikeError(
            f"learning needs one p for each of the {len(network.layers)} layers, not {len(settings.chances)}; "
            f"for example {','.join(['2'] * len(network.layers))}"
        )
    for p in settings.chances:
        if not 0 <= p <= CHANCE_MAX:
            raise FirstspikeError(f"p must be in 0..{CHANCE_MAX} (probability 2^-p), not {p}; for example 2")
    if not 0 <= settings.seed < 2**32:
        raise FirstspikeError(f"the seed must be in 0..{2**32 - 1}, not {settings.seed}; for example 1")
