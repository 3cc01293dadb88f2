"""The reference model of on-chip learning: one learning image and the weights after it, in plain numpy.

The output of the label should fire first and soon, and no other output within `margin` steps of the decision. If an
image fails that, causal synapses move by one LSB. The direction is the error of the neuron: of an output, whether it
should fire sooner or later; of a hidden neuron, the sign of a difference of two popcounts over signs of weights (DESIGN
section 4; the rule of Mostafa et al., ISCAS 2017, with sign and popcount in place of error and product). The rule needs
no floating point, no product and no second copy of the weights. Everything that learns must equal this model in every
weight.
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

SETTING_MAX: Final = 255  # largest margin and late, in steps

Delta = NDArray[np.int8]


@dataclass(frozen=True, kw_only=True)
class LearnSettings:
    """Run-time settings of learning.

    margin:  steps that an image runs on after its decision; an output that fires within them is a rival. 0..255.
    late:    latest decision step that is soon enough. 0..255.
    chances: p of each layer, 0..5; a synapse that is to move does so with probability 2^-p.
    seed:    seed of the random bits, 0..2^32 - 1.
    """

    margin: int
    late: int
    chances: tuple[int, ...]
    seed: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class LearnResult:
    """The outcome of one learning image.

    evaluation: the answer, from the weights before the image.
    step:       S, the last step of the image.
    triggered:  whether the image triggered.
    deltas:     int8 ``[n_out]`` of each layer: +1 to fire sooner, -1 to fire later, 0 to stay; all 0 if not triggered.
    network:    the network with the weights after the image.
    """

    evaluation: Evaluation
    step: int
    triggered: bool
    deltas: tuple[Delta, ...]
    network: Network


@dataclass(frozen=True, kw_only=True, eq=False)
class LearnResults:
    """The outcome of N learning images.

    results:   RESULT ``[N]``, the answers, each from the weights before that image.
    triggered: bool ``[N]``, whether the image triggered.
    steps:     uint16 ``[N]``, S, the last step of each image; None if it is not known: a board does not tell it.
    """

    results: NDArray[np.void]
    triggered: NDArray[np.bool_]
    steps: NDArray[np.uint16] | None = None


def learn(network: Network, events: NDArray[np.void], label: int, settings: LearnSettings, count: int) -> LearnResult:
    """Learns one image, EVENT ``[E]``, of class `label`. count: number of learning images before it, modulo 2^32.

    The image runs on to S = min(T-1, D + margin), where D is the decision step. An output that has not fired by S
    counts as firing at S + 1. An output that has fired by S and is not the label's is a rival. The image triggers if
    its class is wrong, if it is silent, if D > late, or if there is a rival.

    Raises FirstspikeError for a label or settings out of range.
    """
    check_settings(network, settings)
    check_label(network, label)
    ongoing = begin_walk(network, events)
    result = ongoing.evaluation.result
    step, end = int(result["step"]), min(network.steps - 1, int(result["step"]) + settings.margin)
    while step < end:
        step, _ = next(ongoing.steps)
    # Recorded times of each layer, the inputs first, int64 [n]; end + 1 stands for a spike after `end`, or none.
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
    """Returns which synapses are causal, bool ``[n_in + P, n_out]``.

    The input of a causal synapse came by `end` and before the neuron's spike (`step`: or at the same step).
    """
    pre = np.concatenate([before, layer.constant_times])[:, None]
    return (pre <= end) & (pre <= after if network.kernel == "step" else pre < after)


def _may_move(layer: Layer, state: tuple[int, int], number: int, p: int) -> NDArray[np.bool_]:
    """Returns which synapses of a layer the random bits of an image let move, bool ``[n_in + P, n_out]``."""
    may = np.zeros(layer.weights.shape, bool)
    for i, row in enumerate(row_numbers(layer).tolist()):
        may[i] = chances(row_state(state, number, row), p, layer.outputs)
    return may


def _backwards(weights: NDArray[np.int8], delta: Delta, causal: NDArray[np.bool_]) -> Delta:
    """Returns the deltas int8 ``[n_in]`` of the neurons before a layer: the sign of (votes up - votes down).

    weights, causal: ``[n_in, n_out]``.
    delta:           ``[n_out]``, deltas of the layer's neurons.

    Each causal synapse to a neuron whose delta is not 0 votes. It votes up if its weight is not negative and the neuron
    should fire sooner, or if its weight is negative and the neuron should fire later; otherwise it votes down. A neuron
    without causal synapses, such as one that did not fire, gets no votes.
    """
    positive, plus, minus = weights >= 0, causal & (delta > 0), causal & (delta < 0)
    up = ((positive & plus) | (~positive & minus)).sum(axis=1)
    down = ((positive & minus) | (~positive & plus)).sum(axis=1)
    return np.sign(up - down).astype(np.int8)


def _by(times: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """Returns the spike times up to step `end`; end + 1 stands for a later spike, or none."""
    return np.where((times >= 0) & (times <= end), times, end + 1)


def row_numbers(layer: Layer) -> NDArray[np.int64]:
    """Returns the number of each weight row of a layer, as the random bits use it.

    Constant inputs come last and in time order, as in a core.
    """
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
