"""One end of a session: a reliable stream of bytes each way over frames that may be lost, damaged or repeated.

The same at host and board (docs/protocol.md, streams). It does no input or output and has no clock: bytes and times
come from outside, so that a test can run it in a simulated hour.
"""

from dataclasses import dataclass
from typing import Final

from firstspike_contract.link.timing import BACKOFF_MAX, CALM, NUMBERS, SMALLEST_PAYLOAD
from firstspike_contract.link.wire import BUFFER, FROM_BOARD, PAYLOAD_MAX, Frame, FrameKind

from .frames import coded

__all__ = ["Endpoint", "EndpointCounts"]

_QUICKEST: Final = 0.05  # seconds; an operating system's scheduling is no reason to send again


@dataclass(kw_only=True)
class EndpointCounts:
    """frames_again: brought only what had come already. frames_ahead: came before what is missing, or without room."""

    frames_sent: int = 0
    bytes_sent: int = 0
    frames_again: int = 0
    frames_ahead: int = 0
    repeats: int = 0  # times that sending went back
    timeouts: int = 0  # of these, because nothing was heard


class Endpoint:
    """Write what is to be sent, read what has come; hand frames in, take bytes for the line out.

    kind_bit: FROM_BOARD at the board's end. patience: seconds without an acknowledgement before the first measurement
    of the line; later the endpoint knows better. buffer: bytes that this end holds unread, below 2^15. capacity: that
    the other end holds, as it said when the session was opened.
    """

    def __init__(
        self,
        session: int,
        *,
        kind_bit: int = 0,
        patience: float = 0.25,
        buffer: int = BUFFER,
        capacity: int = BUFFER,
    ) -> None:
        if not (0 < buffer <= NUMBERS // 2 and 0 <= capacity <= NUMBERS // 2 and patience > 0):
            raise ValueError(
                f"an end holds 1..{NUMBERS // 2} bytes and waits for some time: "
                f"not {buffer} here, {capacity} there and {patience} s"
            )
        self.session, self.counters = session, EndpointCounts()
        self._buffer = buffer
        self._bit = kind_bit
        self._out = bytearray()  # from byte number `_base` on: sent and not acknowledged, then not sent yet
        self._base = self._cursor = self._sent_to = 0  # cursor: next to send; sent_to: the farthest it ever was
        self._edge = capacity  # number of the byte that the other side has no room for
        self._in = bytearray()
        self._expected = self._told_edge = 0
        self._acknowledge = self._repeat = self._poll = self._asked = False
        self._payload, self._calm = PAYLOAD_MAX, 0
        self._patience, self._smoothed, self._backoff = patience, 0.0, 0
        self._since: float | None = None  # when what is outstanding was sent, or last got on
        self._probe: tuple[int, float] | None = None  # byte number and time of sending, to measure the round trip

    @property
    def unsent(self) -> int:
        """Bytes written and not yet sent for the first time."""
        return self._base + len(self._out) - self._sent_to

    @property
    def unacknowledged(self) -> int:
        """Bytes written that the other side has not acknowledged, sent or not."""
        return len(self._out)

    @property
    def waiting(self) -> int:
        """Bytes that have come and were not read."""
        return len(self._in)

    @property
    def round_trip(self) -> float | None:
        """Smoothed time from sending to acknowledgement, seconds; None before the first."""
        return self._smoothed or None

    def capacity(self, count: int) -> None:
        """The other end holds so many bytes, as it says before anything was sent."""
        self._edge = self._base + count

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Appends to the stream to be sent."""
        self._out += data

    def peek(self) -> bytearray:
        """What has come, in order; `skip` what was used of it."""
        return self._in

    def skip(self, count: int) -> None:
        """Frees the first `count` bytes of what has come."""
        del self._in[:count]
        if self._room_edge() - self._told_edge >= self._buffer // 4:
            self._acknowledge = True  # the other side may be waiting to hear of the room

    def receive(self, frame: Frame, now: float) -> None:
        """A frame of this session."""
        self._acknowledged(frame, now)
        kind = frame.kind & ~FROM_BOARD
        if kind == FrameKind.REPEAT:
            self._go_back(now)
        elif kind == FrameKind.POLL:
            self._acknowledge = True
        elif kind == FrameKind.DATA and frame.payload:
            self._take(frame)

    def damaged(self) -> None:
        """Something came that was no frame: ask for it again."""
        self._repeat = True

    def go_back(self, now: float) -> None:
        """Sends everything again that is not acknowledged, and asks where the other side is: after a broken line."""
        self._go_back(now)
        self._poll = True

    def ask(self) -> None:
        """Asks where the other side is: for whoever waits for it and hears nothing, though nothing is outstanding."""
        self._poll = True

    def transmit(self, now: float, room: int) -> bytes:
        """Bytes for the line: whole frames, until nothing is due or about `room` bytes are reached."""
        self._check_time(now)
        pieces, size = [], 0
        while size < room and (frame := self._next(now)) is not None:
            data = coded(frame)
            self.counters.frames_sent += 1
            self.counters.bytes_sent += len(data)
            pieces.append(data)
            size += len(data)
        return b"".join(pieces)

    def deadline(self) -> float | None:
        """When `transmit` should be called again though nothing has come; None: not at all."""
        return None if self._since is None else self._since + self._wait()

    def _wait(self) -> float:
        wait = max(4 * self._smoothed, min(_QUICKEST, self._patience)) if self._smoothed else self._patience
        return min(wait, 1.0) * 2**self._backoff

    def _check_time(self, now: float) -> None:
        if self._since is None or now < self._since + self._wait():
            return
        self.counters.timeouts += 1
        self._backoff = min(self._backoff + 1, BACKOFF_MAX)
        self._since = now
        self._go_back(now)
        self._poll = True

    def _next(self, now: float) -> Frame | None:
        """The most urgent frame that is due. Every frame acknowledges: DATA makes a bare acknowledgement needless."""
        edge = self._room_edge()
        number, window = self._expected % NUMBERS, edge - self._expected
        count = min(self._base + len(self._out), self._edge) - self._cursor
        count = min(count, self._payload)
        if self._repeat:
            kind, self._repeat, count = FrameKind.REPEAT, False, 0
        elif self._poll:
            kind, self._poll, count = FrameKind.POLL, False, 0
        elif count > 0:
            kind = FrameKind.DATA
        elif self._acknowledge:
            kind, count = FrameKind.DATA, 0
        else:
            if self._out and self._since is None:  # the other side has no room, and may have said so in vain
                self._since = now
            return None
        start = self._cursor - self._base
        payload = bytes(self._out[start : start + count])
        frame = Frame(kind | self._bit, self.session, self._cursor % NUMBERS, number, window, payload)
        self._acknowledge, self._told_edge = False, edge
        if count:
            self._cursor += count
            if self._since is None:
                self._since = now
            if self._probe is None and self._cursor > self._sent_to:
                self._probe = (self._cursor, now)
            self._sent_to = max(self._sent_to, self._cursor)
        return frame

    def _room_edge(self) -> int:
        return self._expected + max(0, self._buffer - len(self._in))

    def _acknowledged(self, frame: Frame, now: float) -> None:
        gained = (frame.acknowledge - self._base) % NUMBERS
        if gained > self._sent_to - self._base:
            return  # of an earlier time
        edge = self._base + gained + frame.window
        if gained or edge > self._edge:
            self._since = now
        self._edge = max(self._edge, edge)
        if gained:
            del self._out[:gained]
            self._base += gained
            self._cursor = max(self._cursor, self._base)
            self._measure(now)
        if not self._out:
            self._since = None

    def _measure(self, now: float) -> None:
        self._calm += 1
        if self._calm >= CALM and self._payload < PAYLOAD_MAX:
            self._payload, self._calm = min(2 * self._payload, PAYLOAD_MAX), 0
        if self._probe is not None and self._base >= self._probe[0]:
            took = now - self._probe[1]
            self._backoff = 0  # not before: an acknowledgement of what was sent twice says nothing of the time it takes
            self._smoothed = took if not self._smoothed else 0.75 * self._smoothed + 0.25 * took
            self._probe = None

    def _take(self, frame: Frame) -> None:
        ahead = (frame.sequence - self._expected) % NUMBERS
        if ahead == 0 and len(frame.payload) <= self._buffer - len(self._in):
            self._in += frame.payload
            self._expected += len(frame.payload)
            self._acknowledge, self._asked = True, False
        elif ahead >= NUMBERS // 2:  # behind
            self.counters.frames_again += 1
            self._acknowledge = True
        else:
            self.counters.frames_ahead += 1
            self._repeat |= not self._asked  # once a gap: what follows it is out of order too
            self._asked = True

    def _go_back(self, now: float) -> None:
        self._probe = None  # which of two sendings an acknowledgement is of cannot be known
        if self._cursor == self._base:
            return
        self.counters.repeats += 1
        self._cursor = self._base
        self._since = now
        self._payload, self._calm = max(SMALLEST_PAYLOAD, self._payload // 2), 0
