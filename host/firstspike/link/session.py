"""The host's end of a session over a line: opens it, sends messages, receives records, mends a broken line."""

import os
import time
from collections import deque
from typing import Final, NamedTuple

from firstspike_contract.core.register_map import CORE_VERSION
from firstspike_contract.link.wire import (
    FROM_BOARD,
    HELLO,
    HOST_BUFFER,
    MAGIC,
    PROTOCOL,
    RECORD,
    WELCOME,
    Frame,
    FrameKind,
    Reason,
    RecordKind,
)

from .endpoint import Endpoint, EndpointCounts
from .frames import Deframer, coded
from .line import BoardError, Line, LineLost
from .transport import TransportLost

__all__ = ["OPENING", "RECONNECTING", "Record", "Session"]

OPENING: Final = 2.0  # seconds in which a board must answer
RECONNECTING: Final = 2.0  # seconds in which a broken line may come back
_SLICE: Final = 0.05  # seconds of the longest wait, so that an interrupt is noticed
_BURST: Final = 8192  # bytes handed to the line at once
_STALE: Final = 0.01  # seconds after the last step, beyond which `step` reads the line before it sends
_SAMPLE: Final = 60  # characters of another device's output that a message shows


class Record(NamedTuple):
    """A record from the board. kind: a RecordKind. status: its status byte. body: the bytes after its header."""

    kind: int
    status: int
    body: bytes


class Session:
    """The host's end of sessions over one line.

    A new Session is closed: call `open`, and call it again after TransportLost. A broken line is mended without losing
    the session.

    welcome:    the board's welcome, by the field names of wire.WELCOME.
    replies:    REPLY records that were received and not yet taken.
    answers:    all other records that were received and not yet taken; they concern images.
    opened:     number of sessions opened.
    reconnects: number of broken lines that were mended.
    heard:      number of bytes received in the board's streams.
    """

    def __init__(self, line: Line, *, opening: float = OPENING, reconnecting: float = RECONNECTING) -> None:
        self.line, self._opening, self._reconnecting = line, opening, reconnecting
        self.welcome: dict[str, int] = {}
        self.reconnects = self.opened = self.heard = 0
        self.replies: deque[Record] = deque()
        self.answers: deque[Record] = deque()
        self._deframer, self._pending, self._open = Deframer(), b"", False
        self._nonce, self._last = 0, line.now()
        self._alive = self._last  # when a frame of the board last came, or the board was last polled
        self._first, self._echoes = b"", 0
        self._endpoint = Endpoint(0)

    @property
    def counters(self) -> EndpointCounts:
        """The counts of this end in the present session."""
        return self._endpoint.counters

    @property
    def damaged(self) -> int:
        """Number of received pieces that were no valid frame, in all sessions."""
        return self._deframer.bad

    @property
    def unsent(self) -> int:
        """Number of bytes not yet sent for the first time."""
        return self._endpoint.unsent

    @property
    def unacknowledged(self) -> int:
        """Number of bytes that the board has not acknowledged, sent or not."""
        return self._endpoint.unacknowledged

    @property
    def round_trip(self) -> float:
        """Smoothed time from sending to acknowledgement, seconds; 0 before the first measurement."""
        return self._endpoint.round_trip or 0.0

    def open(self) -> None:
        """Opens a session. Raises BoardError if nothing, another device or a board of another version answers."""
        self._nonce = int.from_bytes(os.urandom(4), "little")
        session = self._endpoint.session % 255 + 1 if self._endpoint.session else 1 + self._nonce % 255
        self._endpoint = Endpoint(session, patience=self.line.patience, buffer=HOST_BUFFER)
        self._open, self._pending, self._first, self._echoes = False, b"", b"", 0
        self.replies.clear()
        self.answers.clear()
        hello = HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, nonce=self._nonce)
        frame = coded(Frame(FrameKind.OPEN, session, 0, 0, HOST_BUFFER, hello))
        # the delimiter in front ends a frame that an earlier program may have left half sent
        frame = b"\0" + frame
        now = self.line.now()
        end, again = now + self._opening, now
        while not self._open:
            now = self.line.now()
            if now >= end:
                raise BoardError(self._no_answer())
            if now >= again and not self._pending:
                self._pending, again = frame, now + self.line.patience
            try:
                self._exchange(min(again, end) - now)
            except LineLost as error:
                raise BoardError(f"{error}; it said {_text(self._first)!r}" if self._first else str(error)) from error
        self.opened += 1
        self._check_versions()

    def send(self, data: bytes) -> None:
        """Appends messages to the stream."""
        self._endpoint.write(data)

    def step(self, timeout: float = _SLICE) -> None:
        """Sends and receives what is possible, and waits for it up to `timeout` seconds.

        A caller that waits for the board calls this again and again. A board that has been silent for a while is
        polled. Raises TransportLost, LineLost.
        """
        try:
            if self.line.now() - self._last > _STALE:
                self._exchange(0.0)  # take in the bytes that came meanwhile, before an acknowledgement seems overdue
            now = self.line.now()
            if now - self._alive > self.line.patience:
                self._endpoint.ask()
                self._alive = now
            if len(self._pending) < _BURST:
                self._pending += self._endpoint.transmit(now, _BURST - len(self._pending))
            due = self._endpoint.deadline()
            self._exchange(min(timeout, _SLICE) if due is None else min(timeout, _SLICE, due - now))
        except LineLost as error:
            self._mend(error)
        self._last = self.line.now()
        self._sort()

    def settle(self) -> None:
        """Sends the acknowledgement that is due, so that the board need not poll while this program does other work."""
        self.step(0.0)

    def _sort(self) -> None:
        """Moves the records that have come whole to `replies` and `answers`."""
        data, at = self._endpoint.peek(), 0
        while len(data) - at >= RECORD.size:
            kind, status, length = RECORD.form.unpack_from(data, at)
            begin, end = at + RECORD.size, at + RECORD.size + length
            if len(data) < end:
                break
            queue = self.replies if kind == RecordKind.REPLY else self.answers
            queue.append(Record(kind, status, bytes(data[begin:end])))
            at = end
        if at:
            self.heard += at
            self._endpoint.skip(at)

    def _exchange(self, wait: float) -> None:
        taken, came = self.line.exchange(self._pending, wait)
        self._pending = self._pending[taken:]
        if not self._open and len(self._first) < _SAMPLE:
            self._first += came
        for frame in self._deframer.feed(came) if came else ():
            if frame is None:
                if self._open:
                    self._endpoint.damaged()
            else:
                self._received(frame)

    def _received(self, frame: Frame) -> None:
        self._echoes += not frame.kind & FROM_BOARD
        if frame.session != self._endpoint.session or not frame.kind & FROM_BOARD:
            return
        self._alive = self.line.now()
        kind = frame.kind & ~FROM_BOARD
        if kind == FrameKind.CLOSED:
            if self._open:
                reason = frame.payload[0] if frame.payload else Reason.NONE
                raise TransportLost(f"the board ended the session: {reason}")
        elif kind == FrameKind.OPEN:
            if not self._open and len(frame.payload) >= WELCOME.size:
                welcome = WELCOME.from_bytes(frame.payload)
                if welcome["nonce"] == self._nonce:
                    self.welcome, self._open = welcome, True
                    self._endpoint.capacity(welcome["buffer"])
        elif self._open:
            self._endpoint.receive(frame, self.line.now())

    def _mend(self, error: LineLost) -> None:
        """Opens the broken line again and continues the session. Raises LineLost if the line does not come back."""
        end = time.monotonic() + self._reconnecting
        while True:
            try:
                self.line.reopen()
                break
            except BoardError:
                if time.monotonic() >= end:
                    raise LineLost(f"{error}; it did not come back within {self._reconnecting:g} s") from error
                time.sleep(_SLICE)
        self.reconnects += 1
        self._pending = b"\0"
        self._endpoint.go_back(self.line.now())

    def _check_versions(self) -> None:
        for what, key, mine in (
            ("the wire protocol", "protocol", PROTOCOL),
            ("the register map", "core", CORE_VERSION),
        ):
            theirs = self.welcome[key]
            if theirs != mine:
                raise BoardError(
                    f"the board at {self.line.name} has version {theirs} of {what}, this program version {mine}; "
                    f"use the firstspike that made its bitstream, or program the board with one of this version"
                )

    def _no_answer(self) -> str:
        name, heard = self.line.name, self._first
        if self._echoes:
            return f"{name} sends back what it is sent; it is a loopback plug or a modem, not a firstspike board"
        if not heard:
            return (
                f"no answer from {name} within {self._opening:g} s; is the board powered and programmed with "
                f"firstspike, is this its port (see firstspike devices), and is its baud rate right "
                f"(for example ?baudrate=3000000)?"
            )
        text = heard.decode("ascii", "replace")
        # bytes beyond ASCII become U+FFFD, which counts as printable
        if sum((c.isprintable() or c.isspace()) and c != "\ufffd" for c in text) > 0.9 * len(text):
            return f"{name} is another device, not a firstspike board; it says {_text(heard)!r}"
        return (
            f"{name} sends bytes that are no firstspike frames ({len(heard)} bytes or more); "
            f"is the baud rate that of the board? for example serial://{name}?baudrate=3000000"
        )


def _text(heard: bytes) -> str:
    return heard.decode("ascii", "replace").strip()[:_SAMPLE]
