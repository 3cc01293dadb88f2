"""One end of a session: a reliable stream of bytes each way over frames that may be lost, damaged or repeated.

Host and model board use this code (docs/protocol.md, streams). It does no input or output and has no clock: the caller
passes bytes and times, so that a test can simulate an hour.
"""

from dataclasses import dataclass
from typing import Final

from firstspike_contract.link.timing import BACKOFF_MAX, CALM, NUMBERS, SMALLEST_PAYLOAD
from firstspike_contract.link.wire import BUFFER, FROM_BOARD, PAYLOAD_MAX, Frame, FrameKind

from .frames import coded

__all__ = ["Endpoint", "EndpointCounts"]

_QUICKEST: Final = 0.05  # seconds, the shortest time-out; an operating system may delay a program that long


@dataclass(kw_only=True)
class EndpointCounts:
    """Counts of one endpoint, from the beginning of its session."""

    frames_sent: int = 0
    bytes_sent: int = 0
    frames_again: int = 0  # received frames whose bytes had come already
    frames_ahead: int = 0  # received frames that came before missing bytes, or for which there was no room
    repeats: int = 0  # times that sending went back to unacknowledged bytes
    timeouts: int = 0  # times that no acknowledgement came in time


class Endpoint:
    """One end of a session.

    Towards the program, `write` takes bytes to send, and `peek` and `skip` give the bytes received. Towards the line,
    `receive` takes frames, and `transmit` gives the bytes to put on the line.

    kind_bit: FROM_BOARD at the board's end, else 0.
    patience: seconds to wait for an acknowledgement until the endpoint has measured the round trip.
    buffer:   bytes that this end holds unread, at most 2^15.
    capacity: bytes that the other end holds unread, as it announced when the session was opened.
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
                f"an endpoint holds 1..{NUMBERS // 2} bytes and waits a positive time: "
                f"have {buffer} bytes here, {capacity} at the other end and {patience} s"
            )
        self.session, self.counters = session, EndpointCounts()
        self._buffer = buffer
        self._bit = kind_bit
        self._out = bytearray()  # bytes from number `_base` on: those sent but not acknowledged, then those not sent
        self._base = self._cursor = self._sent_to = 0  # `_cursor`: next byte to send; `_sent_to`: its largest value
        self._edge = capacity  # number of the first byte for which the other end has no room
        self._in = bytearray()
        self._expected = self._told_edge = 0
        self._acknowledge = self._repeat = self._poll = self._asked = False
        self._payload, self._calm = PAYLOAD_MAX, 0
        self._patience, self._smoothed, self._backoff = patience, 0.0, 0
        self._since: float | None = None  # when unacknowledged bytes were sent or last partly acknowledged
        self._probe: tuple[int, float] | None = None  # byte number and time of sending, to measure the round trip

    @property
    def unsent(self) -> int:
        """Number of bytes written and not yet sent for the first time."""
        return self._base + len(self._out) - self._sent_to

    @property
    def unacknowledged(self) -> int:
        """Number of bytes written that the other end has not acknowledged, sent or not."""
        return len(self._out)

    @property
    def waiting(self) -> int:
        """Number of bytes received and not skipped."""
        return len(self._in)

    @property
    def round_trip(self) -> float | None:
        """Smoothed time from sending to acknowledgement, seconds; None before the first measurement."""
        return self._smoothed or None

    def capacity(self, count: int) -> None:
        """Records that the other end has room for `count` bytes. Called before anything was sent."""
        self._edge = self._base + count

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Appends bytes to the stream to send."""
        self._out += data

    def peek(self) -> bytearray:
        """Returns the bytes received, in order. `skip` removes them once they are used."""
        return self._in

    def skip(self, count: int) -> None:
        """Removes the first `count` bytes received, which makes room."""
        del self._in[:count]
        if self._room_edge() - self._told_edge >= self._buffer // 4:
            self._acknowledge = True  # the other end may be waiting for room

    def receive(self, frame: Frame, now: float) -> None:
        """Takes a frame of this session. now: the time in seconds."""
        self._acknowledged(frame, now)
        kind = frame.kind & ~FROM_BOARD
        if kind == FrameKind.REPEAT:
            self._go_back(now)
        elif kind == FrameKind.POLL:
            self._acknowledge = True
        elif kind == FrameKind.DATA and frame.payload:
            self._take(frame)

    def damaged(self) -> None:
        """Takes note of received bytes that were no valid frame: asks the other end to send again."""
        self._repeat = True

    def go_back(self, now: float) -> None:
        """Sends all unacknowledged bytes again and polls the other end. Called after a broken line was mended."""
        self._go_back(now)
        self._poll = True

    def ask(self) -> None:
        """Polls the other end, so that it answers although all bytes sent to it are acknowledged."""
        self._poll = True

    def transmit(self, now: float, room: int) -> bytes:
        """Returns bytes for the line: whole frames, until no frame is due or about `room` bytes are reached."""
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
        """Returns the time at which `transmit` should be called although nothing was received; None means no time."""
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
        """Returns the most urgent frame that is due, or None.

        Every frame carries an acknowledgement; one without data is sent only if there is nothing else to send.
        """
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
            if self._out and self._since is None:  # the other end has no room; its notice of new room may get lost
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
            return  # an acknowledgement that was overtaken by a newer one
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
            # only here: an acknowledgement of bytes that were sent twice does not tell how long the round trip takes
            self._backoff = 0
            self._smoothed = took if not self._smoothed else 0.75 * self._smoothed + 0.25 * took
            self._probe = None

    def _take(self, frame: Frame) -> None:
        ahead = (frame.sequence - self._expected) % NUMBERS
        if ahead == 0 and len(frame.payload) <= self._buffer - len(self._in):
            self._in += frame.payload
            self._expected += len(frame.payload)
            self._acknowledge, self._asked = True, False
        elif ahead >= NUMBERS // 2:  # modulo NUMBERS, this number lies behind the expected one
            self.counters.frames_again += 1
            self._acknowledge = True
        else:
            self.counters.frames_ahead += 1
            self._repeat |= not self._asked  # asked once for each gap, because all frames after a gap are out of order
            self._asked = True

    def _go_back(self, now: float) -> None:
        self._probe = None  # after sending twice, one cannot know which sending an acknowledgement belongs to
        if self._cursor == self._base:
            return
        self.counters.repeats += 1
        self._cursor = self._base
        self._since = now
        self._payload, self._calm = max(SMALLEST_PAYLOAD, self._payload // 2), 0
