"""Frame sender: of all frames that are due the most urgent one, as header, payload and CRC-32 for the encoder."""

from enum import IntEnum
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.contract.wire import BUFFER, FRAME, FROM_BOARD, PAYLOAD_MAX, WELCOME, Frame, FrameKind

from .buffers import NUMBER_BITS
from .cobs import token_layout
from .frame_receiver import header_layout
from .session import due_layout

__all__ = ["FrameSender", "welcome_layout"]

CRC_BYTES = 4


def welcome_layout() -> data.StructLayout:
    """WELCOME as gateware sees it."""
    return data.StructLayout(WELCOME.bits)


class Phase(IntEnum):
    CHOOSE = 0
    HEADER = 1
    PAYLOAD = 2
    CRC = 3
    END = 4


class FrameSender(wiring.Component):
    """Ports:

    due, taken, number, guest, stranger, reason: of the session.
    count, settled, cursor, sent: of `Sending`.
    expected, room: number of the next byte expected from the other side, and the room behind it.
    welcome: payload of OPEN; stable while it is sent, but for what happens on the line meanwhile.
    address, data: bytes of the transmit ring, a cycle later.
    tokens: for the encoder, one a cycle.
    """

    latency = 1  # from a frame being due to its first token

    def __init__(self) -> None:
        number, length = NUMBER_BITS, bits_for(PAYLOAD_MAX)
        due = due_layout()
        super().__init__(
            {
                "due": In(due),
                "taken": Out(data.StructLayout({**{name: 1 for name, _ in due}, "data": 1})),
                "number": In(8),
                "guest": In(8),
                "stranger": In(8),
                "reason": In(8),
                "count": In(length),
                "settled": In(1),
                "cursor": In(number),
                "sent": Out(1),
                "expected": In(number),
                "room": In(bits_for(BUFFER)),
                "welcome": In(welcome_layout()),
                "address": Out(number),
                "data": In(8),
                "tokens": Out(stream.Signature(token_layout())),
            }
        )

    @staticmethod
    def model(
        due: set[str], ready: bytes, *, session: int, cursor: int, expected: int, room: int, other: tuple[int, bytes]
    ) -> tuple[str | None, Frame | None]:
        """due: names of due_layout. ready: bytes from `cursor` on that the next frame may carry. other: session and
        payload of the welcome or of CLOSED. Returns which frame goes first, and the frame."""
        if "welcome" in due:
            return "welcome", Frame(FrameKind.OPEN | FROM_BOARD, other[0], 0, 0, BUFFER, other[1])
        if "closed" in due:
            return "closed", Frame(FrameKind.CLOSED | FROM_BOARD, other[0], 0, 0, 0, other[1])
        for name, kind in (("repeat", FrameKind.REPEAT), ("poll", FrameKind.POLL)):
            if name in due:
                return name, Frame(kind | FROM_BOARD, session, cursor, expected, room, b"")
        if ready or "acknowledge" in due:
            name = "data" if ready else "acknowledge"
            return name, Frame(FrameKind.DATA | FROM_BOARD, session, cursor, expected, room, ready)
        return None, None

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = CRC32_ISO_HDLC(8).create()
        phase, shift = Signal(Phase), Signal(8 * FRAME.size)
        at, left = Signal(range(max(FRAME.size, WELCOME.size))), Signal(bits_for(PAYLOAD_MAX))
        place = Signal(NUMBER_BITS)
        welcoming, closing = Signal(), Signal()  # where the payload comes from, if not out of the ring
        token, step = self.tokens.payload, Signal()
        m.d.comb += [
            step.eq(self.tokens.valid & self.tokens.ready),
            self.tokens.valid.eq(phase != Phase.CHOOSE),
            token.end.eq(phase == Phase.END),
            self.address.eq(place + (step & (phase == Phase.PAYLOAD))),
            crc.data.eq(token.data),
            crc.valid.eq(step & ((phase == Phase.HEADER) | (phase == Phase.PAYLOAD))),
            crc.start.eq(phase == Phase.CHOOSE),
        ]
        with m.Switch(phase):
            with m.Case(Phase.CHOOSE):
                header = self._choose(m)
                with m.If(self.taken.as_value().any()):
                    m.d.sync += [shift.eq(header.as_value() | FROM_BOARD), left.eq(header.length)]
                    m.d.sync += phase.eq(Phase.HEADER)
                m.d.sync += [place.eq(self.cursor), at.eq(0)]
                m.d.sync += [welcoming.eq(self.taken.welcome), closing.eq(self.taken.closed)]
            with m.Case(Phase.HEADER):
                m.d.comb += token.data.eq(shift[:8])
                with m.If(step):
                    m.d.sync += [shift.eq(shift[8:]), at.eq(at + 1)]
                    with m.If(at == FRAME.size - 1):
                        m.d.sync += [at.eq(0), phase.eq(Mux(left == 0, Phase.CRC, Phase.PAYLOAD))]
            with m.Case(Phase.PAYLOAD):
                m.d.comb += token.data.eq(
                    Mux(welcoming, self.welcome.as_value().word_select(at, 8), Mux(closing, self.reason, self.data))
                )
                with m.If(step):
                    m.d.sync += [place.eq(self.address), left.eq(left - 1), at.eq(at + 1)]
                    with m.If(left == 1):
                        m.d.sync += [at.eq(0), phase.eq(Phase.CRC)]
            with m.Case(Phase.CRC):
                m.d.comb += token.data.eq(crc.crc.word_select(at[:2], 8))
                with m.If(step):
                    m.d.sync += at.eq(at + 1)
                    with m.If(at == CRC_BYTES - 1):
                        m.d.sync += phase.eq(Phase.END)
            with m.Case(Phase.END), m.If(step):
                m.d.sync += phase.eq(Phase.CHOOSE)
        return m

    def _choose(self, m: Module) -> Any:
        """The header of the frame that is taken, if any is."""
        due, taken = self.due, self.taken
        header = Signal(header_layout())
        with m.If(due.welcome):
            m.d.comb += [taken.welcome.eq(1), header.kind.eq(FrameKind.OPEN), header.session.eq(self.guest)]
            m.d.comb += [header.window.eq(BUFFER), header.length.eq(WELCOME.size)]
        with m.Elif(due.closed):
            m.d.comb += [taken.closed.eq(1), header.kind.eq(FrameKind.CLOSED), header.session.eq(self.stranger)]
            m.d.comb += header.length.eq(1)
        with m.Else():
            m.d.comb += [
                header.kind.eq(FrameKind.DATA),
                header.session.eq(self.number),
                header.sequence.eq(self.cursor),
                header.acknowledge.eq(self.expected),
                header.window.eq(self.room),
            ]
            with m.If(due.repeat):
                m.d.comb += [taken.repeat.eq(1), header.kind.eq(FrameKind.REPEAT)]
            with m.Elif(due.poll):
                m.d.comb += [taken.poll.eq(1), header.kind.eq(FrameKind.POLL)]
            with m.Elif(self.settled & (self.count != 0)):
                m.d.comb += [taken.data.eq(1), self.sent.eq(1), header.length.eq(self.count)]
            with m.Elif(self.settled & due.acknowledge):
                m.d.comb += taken.acknowledge.eq(1)
        return header
