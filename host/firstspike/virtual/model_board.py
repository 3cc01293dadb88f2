"""A model of a whole board: takes bytes from the line and returns bytes, as the gateware's link does."""

from firstspike.link import Deframer, Endpoint, coded
from firstspike_contract import CoreConfig
from firstspike_contract.core.register_map import CORE_VERSION
from firstspike_contract.link.timing import CLOCK_HZ, LEAST_DIVISOR
from firstspike_contract.link.wire import (
    FROM_BOARD,
    HELLO,
    HOST_BUFFER,
    MAGIC,
    PAYLOAD_MAX,
    PROTOCOL,
    WELCOME,
    Frame,
    FrameKind,
    Reason,
    build_id,
)

from .core_model import CoreModel
from .dispatcher_model import BadMessage, DispatcherModel

__all__ = ["ModelBoard"]

_PATIENCE = 0.05  # seconds without an acknowledgement before the board sends again
_OF_SESSION = {"FRAMES_AGAIN": "frames_again", "FRAMES_AHEAD": "frames_ahead", "REPEATS": "repeats"}


class ModelBoard:
    """A model of a board. It is a Device of a virtual line; `reset` does what the board's button does.

    The model takes no time and draws no random numbers.

    clock, divisor: values of the registers CLOCK and DIVISOR. They do not set the speed of the line.
    buffer:         bytes that the model holds in each direction. Gateware holds BUFFER bytes; the model needs more,
                    because an operating system stands between it and the line.
    """

    def __init__(
        self, config: CoreConfig, *, clock: int = CLOCK_HZ, divisor: int = LEAST_DIVISOR, buffer: int = HOST_BUFFER
    ) -> None:
        self.core, self._buffer = CoreModel(config), buffer
        self._fixed = {
            "PROTOCOL": PROTOCOL,
            "BUILD_ID": build_id(config),
            "CLOCK": clock,
            "DIVISOR": divisor,
        }
        self.reset()

    def reset(self) -> None:
        """Resets everything but the contents of memories."""
        self.core.reset()
        self._deframer = Deframer()
        self._endpoint: Endpoint | None = None
        self._nonce, self._reason = 0, Reason.NONE
        self._past = dict.fromkeys(_OF_SESSION, 0)  # counts of earlier sessions
        self._due: list[Frame] = []
        self.dispatcher = DispatcherModel(self.core, self._say, self._fixed)

    @property
    def room(self) -> int:
        """Number of bytes that `receive` takes now. The caller leaves the rest in the line, where it is not lost."""
        return self._buffer

    def receive(self, data: bytes, now: float) -> None:
        """Takes bytes from the line. now: the time in seconds."""
        for frame in self._deframer.feed(data):
            if frame is None:
                if self._endpoint is not None:
                    self._endpoint.damaged()
            elif not frame.kind & FROM_BOARD:
                self._received(frame, now)
        self._work()
        self._count()

    def transmit(self, now: float, room: int) -> bytes:
        """Returns bytes for the line, about `room` at most."""
        self._work()
        head = b"".join(coded(frame) for frame in self._due)
        self._due.clear()
        return head + (self._endpoint.transmit(now, room - len(head)) if self._endpoint is not None else b"")

    def deadline(self) -> float | None:
        """Returns the time at which the board will send again unasked; None means that it waits for the host."""
        return None if self._endpoint is None else self._endpoint.deadline()

    def _received(self, frame: Frame, now: float) -> None:
        endpoint = self._endpoint
        if frame.kind == FrameKind.OPEN:
            if len(frame.payload) == HELLO.size:
                self._open(frame, HELLO.from_bytes(frame.payload))
        elif endpoint is None or frame.session != endpoint.session:
            self._due.append(Frame(FrameKind.CLOSED | FROM_BOARD, frame.session, 0, 0, 0, bytes([self._reason])))
        else:
            endpoint.receive(frame, now)

    def _open(self, frame: Frame, hello: dict[str, int]) -> None:
        if hello["magic"] != MAGIC:
            return
        current = self._endpoint is not None and (frame.session, hello["nonce"]) == (
            self._endpoint.session,
            self._nonce,
        )
        if hello["protocol"] == PROTOCOL and not current:
            if self._endpoint is not None:
                self._end(Reason.NONE)
            self._endpoint = Endpoint(
                frame.session,
                kind_bit=FROM_BOARD,
                patience=_PATIENCE,
                buffer=self._buffer,
                capacity=min(frame.window, self._buffer),
            )
            self._nonce = hello["nonce"]
            self.dispatcher.forget()
            self.dispatcher.counters["SESSIONS"] += 1
        guard = self.dispatcher.guard
        welcome = WELCOME.to_bytes(
            nonce=hello["nonce"],
            protocol=PROTOCOL,
            core=CORE_VERSION,
            build=self._fixed["BUILD_ID"],
            clock=self._fixed["CLOCK"],
            buffer=self._buffer,
            payload=PAYLOAD_MAX,
            configuration=guard.now(self.core.running),
            reason=self._reason,
            name=guard.name,
        )
        self._due.append(Frame(FrameKind.OPEN | FROM_BOARD, frame.session, 0, 0, self._buffer, welcome))

    def _work(self) -> None:
        """Carries out the messages received, unless the answers already waiting fill the buffer."""
        endpoint = self._endpoint
        if endpoint is None or not endpoint.waiting or endpoint.unacknowledged >= self._buffer:
            return
        try:
            endpoint.skip(self.dispatcher.work(endpoint.peek()))
        except BadMessage:
            self._end(Reason.MESSAGE)
            self._due.append(Frame(FrameKind.CLOSED | FROM_BOARD, endpoint.session, 0, 0, 0, bytes([Reason.MESSAGE])))

    def _end(self, reason: Reason) -> None:
        """Ends the session and remembers the reason. The session's counts are kept."""
        self._count()
        self._past = {name: self.dispatcher.counters[name] for name in _OF_SESSION}
        self._reason, self._endpoint = reason, None

    def _say(self, record: bytes) -> None:
        if self._endpoint is not None:
            self._endpoint.write(record)

    def _count(self) -> None:
        counters, endpoint = self.dispatcher.counters, self._endpoint
        counters["FRAMES"], counters["FRAMES_BAD"] = self._deframer.good, self._deframer.bad
        if endpoint is not None:
            for name, counter in _OF_SESSION.items():
                counters[name] = self._past[name] + getattr(endpoint.counters, counter)
