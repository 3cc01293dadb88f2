"""The changes by quantisation are counted on given spike times, and layers that became silent are refused."""

from dataclasses import replace

import numpy as np
import pytest
from networks import grid_network, layer_of, network_of, set_of

from firstspike_compiler.passes.measure import FloatAnswers, float_answers, measure, refuse_silent_layers
from firstspike_contract import EVENT, RESULT, Batch, EventSet
from firstspike_contract.common.errors import FirstspikeError


def image(*events: tuple[int, int]) -> np.ndarray:
    return np.array(list(events), EVENT)


# Three inputs, each with an output of its own, which fires two steps after its input.
NETWORK = network_of(layer_of(np.eye(3) * 2, theta=3))
IMAGES = [image((0, 0), (0, 1)), image((0, 2), (4, 1)), image()]


def floats(*times: tuple[float, ...], classes: tuple[int, ...]) -> FloatAnswers:
    answers = FloatAnswers(len(times), (3,))
    answers.times[0][:] = times
    answers.classes[:] = classes
    return answers


NEVER = float("inf")
LIKE_INTEGERS = floats((2, 2, NEVER), (NEVER, 6, 2), (NEVER,) * 3, classes=(0, 2, 0))


def test_equal_answers_differ_in_nothing() -> None:
    events = set_of(IMAGES, np.array([0, 2, 1]))
    batch, report = measure(NETWORK, events, LIKE_INTEGERS)
    assert batch.results["class"].tolist() == [0, 2, 0]
    assert report == {
        "images": 3,
        "decisions_changed": 0.0,
        "silent_rate": 1 / 3,
        "layers": [{"dead_neurons": 0, "dead_in_float": 0, "order_flips": 0.0}],
        "accuracy_float": 2 / 3,
        "accuracy_int": 2 / 3,
    }


def test_changes_are_counted() -> None:
    other = floats((NEVER, 2, NEVER), (NEVER, NEVER, 2), (NEVER,) * 3, classes=(1, 2, 0))
    _, report = measure(NETWORK, set_of(IMAGES), other)
    assert (report["decisions_changed"], "accuracy_int" in report) == (1 / 3, False)
    assert report["layers"] == [{"dead_neurons": 0, "dead_in_float": 1, "order_flips": 0.0}]


@pytest.mark.parametrize(
    ("times", "flips"),
    [
        ((1, 2, 3), 0.0),
        ((2, 2, 2), 0.0),  # equal times have no order in float
        ((3, 2, 1), 2 / 3),  # two of three pairs are reversed; neurons 0 and 1 fire together in integers
        ((NEVER, 2, 1), 1.0),
        ((NEVER, NEVER, 1), 0.0),  # no pair of spikes
    ],
)
def test_order_flips_are_pairs_in_the_opposite_order(times: tuple[float, ...], flips: float) -> None:
    """The outputs of this network never fire, because hidden spikes after a decision would not be recorded."""
    network = network_of(layer_of(np.eye(3) * 2, theta=3), layer_of(-np.ones((3, 2)), theta=3))
    answers = FloatAnswers(1, (3, 2))
    answers.times[0][:] = times
    _, report = measure(network, set_of([image((0, 0), (0, 1), (5, 2))]), answers)
    assert report["layers"][0]["order_flips"] == flips


def silent(spikes: bool = False) -> Batch:
    times = np.full((2, 3), -1, np.int16)
    times[0, 1] = 5 if spikes else -1
    return Batch(results=np.zeros(2, RESULT), times=(times, times), rows=np.zeros((2, 1), np.int32))


@pytest.mark.parametrize(
    ("spikes", "in_float", "own_data", "refused"),
    [
        (False, 0, False, False),  # on generated images, a good network may be silent
        (False, 0, True, True),
        (False, 1, False, True),
        (True, 1, True, False),
    ],
)
def test_a_layer_that_became_silent_is_refused(spikes: bool, in_float: int, own_data: bool, refused: bool) -> None:
    ir = grid_network()
    ir = replace(ir, layers=ir.layers[:1])
    answers = FloatAnswers(2, (3,))
    answers.times[0][0, :in_float] = 1.0
    if not refused:
        refuse_silent_layers(ir, silent(spikes), answers, own_data=own_data)
        return
    with pytest.raises(FirstspikeError) as error:
        refuse_silent_layers(ir, silent(spikes), answers, own_data=own_data)
    assert str(error.value) == (
        f"layer hidden has gone silent: 0 spikes in 2 images, {in_float} in float; use more time steps (--steps 256), "
        "calibrate with data like the training data, or train it quantised"
    )


def test_the_float_network_answers_every_image() -> None:
    ir, reports = grid_network(), []
    events: EventSet = set_of([image((0, 0), (0, 1), (1, 2)), image(), image((3, 3))])
    answers = float_answers(ir, events, 16, lambda done, total, what="": reports.append((done, total)))
    assert [times.shape for times in answers.times] == [(3, 8), (3, 3)]
    assert np.isfinite(answers.times[0][0]).any()
    assert not np.isfinite(answers.times[0][1]).any()
    assert reports == [(1, 3), (2, 3), (3, 3)]
