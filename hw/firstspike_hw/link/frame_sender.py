"""Frame sender: of all frames that are due the most urgent one, as header, payload and CRC-32 for the encoder."""

from enum import IntEnum

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract.link.timing import NUMBER_BITS
from firstspike_contract.link.wire import (
    BUFFER,
    CRC,
    FRAME,
    FRAME_KIND,
    FROM_BOARD,
    PAYLOAD_MAX,
    WELCOME,
    Frame,
    FrameKind,
)
from firstspike_hw.fabric.layouts import packed, structure

from .board_session import due_layout
from .cobs import token_layout

__all__ = ["FrameSender"]


class Phase(IntEnum):
    CHOOSE = 0
    HEADER = 1
    PAYLOAD = 2
    CRC = 3
    END = 4


class FrameSender(wiring.Component):
    """Ports:

    due, taken, number, guest, stranger: of the session.
    count, settled, cursor, sent: of `Sending`.
    expected, room: number of the next byte expected from the other side, and the room behind it.
    welcome: payload of OPEN, and of CLOSED the reason in it.
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
                "count": In(length),
                "settled": In(1),
                "cursor": In(number),
                "sent": Out(1),
                "expected": In(number),
                "room": In(bits_for(BUFFER)),
                "welcome": In(structure(WELCOME)),
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
        for name, kind in (("welcome", FrameKind.OPEN), ("closed", FrameKind.CLOSED)):
            if name in due:
                return name, Frame(kind | FROM_BOARD, other[0], cursor, expected, room, other[1])
        for name, kind in (("repeat", FrameKind.REPEAT), ("poll", FrameKind.POLL)):
            if name in due:
                return name, Frame(kind | FROM_BOARD, session, cursor, expected, room, b"")
        if ready or "acknowledge" in due:
            name = "data" if ready else "acknowledge"
            return name, Frame(FrameKind.DATA | FROM_BOARD, session, cursor, expected, room, ready)
        return None, None

    def elaborate(self, platform: object) -> Module:
        m = Module()
        crc = CRC32_ISO_HDLC(8).create()
        phase, at = Signal(Phase), Signal(range(WELCOME.size))  # at: bytes of header, welcome or CRC that have gone
        m.submodules.crc32 = ResetInserter(phase == Phase.CHOOSE)(crc)
        self.kind, self.session = Signal(3), Signal(8)
        place, left = Signal(NUMBER_BITS), Signal(bits_for(PAYLOAD_MAX))  # of the payload: its next byte, bytes left
        told, window = Signal.like(self.expected), Signal.like(self.room)
        token, step = self.tokens.payload, Signal()
        m.d.comb += [
            step.eq(self.tokens.valid & self.tokens.ready),
            self.tokens.valid.eq(phase != Phase.CHOOSE),
            token.end.eq(phase == Phase.END),
            self.address.eq(place + (step & (phase == Phase.PAYLOAD))),
            crc.data.eq(token.data),
            crc.valid.eq(step & ((phase == Phase.HEADER) | (phase == Phase.PAYLOAD))),
        ]
        with m.If(step):
            m.d.sync += at.eq(at + 1)
        with m.Switch(phase):
            with m.Case(Phase.CHOOSE):
                m.d.sync += [place.eq(self.cursor), told.eq(self.expected), window.eq(self.room), at.eq(0)]
                self._choose(m, left)
                with m.If(self.taken.as_value().any()):
                    m.d.sync += phase.eq(Phase.HEADER)
            with m.Case(Phase.HEADER):
                # no byte of the payload has gone: place is its number, left its length
                header = packed(
                    FRAME,
                    kind=packed(FRAME_KIND, kind=self.kind, from_board=1),
                    session=self.session,
                    sequence=place,
                    acknowledge=told,
                    window=window,
                    length=left,
                )
                m.d.comb += token.data.eq(header.word_select(at[:4], 8))
                with m.If(step & (at == FRAME.size - 1)):
                    m.d.sync += [at.eq(0), phase.eq(Mux(left == 0, Phase.CRC, Phase.PAYLOAD))]
            with m.Case(Phase.PAYLOAD):
                m.d.comb += token.data.eq(self.data)
                with m.If(self.kind == FrameKind.OPEN):
                    m.d.comb += token.data.eq(self.welcome.as_value().word_select(at, 8))
                with m.If(self.kind == FrameKind.CLOSED):
                    m.d.comb += token.data.eq(self.welcome.reason)
                with m.If(step):
                    m.d.sync += [place.eq(self.address), left.eq(left - 1)]
                    with m.If(left == 1):
                        m.d.sync += [at.eq(0), phase.eq(Phase.CRC)]
            with m.Case(Phase.CRC):
                m.d.comb += token.data.eq(crc.crc.word_select(at[:2], 8))
                with m.If(step & (at == CRC.size - 1)):
                    m.d.sync += phase.eq(Phase.END)
            with m.Case(Phase.END), m.If(step):
                m.d.sync += phase.eq(Phase.CHOOSE)
        return m

    def _choose(self, m: Module, left: Signal) -> None:
        """Which frame, if any: of its header the kind, the session, the length."""
        due, taken = self.due, self.taken
        m.d.sync += [self.session.eq(self.number), left.eq(0)]
        with m.If(due.welcome):
            m.d.comb += taken.welcome.eq(1)
            m.d.sync += [self.kind.eq(FrameKind.OPEN), self.session.eq(self.guest), left.eq(WELCOME.size)]
        with m.Elif(due.closed):
            m.d.comb += taken.closed.eq(1)
            m.d.sync += [self.kind.eq(FrameKind.CLOSED), self.session.eq(self.stranger), left.eq(1)]
        with m.Elif(due.repeat):
            m.d.comb += taken.repeat.eq(1)
            m.d.sync += self.kind.eq(FrameKind.REPEAT)
        with m.Elif(due.poll):
            m.d.comb += taken.poll.eq(1)
            m.d.sync += self.kind.eq(FrameKind.POLL)
        with m.Elif(self.settled & ((self.count != 0) | due.acknowledge)):
            m.d.comb += [self.sent.eq(self.count != 0), taken.data.eq(self.sent), taken.acknowledge.eq(~self.sent)]
            m.d.sync += [self.kind.eq(FrameKind.DATA), left.eq(self.count)]
