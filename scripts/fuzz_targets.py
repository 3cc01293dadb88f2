"""Targets of the link's fuzzer: a host or a board receives any bytes, raises nothing, and accepts nothing unsent.

Each target takes the bytes of one input. scripts/fuzz_link.py calls them, and so do the tests that replay its corpus.
"""

from firstspike.link import BoardError, Deframer, coded
from firstspike.link.session import Session
from firstspike.link.transport import TransportLost
from firstspike.virtual import ModelBoard
from firstspike_contract import CONFIGS
from firstspike_contract.link.wire import (
    BUFFER,
    FROM_BOARD,
    HELLO,
    MAGIC,
    PROTOCOL,
    WELCOME,
    Configuration,
    Frame,
    FrameKind,
)

__all__ = ["TARGETS", "board", "host"]

_SESSION, _NONCE = 9, 0x01020304


class _Scripted:
    """A line that answers the host's OPEN and then delivers the bytes that it was given."""

    name, patience = "fuzz", 0.25

    def __init__(self, data: bytes) -> None:
        self._say, self._now, self._deframer = data, 0.0, Deframer()

    def now(self) -> float:
        return self._now

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        self._now += max(timeout, 0.001)
        for frame in self._deframer.feed(data):
            if frame is not None and frame.kind == FrameKind.OPEN:
                nonce = HELLO.from_bytes(frame.payload)["nonce"]
                welcome = WELCOME.to_bytes(nonce=nonce, protocol=PROTOCOL, core=1)
                opened = Frame(FrameKind.OPEN | FROM_BOARD, frame.session, 0, 0, BUFFER, welcome)
                self.session = frame.session
                return len(data), coded(opened)
        said, self._say = self._say[:700], self._say[700:]
        return len(data), said

    def bulk(self, on: bool) -> None:
        pass

    def reopen(self) -> None:
        raise BoardError("gone")

    def close(self) -> None:
        pass


def host(data: bytes) -> None:
    """Sends `data` from a board to a host: raw, and as the payload of frames in order."""
    for raw in (True, False):
        line = _Scripted(data if raw else b"")
        session = Session(line)
        session.open()
        if not raw:
            at = 0
            for k in range(0, min(len(data), BUFFER), 1000):
                part = data[k : k + 1000]
                line._say += coded(Frame(FrameKind.DATA | FROM_BOARD, line.session, at, 0, BUFFER, part))
                at += len(part)
        try:
            for _ in range(12):
                session.step(0.05)
        except TransportLost:
            return
        assert sum(len(record.body) for record in (*session.replies, *session.answers)) <= len(data)


def board(data: bytes) -> None:
    """Sends `data` from a host to a board: raw, and as messages in a session."""
    for raw in (True, False):
        device = ModelBoard(CONFIGS["small"])
        hello = HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, nonce=_NONCE)
        device.receive(coded(Frame(FrameKind.OPEN, _SESSION, 0, 0, BUFFER, hello)), 0.0)
        device.transmit(0.0, 1 << 16)
        if raw:
            device.receive(data, 0.1)
        else:
            at = 0
            for k in range(0, len(data), 1000):
                part = data[k : k + 1000]
                device.receive(coded(Frame(FrameKind.DATA, _SESSION, at & 0xFFFF, 0, BUFFER, part)), 0.1)
                at += len(part)
        device.transmit(0.2, 1 << 16)
        # a board may only classify after the messages begin and end, with a matching CRC
        state = device.dispatcher.guard.state
        assert state != Configuration.VALID or device.dispatcher.guard.expected == device.dispatcher.guard.crc
        hello = HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, nonce=_NONCE + 1)
        device.receive(b"\0" + coded(Frame(FrameKind.OPEN, _SESSION + 1, 0, 0, BUFFER, hello)), 0.3)
        answered = [frame for frame in Deframer().feed(device.transmit(0.3, 1 << 16)) if frame is not None]
        assert any(frame.kind == FrameKind.OPEN | FROM_BOARD for frame in answered), (
            "the board does not answer any more"
        )


TARGETS = {"host": host, "board": board}
