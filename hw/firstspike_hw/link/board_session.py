"""BoardSession: opens and closes sessions, judges each frame, and says which frames are due (docs/protocol.md)."""

from collections.abc import Iterable, Iterator
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract.link.timing import NUMBER_BITS, NUMBERS
from firstspike_contract.link.wire import BUFFER, FRAME, FRAME_KIND, FROM_BOARD, FrameKind, Reason
from firstspike_hw.fabric.layouts import seen_as, structure

__all__ = ["BoardSession", "due_layout"]

NEWS = BUFFER // 4  # bytes of new room after which the board acknowledges unasked


def due_layout() -> data.StructLayout:
    """Returns the layout with a flag for each frame to send, the most urgent first. `Sending` decides on DATA."""
    return data.StructLayout({"welcome": 1, "closed": 1, "repeat": 1, "poll": 1, "acknowledge": 1})


class BoardSession(wiring.Component):
    """The board's end of a session.

    A session begins with OPEN from the host, and ends by `close` or by OPEN of another session. A frame of any other
    session is answered with CLOSED. Frames of the open session follow the rules of docs/protocol.md, streams.

    good:         in, strobe, from the receiver. A frame has come.
    bad:          in, strobe, from the receiver. Something has come that is no frame.
    header:       in, FRAME, valid with `good`. Header of the frame.
    hello_whole:  in, 1 bit, valid with `good` of OPEN, from `Hello`. The payload is a hello.
    hello_spoken: in, 1 bit, valid with `hello_whole`. The hello's protocol version is that of the board.
    nonce:        in, 32 bits, valid with `hello_whole`. The hello's nonce.
    fits:         in, 1 bit, valid with `good`, from the receive ring. The ring has room for the payload.
    filled:       in, 16 bits, from the receive ring. Number of the next byte expected.
    used:         in, log2(BUFFER) + 1 bits, from the receive ring. Number of the next byte that leaves it.
    commit:       out, strobe. The payload that has just come is the next part of the stream.
    heard:        out, strobe. A frame of the open session has come.
    again:        out, 1 bit, valid with `heard`. The frame was REPEAT.
    overdue:      in, strobe. `Sending` has waited too long, and POLL is due.
    close:        in, 1 bit. Ends the session.
    why:          in, 8 bits, valid with `close`. Reason.
    due:          out, due_layout. Frames to send.
    taken:        in, due_layout and `data`, strobes. The frame that is being sent.
    guest:        out, 8 bits. Session of the welcome that is due.
    stranger:     out, 8 bits. Session of the CLOSED that is due.
    open:         out, 1 bit. A session is open.
    number:       out, 8 bits, valid with `open`. Number of the session.
    reason:       out, 8 bits. Reason why the session before ended.
    opened:       out, strobe. Another session begins.
    restart:      out, strobe. A session begins or ends, and whatever is in flight is discarded.
    came_again:   out, strobe. A frame has come whose bytes had come already.
    came_ahead:   out, strobe. A frame has come too early, or there was no room for it.
    """

    latency = 0  # from `good` to `commit`

    def __init__(self) -> None:
        number, ring = NUMBER_BITS, bits_for(BUFFER)
        strobes = {name: In(1) for name in ("good", "bad", "hello_whole", "hello_spoken", "fits", "overdue", "close")}
        told = {name: Out(1) for name in ("commit", "heard", "again", "open", "opened", "restart")}
        told |= {name: Out(1) for name in ("came_again", "came_ahead")}
        super().__init__(
            {
                **strobes,
                **told,
                "header": In(structure(FRAME)),
                "nonce": In(32),
                "filled": In(number),
                "used": In(ring),
                "why": In(8),
                "due": Out(due_layout()),
                "taken": In(data.StructLayout({**{name: 1 for name, _ in due_layout()}, "data": 1})),
                "guest": Out(8),
                "stranger": Out(8),
                "number": Out(8),
                "reason": Out(8),
            }
        )

    def model(self, inputs: Iterable[tuple[Any, ...]]) -> list[tuple[str | None, set[str]]]:
        """Takes ("open", Frame, nonce), ("frame", Frame), ("damaged", None), ("use", bytes) and
        ("sent", name of a frame that was due), in order. Every hello is whole and of this version.

        Returns after each of them what became of the payload ("commit", "again", "ahead" or None), and the names of
        what is due.
        """
        return list(self.follow(inputs))

    def follow(self, inputs: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str | None, set[str]]]:
        """Yields the answers of the model one by one."""
        number, filled, used, told, asked = 0, 0, 0, 0, False
        opened: int | None = None
        due: set[str] = set()
        for name, value, *nonce in inputs:
            became = None
            if name == "damaged":
                due |= {"repeat"} if number else set()
            elif name == "use":
                used += value
            elif name == "sent":
                due -= {value}
                if value in ("repeat", "poll", "data", "acknowledge"):
                    due, told = due - {"acknowledge"}, used
            elif name == "open":
                due |= {"welcome"}
                if (number, opened) != (value.session, nonce[0]):
                    due -= {"repeat", "poll", "acknowledge"}
                    number, opened, filled, used, told, asked = value.session, nonce[0], 0, 0, 0, False
            elif value.kind & FROM_BOARD == 0 and value.session != number:
                due |= {"closed"}
            elif value.kind == FrameKind.POLL:
                due |= {"acknowledge"}
            elif value.kind == FrameKind.DATA and value.payload:
                ahead = (value.sequence - filled) % NUMBERS
                if ahead == 0 and filled - used + len(value.payload) <= BUFFER:
                    became, filled, asked = "commit", filled + len(value.payload), False
                    due |= {"acknowledge"}
                elif ahead >= NUMBERS // 2:
                    became, due = "again", due | {"acknowledge"}
                else:
                    became, due, asked = "ahead", due | (set() if asked else {"repeat"}), True
            due |= {"acknowledge"} if used - told >= NEWS else set()
            yield became, set(due)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        header, due = self.header, self.due
        told, asked = Signal.like(self.used), Signal()  # `used` as the latest frame told it; REPEAT is due or sent
        nonce, news = Signal(32), Signal.like(self.used)
        m.d.comb += news.eq(self.used - told)
        for name, _ in due_layout():
            with m.If(self.taken[name]):
                m.d.sync += due[name].eq(0)
        with m.If(self.taken.repeat | self.taken.poll | self.taken.data | self.taken.acknowledge):
            m.d.sync += [told.eq(self.used), due.acknowledge.eq(0)]
        with m.Elif(news >= NEWS):
            m.d.sync += due.acknowledge.eq(1)
        with m.If(self.overdue):
            m.d.sync += due.poll.eq(1)
        with m.If(self.bad & self.open):
            m.d.sync += due.repeat.eq(1)
        with m.If(self.close & self.open):
            m.d.comb += self.restart.eq(1)
            m.d.sync += [self.open.eq(0), self.reason.eq(self.why), due.closed.eq(1), self.stranger.eq(self.number)]

        same = Signal()
        m.d.comb += same.eq(self.open & (header.session == self.number))
        with m.If(self.good & ~seen_as(FRAME_KIND, header.kind).from_board):
            with m.If(header.kind == FrameKind.OPEN):
                with m.If(self.hello_whole):
                    m.d.sync += [due.welcome.eq(1), self.guest.eq(header.session)]
                with m.If(self.hello_whole & self.hello_spoken & ~(same & (nonce == self.nonce))):
                    m.d.comb += [self.opened.eq(1), self.restart.eq(1)]
                    m.d.sync += [
                        self.open.eq(1),
                        self.number.eq(header.session),
                        nonce.eq(self.nonce),
                        self.reason.eq(Mux(self.open, Reason.NONE, self.reason)),
                    ]
            with m.Elif(~same):
                m.d.sync += [due.closed.eq(1), self.stranger.eq(header.session)]
            with m.Else():
                m.d.comb += [self.heard.eq(1), self.again.eq(header.kind == FrameKind.REPEAT)]
                with m.If(header.kind == FrameKind.POLL):
                    m.d.sync += due.acknowledge.eq(1)
                with m.If((header.kind == FrameKind.DATA) & (header.length != 0)):
                    self._take(m, asked)
        with m.If(self.restart):
            m.d.sync += [due.repeat.eq(0), due.poll.eq(0), due.acknowledge.eq(0), told.eq(0), asked.eq(0)]
        return m

    def _take(self, m: Module, asked: Signal) -> None:
        """Applies rule 1 to DATA: commits the next bytes, acknowledges earlier ones, or asks for missing ones."""
        ahead = Signal(NUMBER_BITS)
        m.d.comb += ahead.eq(self.header.sequence - self.filled)
        with m.If((ahead == 0) & self.fits):
            m.d.comb += self.commit.eq(1)
            m.d.sync += [self.due.acknowledge.eq(1), asked.eq(0)]
        with m.Elif(ahead[-1]):
            m.d.comb += self.came_again.eq(1)
            m.d.sync += self.due.acknowledge.eq(1)
        with m.Else():
            m.d.comb += self.came_ahead.eq(1)
            m.d.sync += asked.eq(1)
            with m.If(~asked):
                m.d.sync += self.due.repeat.eq(1)
