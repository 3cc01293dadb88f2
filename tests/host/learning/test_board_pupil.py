"""A board that learns over a good or a bad line ends with the weights and the figures of the model."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_cases import At
from learning_cases import images, network, plan

from firstspike.board import Board, LearningLost
from firstspike.learning import BoardPupil, Course, Entry, ModelPupil, learn_course
from firstspike.link.faults import Faults, FaultyLine
from firstspike.link.framed import FramedTransport
from firstspike.virtual import ModelBoard, VirtualLine
from firstspike_contract import CONFIGS, CoreConfig, EventSet, FirstspikeError, LearnSettings, Network
from firstspike_contract.core.stream_format import ResultFlag

SMALL = CONFIGS["small"]
LEARNS = replace(SMALL, stages=tuple(replace(stage, learning=True) for stage in SMALL.stages))
SETTINGS = LearnSettings(margin=2, late=12, chances=(1, 2), seed=4)


def opened(wrap: Callable[[Any], Any] = lambda line: line, config: CoreConfig = LEARNS) -> tuple[Board, ModelBoard]:
    device = ModelBoard(config)
    return Board(FramedTransport(wrap(VirtualLine(device, "sim:learning", baudrate=12_000_000)))), device


def same(one: Network, other: Network) -> bool:
    return all(np.array_equal(a.weights, b.weights) for a, b in zip(one.layers, other.layers, strict=True))


def agree(course: Course, other: Course) -> None:
    assert course.history == other.history
    assert course.count == other.count
    assert same(course.network, other.network)


CHOSEN = plan(epochs=3, every=70, shift=1, guard=0.0)
CHECK = images(60, seed=2)


@pytest.fixture(scope="module")
def expected() -> Course:
    return learn_course(ModelPupil(), network(), images(100), CHOSEN, check=CHECK)


def test_a_board_learns_what_the_model_learns(expected: Course) -> None:
    board, device = opened()
    course = learn_course(BoardPupil(board), network(), images(100), CHOSEN, check=CHECK)
    agree(course, expected)
    assert board.read("LEARN_COUNT") == course.count == 300
    assert board.read("TRIGGERED") == round(course.trigger_rate * 300)
    pupil = BoardPupil(board)
    pupil.load(course.network, 0)
    board.verify()
    assert same(device.core.network(), course.network)


@pytest.mark.parametrize(
    "fault",
    [
        {"flip": 1e-5},
        {"flip": 1e-4},
        {"drop": 1e-4, "double": 1e-4, "swap": 1e-4},
        {"cut": 0.02},
        {"stall": 0.02},
        {"unplug": 0.01},
    ],
    ids=lambda fault: "-".join(fault),
)
def test_a_bad_line_changes_nothing(expected: Course, fault: dict[str, float]) -> None:
    board, _ = opened(lambda line: FaultyLine(line, Faults(**fault, seed=7), sleep=lambda seconds: None))
    agree(learn_course(BoardPupil(board), network(), images(100), CHOSEN, check=CHECK), expected)
    board.verify()


@pytest.mark.parametrize("after", [500, 3000, 6000, 9000])
def test_after_a_reset_a_course_resumes_from_the_last_known_weights(expected: Course, after: int) -> None:
    device = ModelBoard(LEARNS)
    board = Board(FramedTransport(At(VirtualLine(device, "sim:learning", baudrate=12_000_000), after, device.reset)))
    agree(learn_course(BoardPupil(board), network(), images(100), CHOSEN, check=CHECK), expected)
    board.verify()


def test_an_interrupted_course_on_a_board_ends_with_the_same_weights(expected: Course, tmp_path: Path) -> None:
    args: Any = (network(), images(100), CHOSEN)

    def interrupt(entry: Entry) -> None:
        if entry.images >= 140:
            raise KeyboardInterrupt

    file = tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        learn_course(BoardPupil(opened()[0]), *args, check=CHECK, checkpoint=file, entry=interrupt)
    agree(learn_course(BoardPupil(opened()[0]), *args, check=CHECK, checkpoint=file, resume=True), expected)


def test_learning_images_are_sent_only_once() -> None:
    """A reset while learning images are in flight raises LearningLost; the images are never sent again silently."""
    device = ModelBoard(LEARNS)
    line = At(VirtualLine(device, "sim:learning", baudrate=12_000_000), 10**9, device.reset)
    board = Board(FramedTransport(line))
    board.load(network())
    line.left = 300
    with pytest.raises(LearningLost, match=r"^the board at sim:learning lost the session while it learnt$"):
        board.learn(images(200), SETTINGS, 0)
    board.load(network())
    assert len(board.learn(images(200), SETTINGS, 0)) == 200


def test_learnt_weights_lost_before_reading_back_are_an_error() -> None:
    device = ModelBoard(LEARNS)
    board = Board(FramedTransport(VirtualLine(device, "sim:learning", baudrate=12_000_000)))
    board.load(network())
    board.learn(images(20), SETTINGS, 0)
    device.reset()
    with pytest.raises(LearningLost, match=r"was lost before its learnt weights were read back$"):
        board.run(images(5))


def test_learning_and_inference_can_alternate() -> None:
    board, _ = opened()
    board.load(network())
    pupil = ModelPupil()
    pupil.load(network(), 0)
    for turn in range(6):
        learnt, checks = images(17, seed=10 + turn), images(9, seed=30 + turn)
        answers, found = board.learn(learnt, SETTINGS, 17 * turn), pupil.learn(learnt, SETTINGS)
        triggered = (answers.packets["flags"] & ResultFlag.TRIGGERED) != 0
        np.testing.assert_array_equal(triggered, found.triggered)
        np.testing.assert_array_equal(answers.packets["class"], found.results["class"])
        np.testing.assert_array_equal(board.run(checks).packets["class"], pupil.classify(checks)["class"])
    assert same(board.learnt(), pupil.network())


def test_a_board_that_has_learnt_is_loaded_again_if_needed() -> None:
    board, _ = opened()
    assert board.load(network(), name=5, if_needed=True)
    assert not board.load(network(), name=5, if_needed=True)
    board.learn(images(20), SETTINGS, 0)
    assert board.load(network(), name=5, if_needed=True)


def test_a_core_that_cannot_learn_is_refused() -> None:
    board, _ = opened(config=SMALL)
    with pytest.raises(FirstspikeError) as caught:
        BoardPupil(board).load(network(), 0)
    assert str(caught.value) == (
        "this core was built without learning; take one that has it, such as sim:learning, or StageConfig(learning="
        "True) in every stage; or let the model learn: --board model:"
    )
    board.load(network())
    with pytest.raises(FirstspikeError, match=r"^this core was built without learning"):
        board.learn(images(3), SETTINGS, 0)


def test_a_core_too_narrow_for_all_weights_is_refused() -> None:
    narrow = replace(LEARNS, stages=tuple(replace(stage, a_bits=10) for stage in LEARNS.stages))
    board, _ = opened(config=narrow)
    with pytest.raises(FirstspikeError) as caught:
        BoardPupil(board).load(network(), 0)
    assert str(caught.value) == (
        "stage 0 has accumulators of 10 and 40 bits; the layer needs 12 and 16 once all weights may become +-127; "
        "use fewer inputs or steps"
    )


def test_labels_are_needed_and_must_be_classes() -> None:
    board, _ = opened()
    board.load(network())
    some = images(3)
    with pytest.raises(FirstspikeError, match=r"^learning needs a label for every image; this set has none$"):
        board.learn(EventSet(events=some.events, offsets=some.offsets), SETTINGS, 0)
    wrong = EventSet(events=some.events, offsets=some.offsets, labels=np.array([0, 3, 1]))
    with pytest.raises(FirstspikeError, match=r"^image 1: label 3 is out of range; this network has classes 0\.\.2$"):
        board.learn(wrong, SETTINGS, 0)
