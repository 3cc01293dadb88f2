"""Register accesses over a scripted session: the messages sent, the replies read, and errors of a bad board."""

from collections import deque
from collections.abc import Callable

import numpy as np
import pytest

from firstspike.link.line import BoardError
from firstspike.link.registers import ANSWERING, SessionRegisters
from firstspike.link.session import Record
from firstspike_contract.link.messages import READ_MAX, WORDS_MAX
from firstspike_contract.link.wire import MESSAGE, MessageKind, RecordKind


class Scripted:
    """A mock of the session and of its line, as SessionRegisters uses them; `step` runs whenever the host waits."""

    name = "the line"

    def __init__(self, step: Callable[["Scripted"], None]) -> None:
        self.line, self._step = self, step
        self.replies: deque[Record] = deque()
        self.sent: list[dict[str, int]] = []
        self.unsent = self.unacknowledged = self.heard = self.settled = self.steps = 0
        self.round_trip = self.time = 0.0

    def now(self) -> float:
        return self.time

    def send(self, data: bytes) -> None:
        self.sent.append(MESSAGE.from_bytes(data))
        self.unsent += len(data)
        self.unacknowledged += len(data)

    def step(self) -> None:
        self.steps += 1
        self._step(self)

    def settle(self) -> None:
        self.settled += 1

    def reply(self, *words: int, refused: int = 0) -> None:
        """Answers one READ or SCAN message."""
        body = np.array([*words, refused], "<u4").tobytes()
        self.replies.append(Record(RecordKind.REPLY, 0, body))
        self.heard += 1


def registers(step: Callable[[Scripted], None]) -> tuple[SessionRegisters, Scripted]:
    session = Scripted(step)
    return SessionRegisters(session), session  # type: ignore[arg-type]


def counting() -> Callable[[Scripted], None]:
    """Returns the step of a board that answers messages in order, with words that count up from 0."""
    word = answered = 0

    def step(session: Scripted) -> None:
        nonlocal word, answered
        message = session.sent[answered]
        count = message["length"] // 4 if message["kind"] == MessageKind.READ else 0
        session.reply(*range(word, word + count))
        word, answered = word + count, answered + 1

    return step


def pause(session: Scripted) -> None:
    session.time += 0.5


@pytest.mark.parametrize("count", [0, 1, WORDS_MAX, WORDS_MAX + 1])
def test_words_are_written_in_messages_of_bounded_size(count: int) -> None:
    def send_all(session: Scripted) -> None:
        session.unsent = 0

    access, session = registers(send_all)
    access.write(0x40, np.zeros(count, np.uint32))
    lengths = [message["length"] // 4 for message in session.sent]
    assert (sum(lengths), max(lengths, default=0)) == (count, min(count, WORDS_MAX))
    assert all((message["kind"], message["value"]) == (MessageKind.WRITE, 0x40) for message in session.sent)
    assert session.steps == (count >= WORDS_MAX), "a write must wait only if the line is far behind"


def test_one_word_of_each_register() -> None:
    access, session = registers(counting())
    assert access.read([]) == []
    assert access.read([0x10, 0x20, 0x10]) == [0, 1, 2]
    assert [(message["value"], message["length"]) for message in session.sent] == [(0x10, 4), (0x20, 4), (0x10, 4)]
    assert session.settled == 2


@pytest.mark.parametrize("count", [0, 1, READ_MAX, READ_MAX + 1, 2 * READ_MAX])
def test_many_words_of_one_register(count: int) -> None:
    access, session = registers(counting())
    found = access.read_words(0x30, count)
    assert found.dtype == np.uint32
    assert found.tolist() == list(range(count))
    assert len(session.sent) == -(-count // READ_MAX)


@pytest.mark.parametrize("count", [0, 1, WORDS_MAX, WORDS_MAX + 1])
def test_a_scan_waits_for_every_reply(count: int) -> None:
    access, session = registers(counting())
    access.scan(0x30, count)
    assert [message["kind"] for message in session.sent] == [MessageKind.SCAN] * -(-count // WORDS_MAX)
    assert session.steps == len(session.sent)
    assert not session.replies


def test_a_refused_read_is_an_error() -> None:
    access, _ = registers(lambda session: session.reply(0, refused=1))
    with pytest.raises(BoardError) as error:
        access.read([0x7C])
    assert str(error.value) == (
        "the board refused to read register 0x007C (1 accesses): the core is busy, or has no such register"
    )


def test_a_read_that_is_not_answered_is_an_error() -> None:
    access, session = registers(pause)
    with pytest.raises(BoardError) as error:
        access.read([0x7C])
    assert session.time == ANSWERING + 0.5, "a wait of exactly the time-out must not fail"
    assert str(error.value) == (
        "the line does not answer a read of register 0x007C within 2 s; reset the board, or unplug it and plug it in "
        "again"
    )


def test_a_slow_line_is_given_twenty_round_trips() -> None:
    access, session = registers(pause)
    session.round_trip = 0.5
    with pytest.raises(BoardError, match=r" within 10 s; "):
        access.read([0])
    assert session.time == 10.5


def test_arriving_bytes_restart_the_time_out() -> None:
    def step(session: Scripted) -> None:
        session.time += 1.5
        session.heard += 1  # bytes of a long reply arrive
        if session.time > 8:
            session.reply(5)

    access, _ = registers(step)
    assert access.read([0]) == [5]


def test_a_flush_ends_when_all_bytes_have_arrived() -> None:
    def step(session: Scripted) -> None:
        session.time += 1.5
        session.unacknowledged -= 1

    access, session = registers(step)
    assert access.flush() == 0.0
    session.unacknowledged = 4
    assert access.flush() == 6.0


def test_a_flush_that_stops_is_an_error() -> None:
    access, session = registers(pause)
    session.unacknowledged = 1
    with pytest.raises(BoardError) as error:
        access.flush()
    assert str(error.value) == (
        "the line does not acknowledge what it is sent within 2 s; reset the board, or unplug it and plug it in again"
    )


def test_a_core_is_given_time_from_the_first_wait_on() -> None:
    access, session = registers(pause)
    session.time = 100.0
    access.wait(0)
    session.time += ANSWERING
    access.wait(1)
    session.time += 0.1
    with pytest.raises(BoardError) as error:
        access.wait(2)
    assert str(error.value) == (
        "the core at the line does not become idle within 2 s after CONTROL.run was cleared; reset the board"
    )
    access.wait(0)  # another task begins
