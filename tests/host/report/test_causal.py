"""The spikes of a causal set alone raise their neuron to its threshold at its step, and not before."""

import numpy as np
import pytest
from networks import layer_of, network_of

from firstspike.report import causal_sets
from firstspike_contract import EVENT, KERNELS, Evaluation, Layer, Network, evaluate

STEPS = 32
THETA = {"linear": 150, "exponential": 40, "lif-2to1": 15, "alpha": 40, "step": 150}


def layer(weights: np.ndarray, kernel: str, *, constants: int = 0, delays: np.ndarray | None = None) -> Layer:
    return layer_of(
        weights,
        theta=THETA[kernel],
        kernel=kernel,
        steps=STEPS,
        tau_steps=12.0,
        fraction_bits=8,
        constant_times=np.arange(constants),
        delays=delays,
    )


def random_case(kernel: str, seed: int) -> tuple[Network, Evaluation]:
    """Returns a random network with the evaluation of one image.

    The network has 12 addresses, one of them dropped, two hidden layers with delays and a constant input.
    """
    rng = np.random.default_rng(seed)
    weights = [rng.integers(-60, 128, shape) * (rng.random(shape) < 0.8) for shape in ((11, 9), (10, 8), (8, 3))]
    network = network_of(
        layer(weights[0], kernel, delays=rng.integers(0, 4, 9)),
        layer(weights[1], kernel, constants=1, delays=rng.integers(0, 4, 8)),
        layer(weights[2], kernel),
        kernel=kernel,
        input_map=np.insert(np.arange(11), 4, -1),
        input_delays=rng.integers(0, 3, 11),
    )
    events = np.array([(t, x) for x, t in enumerate(rng.integers(0, 12, 12))], EVENT)
    return network, evaluate(network, events)


def potential(layer: Layer, kernel: str, neuron: int, times: np.ndarray, at: int) -> int:
    """Returns V of one neuron at step `at`, the sum over pre-synaptic `times` (-1: no spike) and constant inputs."""
    total = 0
    for weight, t in zip(layer.weights[:, neuron].tolist(), [*times, *layer.constant_times], strict=True):
        if kernel == "step":
            total += weight if 0 <= t <= at else 0
        elif 0 <= t <= at:
            total += weight * int(layer.a[t]) * int(layer.m[at] - layer.m[t])
    return total


@pytest.mark.parametrize("kernel", KERNELS)
def test_each_member_fires_through_the_members_before_it_alone(kernel: str) -> None:
    spiking = 0
    for seed in range(40):
        network, evaluation = random_case(kernel, seed)
        sets = causal_sets(network, evaluation)
        assert [s.shape for s in sets] == [t.shape for t in evaluation.times]
        assert all(not (s & (t < 0)).any() for s, t in zip(sets[:-1], evaluation.times[:-1], strict=True))
        assert np.flatnonzero(sets[-1]).tolist() == [int(evaluation.result["class"])]
        mapped = network.input_map >= 0
        before = [np.where(s, t, -1) for s, t in zip(sets, evaluation.times, strict=True)]
        before[0] = before[0][mapped]
        if evaluation.result["silent"]:
            continue
        spiking += 1
        for depth, each in enumerate(network.layers):
            for neuron in np.flatnonzero(sets[depth + 1]):
                fired = int(evaluation.times[depth + 1][neuron] - each.delays[neuron])
                assert potential(each, kernel, neuron, before[depth], fired) >= each.th[fired], (seed, depth, neuron)
                if fired:
                    assert potential(each, kernel, neuron, before[depth], fired - 1) < each.th[fired - 1]
    assert spiking >= 20


@pytest.mark.parametrize(("kernel", "same_step"), [("linear", False), ("step", True)])
def test_a_spike_of_the_same_step_counts_for_the_step_kernel_only(kernel: str, same_step: bool) -> None:
    # Input 0 spikes at step 0, input 1 in the step in which the output fires, and input 2 has weight 0.
    network = Network(
        kernel=kernel,
        steps=STEPS,
        input_map=np.arange(3),
        input_delays=np.zeros(3, np.int64),
        layers=(layer(np.array([[100], [100], [0]]), kernel),),
    )
    evaluation = evaluate(network, np.array([(0, 0), (2, 1), (0, 2)], EVENT))
    assert int(evaluation.result["step"]) == 2
    assert causal_sets(network, evaluation)[0].tolist() == [True, same_step, False]


def test_the_causal_set_of_a_silent_answer_has_the_spikes_before_the_end() -> None:
    network = Network(
        kernel="linear",
        steps=STEPS,
        input_map=np.arange(2),
        input_delays=np.zeros(2, np.int64),
        layers=(layer(np.array([[1], [1]]), "linear"),),
    )
    evaluation = evaluate(network, np.array([(3, 0), (STEPS - 1, 1)], EVENT))
    assert bool(evaluation.result["silent"])
    assert [s.tolist() for s in causal_sets(network, evaluation)] == [[True, False], [True]]
