"""The settings of a schedule are spread evenly over a course, read from text, and checked."""

import re

import pytest
from learning_cases import network

from firstspike.learning import Schedule, parse_chances, parse_steps
from firstspike_contract import FirstspikeError, LearnSettings, UsageError


def test_lists_are_spread_evenly() -> None:
    schedule = Schedule(margin=(4,), late=(9, 7), chances=((0,), (1,), (2, 3)), seed=6)
    seen = [schedule.at(done, 6, 2) for done in range(6)]
    assert [s.chances for s in seen] == [(0, 0), (0, 0), (1, 1), (1, 1), (2, 3), (2, 3)]
    assert [s.late for s in seen] == [9, 9, 9, 7, 7, 7]
    assert seen[0] == LearnSettings(margin=4, late=9, chances=(0, 0), seed=6)


def test_more_entries_than_images_leave_some_out() -> None:
    schedule = Schedule(margin=(1, 2, 3, 4), late=(0,), chances=((0,),))
    assert [schedule.at(done, 2, 1).margin for done in range(2)] == [1, 3]


@pytest.mark.parametrize(("word", "steps"), [("4", (4,)), ("6,4,4", (6, 4, 4)), ("6,4x3", (6, 4, 4, 4))])
def test_steps_are_read(word: str, steps: tuple[int, ...]) -> None:
    assert parse_steps(word) == steps


def test_chances_are_read_by_layer() -> None:
    assert parse_chances("0x2,1/2,3") == ((0,), (0,), (1, 2), (3,))
    assert parse_chances("0/1x2") == ((0, 1), (0, 1))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("", "a schedule is a list of steps, such as 4 or 6,4x2; have '' in ''"),
        ("4,-1", "a schedule is a list of steps, such as 4 or 6,4x2; have '-1' in '4,-1'"),
        ("4x0", "a part of a schedule is repeated 1 to 9999 times, as in 4x3; have '4x0' in '4x0'"),
        ("4xx", "a part of a schedule is repeated 1 to 9999 times, as in 4x3; have '4xx' in '4xx'"),
    ],
)
def test_a_bad_list_of_steps_is_refused(word: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        parse_steps(word)


def test_a_bad_list_of_chances_is_refused() -> None:
    message = "a schedule is a list of p, such as 0x6,1x4,2 or 0/1,2/3 by layer; have '' in '0/'"
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        parse_chances("0/")


def test_every_entry_is_checked() -> None:
    good = Schedule(margin=(2,), late=(9,), chances=((1,),))
    good.check(network())
    with pytest.raises(FirstspikeError, match=r"^p must be in 0\.\.5 \(probability 2\^-p\), not 6; for example 2$"):
        Schedule(margin=(2,), late=(9,), chances=((1,), (1, 6))).check(network())
    with pytest.raises(FirstspikeError, match=r"^margin must be in 0\.\.255 steps, not 256; for example 16$"):
        Schedule(margin=(2, 256), late=(9,), chances=((1,),)).check(network())
    with pytest.raises(
        FirstspikeError, match=r"^learning needs one p for each of the 2 layers, not 3; for example 2,2$"
    ):
        Schedule(margin=(2,), late=(9,), chances=((1, 2, 3),)).check(network())
