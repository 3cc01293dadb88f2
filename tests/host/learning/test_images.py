"""Images are chosen from a set and moved by pixels."""

import numpy as np
import pytest
from learning_cases import SIDE, images

from firstspike.learning import shifted, take
from firstspike.learning.images import side_of
from firstspike_contract import EVENT, EventSet, FirstspikeError


def as_pictures(events: EventSet) -> np.ndarray:
    pictures = np.zeros((len(events), SIDE, SIDE), int)
    for n in range(len(events)):
        np.add.at(pictures[n].reshape(-1), events.image(n)["x"], 1)
    return pictures


def test_images_are_taken_in_any_order() -> None:
    events = images(6)
    order = np.array([5, 0, 0, 3])
    taken = take(events, order)
    np.testing.assert_array_equal(as_pictures(taken), as_pictures(events)[order])
    assert events.labels is not None
    assert taken.labels is not None
    np.testing.assert_array_equal(taken.labels, events.labels[order])
    assert len(take(events, order[:0])) == 0


def test_an_empty_image_stays_empty() -> None:
    events = EventSet(events=np.array([(0, 5)], EVENT), offsets=np.array([0, 0, 1, 1]), labels=np.array([0, 1, 2]))
    taken = take(events, np.array([2, 1, 0]))
    assert np.diff(taken.offsets).tolist() == [0, 1, 0]
    moved = shifted(events, np.ones((3, 2), np.int64), SIDE)
    assert np.diff(moved.offsets).tolist() == [0, 1, 0]
    assert moved.events["x"].tolist() == [10]


def test_moving_an_image_equals_moving_its_picture() -> None:
    events = images(9)
    moves = np.array([(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)])
    moved = as_pictures(shifted(events, moves, SIDE))
    for n, (down, right) in enumerate(moves.tolist()):
        padded = np.pad(as_pictures(events)[n], 1)
        rolled = np.roll(padded, (down, right), (0, 1))
        inner = rolled[1:-1, 1:-1]
        np.testing.assert_array_equal(moved[n], inner)


def test_moving_changes_neither_times_nor_the_set_itself() -> None:
    events = EventSet(events=np.array([(3, 5), (7, 6)], EVENT), offsets=np.array([0, 2]))
    assert shifted(events, np.array([[1, 0]]), SIDE).events.tolist() == [(3, 9), (7, 10)]
    assert events.events.tolist() == [(3, 5), (7, 6)]


def test_a_number_of_inputs_that_is_no_square_is_refused() -> None:
    assert side_of(784) == 28
    with pytest.raises(FirstspikeError) as caught:
        side_of(15)
    assert str(caught.value) == (
        "--shift needs inputs that form a square, and 15 inputs do not; use --shift 0, or a network of 784 inputs"
    )
