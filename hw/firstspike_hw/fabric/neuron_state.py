"""State of the neurons of some lanes: one row at a time is read, changed and written in one cycle.

Tested by tests/hw/stage/test_lanes.py.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from .sizes import check_sizes

__all__ = ["NeuronState"]


class NeuronState(wiring.Component):
    """`rows` words of `layout`, kept in one of two ways:

    without `ring`: LUT memory; operations take any row at any time.
    with `ring`:    registers that turn by one row with every operation. They need no address and no logic but the
                    operation's own. Operations must take all rows in order, again and again; a clear of all rows
                    may begin wherever the ring stands.

    Ports:
    row:    in, 0 .. rows - 1. The row of the operation; the ring ignores it and takes the next one.
    turn:   in, strobe. An operation on the row, which becomes `after`, or 0 if `clear`.
    clear:  in, 1 bit. The operation clears the row; valid with `turn`.
    now:    out, `layout`. The row before the operation.
    after:  in, `layout`. The row after the operation; valid with `turn`.
    latest: out, `layout`. `after` of the operation in the cycle before, unless that was a clear.
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
