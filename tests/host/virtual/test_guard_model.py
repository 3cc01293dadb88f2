"""Every way in which a load can end, and the state of the guard afterwards."""

import zlib

import pytest

from firstspike.virtual.guard_model import GuardModel
from firstspike_contract.core.register_map import offset_of
from firstspike_contract.link.wire import Configuration

DATA = b"a message to the core"


def loaded(*, words: int = 4, refused: int = 0, crc: int | None = None, whole: bool = True) -> GuardModel:
    guard = GuardModel()
    guard.begin()
    guard.passed(DATA[:5])
    guard.passed(DATA[5:])
    guard.wrote(offset_of("STEPS"), words, refused)
    guard.expected = zlib.crc32(DATA) if crc is None else crc
    guard.end(whole)
    return guard


@pytest.mark.parametrize(
    ("guard", "state"),
    [
        (GuardModel(), Configuration.EMPTY),
        (loaded(), Configuration.VALID),
        (loaded(crc=1), Configuration.DAMAGED),
        (loaded(words=0), Configuration.INCOMPLETE),
        (loaded(words=4, refused=1), Configuration.INCOMPLETE),
        (loaded(words=4, refused=4), Configuration.INCOMPLETE),
        (loaded(whole=False), Configuration.INCOMPLETE),
        (loaded(whole=False, crc=1), Configuration.INCOMPLETE),
    ],
)
def test_the_end_of_a_load(guard: GuardModel, state: Configuration) -> None:
    assert (guard.state, guard.now(running=True)) == (state, state)
    halted = Configuration.HALTED if state == Configuration.VALID else state
    assert guard.now(running=False) == halted, "only a valid configuration can be halted"


def test_a_load_that_did_not_begin_does_not_end() -> None:
    guard = GuardModel()
    guard.wrote(offset_of("STEPS"), 4, 0)
    guard.end(True)
    assert guard.state == Configuration.EMPTY
    guard = loaded()
    guard.end(False)
    assert guard.state == Configuration.VALID


def test_a_load_that_begins_again_begins_from_nothing() -> None:
    guard = loaded(refused=1)
    guard.name = 7
    guard.begin()
    assert (guard.state, guard.crc, guard.written, guard.name) == (Configuration.LOADING, 0, 0, 0)
    guard.wrote(offset_of("STEPS"), 1, 0)
    guard.expected = 0
    guard.end(True)
    assert guard.state == Configuration.VALID, "the refused word of the load before must be forgotten"


@pytest.mark.parametrize(
    ("register", "state"),
    [
        ("STEPS", Configuration.CHANGED),
        ("MEM_DATA", Configuration.CHANGED),
        ("CONTROL", Configuration.VALID),
        ("MEM_SELECT", Configuration.VALID),
        ("LEARN", Configuration.VALID),
    ],
)
def test_writes_after_a_load_that_change_the_network_or_do_not(register: str, state: Configuration) -> None:
    guard = loaded()
    guard.wrote(offset_of(register), 1, 0)
    assert guard.state == state


def test_words_are_counted_without_the_refused_ones() -> None:
    guard = GuardModel()
    guard.begin()
    guard.wrote(offset_of("STEPS"), 10, 3)
    guard.wrote(offset_of("STEPS"), 0, 0)
    assert guard.written == 7
