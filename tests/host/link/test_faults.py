"""Faults of a line are read by name, repeat by their seed, and happen at the given rate."""

import pytest

from firstspike.link import LineLost
from firstspike.link.faults import Faults, FaultyLine, Mangler, parse_faults
from firstspike.virtual import ModelBoard, VirtualLine
from firstspike_contract import CONFIGS, UsageError

DATA = bytes(range(256)) * 400


def test_faults_are_read_from_a_line() -> None:
    assert parse_faults("flip=1e-4,drop=0.5,seed=3") == Faults(flip=1e-4, drop=0.5, seed=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "flop=1",
            "unknown fault 'flop', did you mean flip? known: flip, drop, double, swap, cut, stall, pause, unplug, seed",
        ),
        ("flip=2", "a fault is a name and a chance in 0..1, not 'flip=2'; for example flip=1e-4,drop=1e-5,seed=3"),
        ("flip", "a fault is a name and a chance in 0..1, not 'flip'; for example flip=1e-4,drop=1e-5,seed=3"),
        ("drop=x", "a fault is a name and a chance in 0..1, not 'drop=x'; for example flip=1e-4,drop=1e-5,seed=3"),
    ],
)
def test_a_bad_list_of_faults_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_faults(text)
    assert str(refused.value) == message


def test_no_faults_change_nothing() -> None:
    assert Mangler(Faults()).hurt(DATA) == DATA


def test_faults_repeat_by_their_seed_and_differ_by_direction() -> None:
    faults = Faults(flip=1e-4, drop=1e-4, double=1e-4, swap=1e-4, seed=9)
    one, same, other = Mangler(faults, 0), Mangler(faults, 0), Mangler(faults, 1)
    hurt = one.hurt(DATA)
    assert hurt == same.hurt(DATA) != other.hurt(DATA)


def test_each_fault_does_what_its_name_says_at_its_rate() -> None:
    flip = Mangler(Faults(flip=1e-3))
    hurt = flip.hurt(DATA)
    bits = sum((a ^ b).bit_count() for a, b in zip(DATA, hurt, strict=True))
    assert 0.8 < bits / (8e-3 * len(DATA)) < 1.2
    drop, double = Mangler(Faults(drop=1e-2)), Mangler(Faults(double=1e-2))
    assert 0.7 < (len(DATA) - len(drop.hurt(DATA))) / (1e-2 * len(DATA)) < 1.3
    assert 0.7 < (len(double.hurt(DATA)) - len(DATA)) / (1e-2 * len(DATA)) < 1.3
    assert drop.hurts["drop"] > 0
    swap = Mangler(Faults(swap=1e-3)).hurt(DATA)
    assert sorted(swap) == sorted(DATA) != list(swap)
    cut = Mangler(Faults(cut=1.0)).hurt(DATA)
    assert DATA.startswith(cut)
    assert len(cut) < len(DATA)


def test_an_unplugged_line_raises_and_can_be_reopened() -> None:
    line = FaultyLine(VirtualLine(ModelBoard(CONFIGS["small"]), "sim:small"), Faults(unplug=1.0))
    with pytest.raises(LineLost, match=r"^the connection to sim:small is lost \(unplugged by a fault\)$"):
        line.exchange(b"x", 0.1)
    line.reopen()
    assert line.breaks == 1
