"""Frame sender: sends the most urgent frame that is due, as header, payload and CRC-32, to the encoder."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from enum import IntEnum
from typing import NamedTuple

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

__all__ = ["FrameSender", "SenderView"]


class Phase(IntEnum):
    CHOOSE = 0
    HEADER = 1
    PAYLOAD = 2
    CRC = 3
    END = 4


class SenderView(NamedTuple):
    """What stands at the ports of the frame sender when it chooses a frame, in the model.

    due:      names of `due_layout` that are set.
    ready:    bytes of the stream from `cursor` on that the next frame may carry.
    cursor:   number of the first one.
    number:   number of the session.
    expected: number of the next byte expected.
    room:     bytes of room behind it.
    guest:    session number in the welcome.
    stranger: session number in CLOSED.
    welcome:  payload of OPEN.
    reason:   payload of CLOSED.
    settled:  the numbers above have not just changed; otherwise no DATA goes out.
    """

    due: AbstractSet[str]
    ready: bytes
    cursor: int
    number: int
    expected: int
    room: int
    guest: int
    stranger: int
    welcome: bytes
    reason: int
    settled: bool = True


class FrameSender(wiring.Component):
    """Sends one frame after the other, each time the most urgent one that is due.

    The order of urgency is that of `due_layout`. DATA takes the place of an acknowledgement, since every frame
    acknowledges. Payload is read from the transmit ring only when it is sent.

    due:      in, due_layout, from the session. Frames that are due.
    taken:    out, due_layout and `data`, strobes. The frame that is being sent.
    number:   in, 8 bits, from the session. Number of the open session.
    guest:    in, 8 bits, from the session. Session of the welcome.
    stranger: in, 8 bits, from the session. Session of CLOSED.
    count:    in, log2(PAYLOAD_MAX) + 1 bits, from `Sending`, valid with `settled`. Bytes that DATA may carry.
    settled:  in, 1 bit, from `Sending`. `count` is valid.
    cursor:   in, 16 bits, from `Sending`. Number of the next byte to send.
    sent:     out, strobe, to `Sending`. `count` bytes are being sent.
    expected: in, 16 bits. Number of the next byte expected from the other side.
    room:     in, log2(BUFFER) + 1 bits. Bytes from `expected` on for which there is room.
    welcome:  in, WELCOME. Payload of OPEN; the payload of CLOSED is its field `reason`.
    address:  out, 16 bits. Number of the byte to read from the transmit ring.
    data:     in, 8 bits. The byte at `address`, a cycle later.
    tokens:   out, stream of `token_layout`, one a cycle, to the encoder.
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

    def model(self, inputs: Sequence[SenderView]) -> list[tuple[str, Frame]]:
        """Takes what stands at the ports each time a frame is chosen; returns (name of what was due, frame) of those
        times at which a frame is due."""
        found = []
        for view in inputs:
            numbers = (view.cursor, view.expected, view.room)
            welcome = Frame(FrameKind.OPEN | FROM_BOARD, view.guest, *numbers, view.welcome)
            closed = Frame(FrameKind.CLOSED | FROM_BOARD, view.stranger, *numbers, bytes([view.reason]))
            repeat = Frame(FrameKind.REPEAT | FROM_BOARD, view.number, *numbers, b"")
            poll = Frame(FrameKind.POLL | FROM_BOARD, view.number, *numbers, b"")
            data = Frame(FrameKind.DATA | FROM_BOARD, view.number, *numbers, view.ready)
            due = view.due | {"data"} if view.ready else view.due
            due = due if view.settled else due - {"data", "acknowledge"}
            frames = {"welcome": welcome, "closed": closed, "repeat": repeat, "poll": poll, "data": data}
            frames["acknowledge"] = data  # an acknowledgement is DATA without a payload
            found += [(name, frame) for name, frame in frames.items() if name in due][:1]  # the most urgent one
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        crc = CRC32_ISO_HDLC(8).create()
        phase, at = Signal(Phase), Signal(range(WELCOME.size))  # at: bytes sent of header, welcome or CRC
        m.submodules.crc32 = ResetInserter(phase == Phase.CHOOSE)(crc)
        self.kind, self.session = Signal(3), Signal(8)
        place, left = Signal(NUMBER_BITS), Signal(bits_for(PAYLOAD_MAX))  # the payload's next byte, and bytes left
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
                # No payload byte has been sent yet: `place` is the first one's number, `left` the length.
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
        """Chooses the frame, if any is due, and sets kind, session and length of its header."""
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
