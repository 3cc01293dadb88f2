"""State of the neurons of some lanes, row by row: read, changed and written in one cycle."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from .sizes import check_sizes

__all__ = ["NeuronState"]


class NeuronState(wiring.Component):
    """`rows` words of `layout`; two ways of keeping them:

    memory: LUT memory, any row at any time.
    ring:   registers that turn by one row with every operation: no address, no logic but the operation's own. The rows
            must come in order, all of them, again and again; a clear of all rows begins anew wherever the ring stood.

    row:    which one (the ring takes the next).
    turn:   strobe: an operation on this row; afterwards the row is `after`, or 0 if `clear`.
    now:    the row before. latest: what the operation of the cycle before left there, if it was no clear.
    """

    def __init__(self, layout: Any, *, rows: int, ring: bool) -> None:
        check_sizes(self, rows=rows)
        self.layout, self.rows, self.ring = layout, rows, ring
        super().__init__(
            {
                "row": In(bits_for(rows - 1)),
                "turn": In(1),
                "clear": In(1),
                "now": Out(layout),
                "after": In(layout),
                "latest": Out(layout),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        (self._ring if self.ring else self._memory)(m)
        return m

    def _ring(self, m: Module) -> None:
        ring = [Signal(self.layout, name=f"row{k}", reset_less=True) for k in range(self.rows)]
        with m.If(self.turn):
            m.d.sync += [a.eq(b) for a, b in zip(ring, [*ring[1:], self.after], strict=True)]
        with m.If(self.clear):
            m.d.sync += ring[-1].eq(0)
        m.d.comb += [self.now.eq(ring[0]), self.latest.eq(ring[-1])]

    def _memory(self, m: Module) -> None:
        m.submodules.memory = memory = Memory(shape=self.layout, depth=self.rows, init=[])
        read, write = memory.read_port(domain="comb"), memory.write_port()
        latest = Signal(self.layout, reset_less=True)
        m.d.comb += [
            read.addr.eq(self.row),
            write.addr.eq(self.row),
            write.en.eq(self.turn),
            write.data.eq(Mux(self.clear, 0, self.after)),
            self.now.eq(read.data),
            self.latest.eq(latest),
        ]
        m.d.sync += latest.eq(self.after)
