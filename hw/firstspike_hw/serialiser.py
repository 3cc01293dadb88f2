"""Spike serialiser: rows of fired lanes in, one spike a cycle out, with the end of each step among them."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

from amaranth.hdl import Array, Cat, Const, Module, Mux, ResetInserter, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

__all__ = ["Serialiser", "lowest", "message_layout", "row_layout"]

GROUP = 16  # lanes that are searched at once


def row_layout(*, lanes: int, rows: int, steps: int, value_bits: int = 0) -> data.StructLayout:
    """The lanes of one row that fired at step t; last: of the step's rows. values: one per lane, if asked for."""
    fields = {"fires": lanes, "row": bits_for(rows - 1), "t": bits_for(steps - 1), "last": 1}
    values = {"values": data.ArrayLayout(signed(value_bits), lanes)} if value_bits else {}
    return data.StructLayout({**fields, **values})


def message_layout(*, lanes: int, rows: int, steps: int, value_bits: int = 0) -> data.StructLayout:
    """spike: neuron x fired at t. done: nothing more comes of steps <= t. A message may be both."""
    x_bits = bits_for(lanes * rows - 1)
    fields = {"spike": 1, "done": 1, "t": bits_for(steps - 1), "x": x_bits}
    return data.StructLayout({**fields, **({"value": signed(value_bits)} if value_bits else {})})


def lowest(bits: Signal, count: int) -> object:
    """Index of the lowest set bit; count - 1 if none is set."""
    index: object = count - 1
    for k in reversed(range(count - 1)):
        index = Mux(bits[k], k, index)
    return index


class Serialiser(wiring.Component):
    """A queue of rows, then two searches: for a group of lanes, then for a lane within it.

    rows:     always taken; the sender keeps at most `depth` rows that `taken` has not acknowledged.
    taken:    strobe: a row has left the queue.
    messages: ascending lanes within a row; a row without spikes takes one cycle too.
    clear:    forgets everything, also rows that arrive in this cycle.
    """

    depth = 16
    latency = 4  # from the row to its first message

    def __init__(self, *, lanes: int, rows: int, steps: int, value_bits: int = 0) -> None:
        self.lanes, self.max_rows, self.value_bits = lanes, rows, value_bits
        sizes = {"lanes": lanes, "rows": rows, "steps": steps, "value_bits": value_bits}
        self.row, self.message = row_layout(**sizes), message_layout(**sizes)
        super().__init__(
            {
                "rows": In(stream.Signature(self.row, always_ready=True)),
                "taken": Out(1),
                "messages": Out(stream.Signature(self.message)),
                "clear": In(1),
            }
        )

    @staticmethod
    def model(rows: Iterable[tuple[int, int, int, bool]], lanes: int) -> list[tuple[int, int | None, bool]]:
        """(fires, row, t, last) -> messages (t, neuron or None, done)."""
        messages: list[tuple[int, int | None, bool]] = []
        for fires, row, t, last in rows:
            found: list[int | None] = [row * lanes + k for k in range(lanes) if fires >> k & 1]
            if last and not found:
                found = [None]
            messages += [(t, x, last and k == len(found) - 1) for k, x in enumerate(found)]
        return messages

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fifo_width = len(self.rows.payload.as_value())
        fifo = SyncFIFO(width=fifo_width, depth=self.depth)
        m.submodules.fifo = ResetInserter(self.clear)(fifo)
        m.d.comb += [fifo.w_data.eq(self.rows.payload), fifo.w_en.eq(self.rows.valid)]
        arriving = self.row(fifo.r_data)
        groups = -(-self.lanes // GROUP)
        x, t = self.messages.payload.x, self.messages.payload.t

        # The row being searched: which groups of lanes have spikes; a group is struck out when it goes on.
        row, busy, has = Signal(self.row, reset_less=True), Signal(), Signal(groups, reset_less=True)
        first, final = Signal(groups), Signal()
        m.d.comb += [first.eq(has & ~(has - 1)), final.eq((has & (has - 1)) == 0)]

        # The group chosen, within its row.
        chosen, pick, which = Signal(), Signal(groups, reset_less=True), Signal(range(groups), reset_less=True)
        within, within_ends = Signal(self.row, reset_less=True), Signal(reset_less=True)

        # The group being sent.
        bits, values = (
            Signal(GROUP, reset_less=True),
            Signal(data.ArrayLayout(signed(self.value_bits or 1), GROUP), reset_less=True),
        )
        sending, ends, base = Signal(), Signal(reset_less=True), Signal.like(x)
        single, sent = Signal(), Signal()
        m.d.comb += [single.eq((bits & (bits - 1)) == 0), sent.eq(~sending | (self.messages.ready & single))]
        lane = Signal(range(GROUP))
        m.d.comb += [
            lane.eq(lowest(bits, GROUP)),
            self.messages.valid.eq(sending),
            self.messages.payload.spike.eq(bits.any()),
            self.messages.payload.done.eq(ends & single),
            x.eq(base + lane),
        ]
        if self.value_bits:
            m.d.comb += self.messages.payload.value.eq(values[lane])

        moves, wanted, advance = Signal(), Signal(), Signal()  # advance: the row is searched, the next may come
        m.d.comb += [
            moves.eq(~chosen | sent),
            wanted.eq(has.any() | row.last),
            advance.eq(~busy | (final & (moves | ~wanted))),
            fifo.r_en.eq(advance),
            self.taken.eq(fifo.r_en & fifo.r_rdy),
        ]
        with m.If(sent):
            m.d.sync += [
                sending.eq(chosen),
                bits.eq(_picked(pick, within.fires)),
                base.eq(Array(k * self.lanes for k in range(self.max_rows))[within.row] + which * GROUP),
                t.eq(within.t),
                ends.eq(within_ends),
            ]
            if self.value_bits:
                padded = [within.values[k] if k < self.lanes else 0 for k in range(groups * GROUP)]
                for k in range(GROUP):
                    m.d.sync += values[k].eq(Array(padded[k::GROUP])[which])
        with m.Elif(self.messages.ready):
            m.d.sync += bits.eq(bits & (bits - 1))
        with m.If(moves):
            m.d.sync += [
                chosen.eq(busy & wanted),
                pick.eq(first),
                which.eq(Cat(Cat(first[k] for k in range(groups) if k >> n & 1).any() for n in range(len(which)))),
                within.eq(row),
                within_ends.eq(final & row.last),
                has.eq(has & (has - 1)),
            ]
        with m.If(advance):
            m.d.sync += [row.eq(arriving), busy.eq(fifo.r_rdy), has.eq(_groups_with_spikes(arriving.fires))]
        with m.If(self.clear):
            m.d.sync += [busy.eq(0), chosen.eq(0), sending.eq(0)]
        return m


def _groups_with_spikes(fires: Value) -> Value:
    return Cat(fires[lsb : lsb + GROUP].any() for lsb in range(0, len(fires), GROUP))


def _picked(pick: Signal, fires: Value) -> Value:
    """The group of lanes whose bit is set in `pick`; none if no bit is."""
    groups = [Mux(pick[k], fires[k * GROUP : (k + 1) * GROUP], 0) for k in range(len(pick))]
    return reduce(or_, groups, Const(0, GROUP))
