"""Each part of the learning rule is tested with an example worked out by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import layer_of, network_of

from firstspike_contract import EVENT, FirstspikeError, Kernel, LearnResult, LearnSettings, Network, evaluate, learn
from firstspike_contract.arithmetic.random_bits import chances, image_state, row_state

T = 16


def learn_one(network: Network, label: int, *events: tuple[int, int], count: int = 0, **settings: Any) -> LearnResult:
    chosen: dict[str, Any] = {"margin": 2, "late": 15, "chances": (0,) * len(network.layers), **settings}
    return learn(network, np.array(list(events), EVENT), label, LearnSettings(**chosen), count)


def weights(found: LearnResult) -> list[Any]:
    return [each.weights.tolist() for each in found.network.layers]


# One input at step 0 and two outputs with threshold 12. The weights 4 and 3 make them fire at 3 and 4.
PAIR = network_of(layer_of([[4, 3]], 12))


def test_nothing_changes_when_the_right_output_fires_alone_and_in_time() -> None:
    found = learn_one(PAIR, 0, (0, 0), margin=0)
    assert (found.triggered, found.step, weights(found)) == (False, 3, [[[4, 3]]])
    assert found.deltas[0].tolist() == [0, 0]


def test_a_rival_within_the_margin_moves_both() -> None:
    found = learn_one(PAIR, 0, (0, 0), margin=1)
    assert (found.triggered, found.step, weights(found)) == (True, 4, [[[5, 2]]])
    assert found.deltas[0].tolist() == [1, -1]


def test_the_wrong_class_triggers() -> None:
    found = learn_one(PAIR, 1, (0, 0), margin=0)
    assert (found.triggered, found.step, weights(found)) == (True, 3, [[[3, 4]]])


def test_a_late_decision_triggers() -> None:
    assert not learn_one(PAIR, 0, (0, 0), margin=0, late=3).triggered
    found = learn_one(PAIR, 0, (0, 0), margin=0, late=2)
    assert (found.triggered, weights(found)) == (True, [[[5, 3]]])


def test_silence_triggers_and_has_no_rivals() -> None:
    network = network_of(layer_of([[1, 2]], 1000))
    found = learn_one(network, 1, (0, 0))  # the class is right, by the largest excess
    assert (found.triggered, found.step, weights(found)) == (True, T - 1, [[[1, 3]]])


def test_running_on_ends_with_the_last_step() -> None:
    found = learn_one(PAIR, 0, (0, 0), margin=200)
    assert (found.step, found.triggered) == (T - 1, True)


def test_the_answer_is_that_of_inference_with_the_weights_before_the_update() -> None:
    found = learn_one(PAIR, 0, (0, 0), (3, 0), margin=5)
    assert found.evaluation.result == evaluate(PAIR, np.array([(0, 0), (3, 0)], EVENT)).result
    assert found.evaluation.result["events_refused"] == 1
    assert [times.tolist() for times in found.evaluation.times] == [[0], [3, -1]]


def test_only_inputs_before_the_spike_move() -> None:
    # The outputs fire at 3 and 4. Input 1 spikes at 3: in the step of the first output's spike, before the second's.
    network = network_of(layer_of([[4, 3], [0, 0], [0, 0], [9, 9]], 12))
    found = learn_one(network, 0, (0, 0), (3, 1), (4, 2), margin=1)
    assert weights(found) == [[[5, 2], [0, -1], [0, 0], [9, 9]]]


def test_all_inputs_until_the_end_are_causal_for_an_output_that_has_not_fired() -> None:
    # Output 0 fires at 3, output 1 has not fired by 4. Inputs 1, 2 and 3 spike at 3, 4 and 5.
    network = network_of(layer_of([[4, 1], [0, 0], [0, 0], [0, 0]], 12))
    found = learn_one(network, 1, (0, 0), (3, 1), (4, 2), (5, 3), margin=1)
    assert weights(found) == [[[3, 2], [0, 1], [0, 1], [0, 0]]]


def test_the_step_kernel_counts_inputs_of_the_same_step_as_causal() -> None:
    network = network_of(layer_of([[5, 5], [0, 0], [0, 0]], 5, "step"), kernel="step")
    found = learn_one(network, 0, (3, 0), (3, 1), (4, 2), margin=1)
    assert weights(found) == [[[6, 4], [1, -1], [0, 0]]]
    silent = learn_one(network_of(layer_of([[5, 1], [0, 0]], 5, "step"), kernel="step"), 1, (3, 0), (4, 1), margin=0)
    assert weights(silent) == [[[4, 2], [0, 0]]]  # the image ends at 3; the input at 4 is not seen


def test_weights_saturate() -> None:
    network = network_of(layer_of([[127, -127], [127, 127], [127, 127]], 100))  # both fire at 1
    events = [(0, 0), (0, 1), (0, 2)]
    assert weights(learn_one(network, 0, *events)) == [[[127, -127], [127, 126], [127, 126]]]
    assert weights(learn_one(network, 1, *events)) == [[[126, -126], [126, 127], [126, 127]]]


def test_a_hidden_neuron_moves_by_the_majority_of_its_output_weights() -> None:
    # Five hidden neurons fire at 1. Their output weights sum to 110, 90, -40, so outputs 0 and 1 fire and 2 does not.
    votes = [[40, 20, -10], [40, -20, -10], [-10, 40, -10], [20, 50, 0], [20, 0, -10]]
    network = network_of(layer_of([[5, 5, 5, 5, 5, 0]], 5), layer_of([*votes, [1, 1, 1]], 300))
    found = learn_one(network, 0, (0, 0), margin=1)
    assert found.evaluation.times[1].tolist() == [1, 1, 1, 1, 1, -1]
    assert found.deltas[1].tolist() == [1, -1, 0]
    # Signs of the weights to label and rival: + and + is a draw, + and - means sooner, - and + means later. A weight of
    # zero counts as positive. A neuron without a spike has delta 0.
    assert found.deltas[0].tolist() == [0, 1, -1, 0, 0, 0]
    assert weights(found)[0] == [[5, 6, 4, 5, 5, 0]]
    assert weights(found)[1] == [[41, 19, -10], [41, -21, -10], [-9, 39, -10], [21, 49, 0], [21, -1, -10], [1, 1, 1]]


def test_an_output_that_fired_before_a_hidden_neuron_has_no_vote_on_it() -> None:
    # Input 0 makes hidden 0 fire at 1; input 1, at step 3, makes hidden 1 fire at 4. The outputs fire at 3 and 5.
    network = network_of(layer_of([[5, 0], [0, 5]], 5), layer_of([[10, 5], [10, -3]], 20))
    found = learn_one(network, 1, (0, 0), (3, 1), margin=3)
    assert [found.evaluation.result["step"], found.step] == [3, 6]
    assert found.deltas[1].tolist() == [-1, 1]
    assert found.deltas[0].tolist() == [0, -1]  # for hidden 1 only output 1 counts, whose weight is negative
    assert weights(found) == [[[5, -1], [0, 4]], [[9, 6], [10, -2]]]


def test_deltas_are_computed_from_the_weights_before_the_update() -> None:
    # The output weight -1 becomes 0, which would count as positive if it were read after the update.
    network = network_of(layer_of([[5]], 5), layer_of([[-1, 20]], 40))
    found = learn_one(network, 0, (0, 0), margin=0)
    assert weights(found) == [[[4]], [[0, 19]]]


def test_deltas_pass_through_three_layers() -> None:
    network = network_of(layer_of([[9]], 5), layer_of([[9, -1, 9]], 5), layer_of([[5, 9], [5, 9], [-5, 9]], 9))
    found = learn_one(network, 0, (0, 0), margin=0)
    assert found.evaluation.times[2].tolist() == [2, -1, 2]
    assert [delta.tolist() for delta in found.deltas] == [[-1], [0, 0, -1], [1, -1]]
    assert weights(found) == [[[8]], [[9, -1, 8]], [[6, 8], [5, 9], [-4, 8]]]


def test_constant_inputs_learn_and_are_numbered_by_time() -> None:
    network = network_of(layer_of([[4, 3], [0, 0], [0, 0]], 12, constant_times=(2, 1)))
    assert weights(learn_one(network, 0, (0, 0), margin=1)) == [[[5, 2], [1, -1], [1, -1]]]
    drawn = [chances(row_state(image_state(9, 5), 0, row), 1, 2) for row in range(3)]
    expected = np.array([[4, 3], [0, 0], [0, 0]]) + np.array([1, -1]) * np.array([drawn[0], drawn[2], drawn[1]])
    assert weights(learn_one(network, 0, (0, 0), margin=1, chances=(1,), seed=9, count=5)) == [expected.tolist()]


def test_the_random_bits_depend_on_image_count_seed_and_layer_and_not_on_order() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.integers(1, 9, (6, 5)), rng.integers(1, 9, (5, 3))
    network = network_of(layer_of(first, 9), layer_of(second, 9))
    events = [(0, k) for k in range(6)]
    base = learn_one(network, 2, *events, chances=(1, 1), margin=15)
    for other in ({"count": 1}, {"seed": 2}, {"chances": (1, 2)}):
        changed = learn_one(network, 2, *events, **{"chances": (1, 1), "margin": 15, **other})
        assert weights(changed) != weights(base)
    again = learn_one(network, 2, *reversed(events), chances=(1, 1), margin=15)
    assert weights(again) == weights(base)  # the order of arrival does not matter


def test_a_spike_recorded_after_the_end_of_the_image_is_no_spike() -> None:
    # Hidden 1 crosses at 1, its spike is recorded at 7, and the image ends at 5.
    network = network_of(layer_of([[5, 5]], 5, delays=(0, 6)), layer_of([[5, 1], [5, 1]], 20))
    found = learn_one(network, 1, (0, 0), margin=0)
    assert found.step == 5
    assert found.deltas[0].tolist() == [0, 0]
    assert weights(found) == [[[5, 5]], [[4, 2], [5, 1]]]


def test_dropped_rows_and_refused_events_change_nothing() -> None:
    network = network_of(layer_of([[4, 3]], 12), input_map=[-1, 0])
    assert weights(learn_one(network, 0, (0, 0), (0, 1), (1, 1), (0, 9), (99, 1), margin=1)) == [[[5, 2]]]


@pytest.mark.parametrize("kernel", ["exponential", "lif-2to1", "alpha"])
def test_other_kernels_learn_by_the_same_rule(kernel: Kernel) -> None:
    network = network_of(layer_of([[127, 60, -10], [0, 0, 0]], 10, kernel), kernel=kernel)
    right = evaluate(network, np.array([(0, 0)], EVENT)).result
    found = learn_one(network, 1, (0, 0), (1, 1), margin=15)
    assert right["class"] == 0
    assert found.deltas[0].tolist() == [-1, 1, 0]
    assert weights(found)[0][0] == [126, 61, -10]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"margin": 256}, "margin must be in 0..255 steps, not 256; for example 16"),
        ({"margin": -1}, "margin must be in 0..255 steps, not -1; for example 16"),
        ({"late": 300}, "late must be in 0..255 steps, not 300; for example 16"),
        ({"chances": (0, 1)}, "learning needs one p for each of the 1 layers, not 2; for example 2"),
        ({"chances": (6,)}, "p must be in 0..5 (probability 2^-p), not 6; for example 2"),
        ({"chances": (-1,)}, "p must be in 0..5 (probability 2^-p), not -1; for example 2"),
        ({"seed": 2**32}, "the seed must be in 0..4294967295, not 4294967296; for example 1"),
    ],
)
def test_settings_out_of_range_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(FirstspikeError) as caught:
        learn_one(PAIR, 0, (0, 0), **changed)
    assert str(caught.value) == message


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_out_of_range_is_refused(label: int) -> None:
    with pytest.raises(FirstspikeError) as caught:
        learn_one(PAIR, label, (0, 0))
    assert str(caught.value) == f"label {label} is out of range; this network has classes 0..1"


def test_only_weights_change() -> None:
    found = learn_one(PAIR, 1, (0, 0))
    restored = replace(found.network, layers=(replace(found.network.layers[0], weights=PAIR.layers[0].weights),))
    for name in ("kernel", "steps", "input_map", "input_delays"):
        assert getattr(restored, name) is getattr(PAIR, name)
    assert PAIR.layers[0].weights.tolist() == [[4, 3]]
