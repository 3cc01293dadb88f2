"""BoardSession: which one is open, what becomes of a frame that came, and what is due in return (docs/protocol.md)."""

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

NEWS = BUFFER // 4  # bytes of new room that the other side is told of unasked


def due_layout() -> data.StructLayout:
    """Frames that ought to be sent, the most urgent one first; DATA is due by `Sending`."""
    return data.StructLayout({"welcome": 1, "closed": 1, "repeat": 1, "poll": 1, "acknowledge": 1})


class BoardSession(wiring.Component):
    """Ports:

    good, bad, header: of the receiver. hello_whole, hello_spoken, nonce: of the hello.
    fits, filled, used: of the receive ring. commit: strobe: the payload that has just come is its next part.
    heard, again: strobe: a frame of the session has come; it was REPEAT.
    overdue: strobe: nothing was heard for a while.
    close, why: strobe: end the session.
    due:     frames; `taken` says which of them, or DATA, is being sent.
    guest:   session number of whom the welcome is for; stranger: of whom CLOSED is for.
    open, number, reason: the session, and why the one before it ended.
    restart: strobe: another session begins (`opened`) or this one ends; whatever is in flight is forgotten.
    came_again, came_ahead: strobe: a frame whose bytes had come already, that came too early or without room.
    """

    latency = 0  # from the end of a frame to what it commits

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

    @staticmethod
    def model(
        steps: Iterable[tuple[str, Any]], nonces: dict[int, int], size: int = BUFFER
    ) -> Iterator[tuple[str | None, set[str]]]:
        """("frame", Frame), ("damaged", None), ("use", bytes) or ("sent", name of a frame that was due), in order ->
        after each: what became of the payload ("commit", "again", "ahead" or None), and the names of what is due.

        nonces: of the hellos, by session number; every hello is whole and of this version.
        """
        number, filled, used, told, asked = 0, 0, 0, 0, False
        nonce: int | None = None
        due: set[str] = set()
        for name, value in steps:
            became = None
            if name == "damaged":
                due |= {"repeat"} if number else set()
            elif name == "use":
                used += value
            elif name == "sent":
                due -= {value}
                if value in ("repeat", "poll", "data", "acknowledge"):
                    due, told = due - {"acknowledge"}, used
            elif value.kind == FrameKind.OPEN:
                due |= {"welcome"}
                if (number, nonce) != (value.session, nonces[value.session]):
                    due -= {"repeat", "poll", "acknowledge"}
                    number, nonce, filled, used, told, asked = value.session, nonces[value.session], 0, 0, 0, False
            elif value.kind & FROM_BOARD == 0 and value.session != number:
                due |= {"closed"}
            elif value.kind == FrameKind.POLL:
                due |= {"acknowledge"}
            elif value.kind == FrameKind.DATA and value.payload:
                ahead = (value.sequence - filled) % NUMBERS
                if ahead == 0 and filled - used + len(value.payload) <= size:
                    became, filled, asked = "commit", filled + len(value.payload), False
                    due |= {"acknowledge"}
                elif ahead >= NUMBERS // 2:
                    became, due = "again", due | {"acknowledge"}
                else:
                    became, due, asked = "ahead", due | (set() if asked else {"repeat"}), True
            due |= {"acknowledge"} if used - told >= size // 4 else set()
            yield became, set(due)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        header, due = self.header, self.due
        told, asked = Signal.like(self.used), Signal()  # what `used` was in the latest frame; REPEAT was sent
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
        """Rule 1: the next bytes, bytes that have come already, or bytes that come too early."""
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
