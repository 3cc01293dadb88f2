"""The causal sets of a decision: the spikes that caused it."""

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import Evaluation, Network

__all__ = ["causal_sets"]


def causal_sets(network: Network, evaluation: Evaluation) -> tuple[NDArray[np.bool_], ...]:
    """Returns the causal set of the decision: one array bool ``[n]`` for each layer, ordered like `Evaluation.times`.

    The causal set of a spike is the set of spikes that its neuron had received, through weights other than zero, when
    it fired (Mostafa, arXiv 1606.08165, section II). The function follows the causal sets back from the winning output
    (at the decision step, silent or not) to the inputs. A spike belongs to a set only if it came at an earlier step,
    because kappa(0) = 0; with the `step` kernel it may also have come at the same step. Constant inputs are not listed.
    """
    step, winner = int(evaluation.result["step"]), int(evaluation.result["class"])
    same_step = network.kernel == "step"
    crossed = np.full(network.classes, -1, np.int64)  # step at which a member fired, without its delay; -1: no member
    crossed[winner] = step
    sets = [crossed >= 0]
    for depth in reversed(range(len(network.layers))):
        layer = network.layers[depth]
        recorded = evaluation.times[depth].astype(np.int64)
        times = _by_row(network, recorded) if depth == 0 else recorded
        members = np.flatnonzero(crossed >= 0)
        weighted = layer.weights[: layer.inputs, members] != 0
        in_time = times[:, None] <= crossed[members] if same_step else times[:, None] < crossed[members]
        causal = (times >= 0) & (weighted & in_time).any(axis=1)
        if depth == 0:
            sets.append(_by_address(network, causal))
        else:
            crossed = np.where(causal, times - network.layers[depth - 1].delays, -1)
            sets.append(causal)
    return tuple(reversed(sets))


def _by_row(network: Network, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the spike times of the inputs by weight row; the argument has them by address."""
    rows = np.full(network.layers[0].inputs, -1, np.int64)
    mapped = network.input_map >= 0
    rows[network.input_map[mapped]] = times[mapped]
    return rows


def _by_address(network: Network, causal: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the members among the inputs by address; the argument has them by weight row."""
    return (network.input_map >= 0) & np.append(causal, False)[network.input_map]  # DROPPED is -1, the appended False
