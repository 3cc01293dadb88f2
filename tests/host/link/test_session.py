"""Tests the host's end of a session with a far end that is scripted frame by frame, in simulated time."""

import re
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest

from firstspike.link.frames import Deframer, coded
from firstspike.link.line import BoardError, LineLost
from firstspike.link.session import Record, Session
from firstspike.link.transport import TransportLost
from firstspike_contract.core.register_map import CORE_VERSION
from firstspike_contract.link.wire import (
    BUFFER,
    FROM_BOARD,
    HELLO,
    MAGIC,
    PROTOCOL,
    RECORD,
    WELCOME,
    Frame,
    FrameKind,
    Reason,
    RecordKind,
)

Answer = Callable[[Frame], Iterable[Frame]]


def from_board(kind: int, session: int, payload: bytes = b"", *, sequence: int = 0, acknowledge: int = 0) -> Frame:
    return Frame(kind | FROM_BOARD, session, sequence, acknowledge, BUFFER, payload)


def welcome(hello: Frame, **changed: int) -> Frame:
    """Returns the answer of a good board to an OPEN; `changed` replaces fields of the welcome."""
    nonce = HELLO.from_bytes(hello.payload)["nonce"]
    fields = {"nonce": nonce, "protocol": PROTOCOL, "core": CORE_VERSION, "buffer": BUFFER} | changed
    return from_board(FrameKind.OPEN, hello.session, WELCOME.to_bytes(**fields))


def good(frame: Frame) -> Iterable[Frame]:
    """Yields the answers of a board that opens every session, acknowledges all data, and sends nothing else."""
    if frame.kind == FrameKind.OPEN:
        yield welcome(frame)
    elif frame.payload or frame.kind == FrameKind.POLL:
        yield from_board(FrameKind.DATA, frame.session, acknowledge=frame.sequence + len(frame.payload))


class Far:
    """A line whose far end answers each frame. Its clock runs only in exchanges that move no byte.

    heard:   frames that the host sent.
    bytes:   bytes that the host sent.
    breaks:  number of the next exchanges that find the line broken.
    refuses: number of the next attempts to reopen the line that fail.
    """

    name, patience = "the line", 0.25

    def __init__(self, answer: Answer = good) -> None:
        self.answer, self.time = answer, 0.0
        self.heard: list[Frame] = []
        self.bytes = self._said = b""
        self.breaks = self.refuses = self.reopened = 0
        self._deframer = Deframer()

    def say(self, *frames: Frame) -> None:
        self._said += b"".join(map(coded, frames))

    def noise(self, data: bytes) -> None:
        self._said += data

    def now(self) -> float:
        return self.time

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        if self.breaks:
            self.breaks -= 1
            raise LineLost("the line broke")
        self.bytes += data
        for frame in self._deframer.feed(data):
            assert frame is not None, "the host must send whole frames"
            self.heard.append(frame)
            self.say(*self.answer(frame))
        came, self._said = self._said, b""
        if not data and not came:
            self.time += max(timeout, 1e-6)
        return len(data), came

    def bulk(self, on: bool) -> None:
        pass

    def reopen(self) -> None:
        self.reopened += 1
        if self.refuses:
            self.refuses -= 1
            raise BoardError("not there")

    def close(self) -> None:
        pass


def opened(answer: Answer = good, **times: float) -> tuple[Session, Far]:
    far = Far(answer)
    session = Session(far, **times)
    session.open()
    return session, far


def refusal(answer: Answer, *, noise: bytes = b"") -> str:
    """Returns the message with which opening a session fails."""
    far = Far(answer)
    far.noise(noise)
    with pytest.raises(BoardError) as refused:
        Session(far, opening=1.0).open()
    return str(refused.value)


NO_ANSWER = (
    "no answer from the line within 1 s; is the board powered and programmed with firstspike, is this its port "
    "(see firstspike devices), and is its baud rate right (for example ?baudrate=3000000)?"
)


def test_a_session_begins_with_hello_and_welcome() -> None:
    session, far = opened()
    (hello,) = far.heard
    assert far.bytes[:1] == b"\0", "a delimiter must end a frame that an earlier program left half sent"
    assert hello.kind == FrameKind.OPEN
    fields = HELLO.from_bytes(hello.payload)
    assert (fields["magic"], fields["protocol"], fields["reserved"]) == (MAGIC, PROTOCOL, 0)
    assert (session.opened, session.reconnects, session.damaged, session.round_trip) == (1, 0, 0, 0.0)
    assert session.welcome["buffer"] == BUFFER


@pytest.mark.parametrize(("nonce", "numbers"), [(0, [1, 2]), (253, [254, 255]), (254, [255, 1]), (255, [1, 2])])
def test_a_session_number_is_never_0_nor_that_of_the_last_session(
    nonce: int, numbers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.urandom", lambda count: nonce.to_bytes(count, "little"))
    session, far = opened()
    session.open()
    assert [frame.session for frame in far.heard] == numbers
    assert session.opened == 2


def test_hello_is_repeated_until_the_time_is_up() -> None:
    far = Far(lambda frame: ())
    with pytest.raises(BoardError) as refused:
        Session(far, opening=1.0).open()
    assert str(refused.value) == NO_ANSWER
    assert [frame.kind for frame in far.heard] == [FrameKind.OPEN] * 4, "one in 0.25 s"
    assert far.time == pytest.approx(1.0, abs=1e-3)


def stale(frame: Frame) -> Iterable[Frame]:
    yield welcome(frame, nonce=HELLO.from_bytes(frame.payload)["nonce"] ^ 1)


def strange(frame: Frame) -> Iterable[Frame]:
    yield welcome(frame)._replace(session=frame.session % 255 + 1)


def short(frame: Frame) -> Iterable[Frame]:
    whole = welcome(frame)
    yield whole._replace(payload=whole.payload[:-1])


def closing(frame: Frame) -> Iterable[Frame]:
    yield from_board(FrameKind.CLOSED, frame.session, b"\0")


@pytest.mark.parametrize("answer", [stale, strange, short, closing])
def test_an_answer_that_is_no_welcome_of_this_session_opens_none(answer: Answer) -> None:
    assert re.match(r"the line sends bytes that are no firstspike frames \(\d+ bytes or more\); ", refusal(answer))


def test_who_else_may_answer_is_named() -> None:
    assert refusal(lambda frame: [frame]) == (
        "the line sends back what it is sent; it is a loopback plug or a modem, not a firstspike board"
    )
    assert refusal(lambda frame: (), noise=b" login: ") == (
        "the line is another device, not a firstspike board; it says 'login:'"
    )
    assert refusal(lambda frame: (), noise=b"\x80\xf8\x9e") == (
        "the line sends bytes that are no firstspike frames (3 bytes or more); is the baud rate that of the board? "
        "for example serial://the line?baudrate=3000000"
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"protocol": PROTOCOL + 1}, f"version {PROTOCOL + 1} of the wire protocol, this program version {PROTOCOL}"),
        ({"core": CORE_VERSION - 1}, f"{CORE_VERSION - 1} of the register map, this program version {CORE_VERSION}"),
    ],
)
def test_a_board_of_another_version_is_refused(changed: dict[str, int], message: str) -> None:
    said = refusal(lambda frame: [welcome(frame, **changed)])
    assert said.startswith("the board at the line has version ")
    assert said.endswith(
        f"{message}; use the firstspike that made its bitstream, or program the board with one of this version"
    )


def test_a_line_that_breaks_while_a_session_is_opened() -> None:
    far = Far()
    far.breaks = 1
    with pytest.raises(BoardError) as refused:
        Session(far).open()
    assert str(refused.value) == "the line broke"

    def leave(frame: Frame) -> Iterable[Frame]:
        far.breaks = 1
        return ()

    far = Far(leave)
    far.noise(b"bye\n")
    with pytest.raises(BoardError) as refused:
        Session(far).open()
    assert str(refused.value) == "the line broke; it said 'bye'"


RECORDS = (
    Record(RecordKind.REPLY, 0, b"\1\0\0\0"),
    Record(RecordKind.RESULT, 0, bytes(44)),
    Record(RecordKind.REFUSED, 5, b"\0\1\0\0"),
    Record(RecordKind.SPIKES, 0, b""),
)


def as_bytes(record: Record) -> bytes:
    return RECORD.to_bytes(kind=record.kind, status=record.status, length=len(record.body)) + record.body


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_records_are_sorted_whatever_pieces_they_come_in(piece: int) -> None:
    session, far = opened()
    stream = b"".join(map(as_bytes, RECORDS))
    for at in range(0, len(stream), piece):
        part = stream[at : at + piece]
        far.say(from_board(FrameKind.DATA, far.heard[0].session, part, sequence=at))
        session.step()
        whole = [len(b"".join(map(as_bytes, RECORDS[:n]))) for n in range(len(RECORDS) + 1)]
        assert session.heard == max(size for size in whole if size <= at + len(part)), "whole records only"
    assert list(session.replies) == [RECORDS[0]]
    assert list(session.answers) == list(RECORDS[1:])


def test_bytes_are_counted_until_they_are_acknowledged() -> None:
    session, far = opened()
    assert (session.unsent, session.unacknowledged) == (0, 0)
    session.send(b"message")
    assert (session.unsent, session.unacknowledged) == (7, 7)
    session.step()
    assert (session.unsent, session.unacknowledged) == (0, 0)
    assert [frame.payload for frame in far.heard[1:]] == [b"message"]


def test_a_new_session_forgets_what_the_last_one_received() -> None:
    session, far = opened()
    far.say(from_board(FrameKind.DATA, far.heard[0].session, b"".join(map(as_bytes, RECORDS[:2]))))
    session.step()
    session.open()
    assert (len(session.replies), len(session.answers)) == (0, 0)


def test_a_silent_board_is_polled() -> None:
    session, far = opened()
    while far.time < 1.0:
        session.step()
    polls = [frame for frame in far.heard if frame.kind == FrameKind.POLL]
    assert 3 <= len(polls) <= 4, "about one poll in 0.25 s"


@pytest.mark.parametrize(("payload", "reason"), [(bytes([Reason.WATCHDOG]), 1), (bytes([Reason.MESSAGE]), 2), (b"", 0)])
def test_a_session_that_the_board_ends_is_lost(payload: bytes, reason: int) -> None:
    session, far = opened()
    far.say(from_board(FrameKind.CLOSED, far.heard[0].session % 255 + 1, b"\1"))
    session.step()  # the CLOSED of another session is ignored
    far.say(from_board(FrameKind.CLOSED, far.heard[0].session, payload))
    with pytest.raises(TransportLost) as lost:
        session.step()
    assert str(lost.value) == f"the board ended the session: {reason}"


def test_damaged_bytes_are_counted_and_sent_again() -> None:
    session, far = opened()
    far.noise(b"\x05noise\0")
    session.step()
    session.step()
    assert session.damaged == 1
    assert far.heard[-1].kind == FrameKind.REPEAT


def test_a_broken_line_is_mended_within_the_session() -> None:
    session, far = opened()
    session.send(b"message")
    far.breaks = far.refuses = 1
    before = len(far.bytes)
    session.step()
    assert (session.reconnects, far.reopened) == (1, 2)
    while session.unacknowledged:
        session.step()
    assert far.bytes[before : before + 1] == b"\0", "a delimiter ends the frame that the break may have cut"
    assert b"".join(frame.payload for frame in far.heard if frame.kind == FrameKind.DATA) == b"message"
    assert session.opened == 1


def test_a_line_that_does_not_come_back_is_lost() -> None:
    session, far = opened(reconnecting=0.0)
    far.breaks = far.refuses = 1
    with pytest.raises(LineLost) as lost:
        session.step()
    assert str(lost.value) == "the line broke; it did not come back within 0 s"
    assert session.reconnects == 0


def test_frames_to_the_board_carry_the_number_of_their_first_byte() -> None:
    session, far = opened()
    for _ in range(3):
        session.send(bytes(700))
        session.step()
    while session.unacknowledged:
        session.step()
    frames = [frame for frame in far.heard if frame.payload and frame.kind == FrameKind.DATA]
    assert frames[0].sequence == 0
    assert all(b.sequence == a.sequence + len(a.payload) for a, b in pairwise(frames))
    assert sum(len(frame.payload) for frame in frames) == 2100
