"""Spike serialiser: rows of fired lanes in, one spike a cycle out, with the end of each step among them."""

from collections.abc import Iterable

from amaranth.hdl import Array, Module, Mux, ResetInserter, Signal, signed
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
    latency = 3  # from the row to its first message

    def __init__(self, *, lanes: int, rows: int, steps: int, value_bits: int = 0) -> None:
        self.lanes, self.value_bits = lanes, value_bits
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

        # The row being searched, its lanes in groups; a group is struck out when it goes on.
        groups = -(-self.lanes // GROUP)
        row, busy, left = Signal(self.row), Signal(), Signal(data.ArrayLayout(GROUP, groups))
        has = Signal(groups)
        m.d.comb += [has[k].eq(left[k].any()) for k in range(groups)]
        which = Signal(range(groups))
        m.d.comb += which.eq(lowest(has, groups))
        final = Signal()
        m.d.comb += final.eq((has & (has - 1)) == 0)

        # The group being sent.
        bits, values = Signal(GROUP), Signal(data.ArrayLayout(signed(self.value_bits or 1), GROUP))
        sending, ends = Signal(), Signal()
        base = Signal.like(self.messages.payload.x)
        t = Signal.like(self.messages.payload.t)
        single, sent = Signal(), Signal()
        m.d.comb += [single.eq((bits & (bits - 1)) == 0), sent.eq(~sending | (self.messages.ready & single))]

        lane = Signal(range(GROUP))
        m.d.comb += [
            lane.eq(lowest(bits, GROUP)),
            self.messages.valid.eq(sending),
            self.messages.payload.spike.eq(bits.any()),
            self.messages.payload.done.eq(ends & single),
            self.messages.payload.t.eq(t),
            self.messages.payload.x.eq(base + lane),
        ]
        if self.value_bits:
            m.d.comb += self.messages.payload.value.eq(values[lane])

        advance = Signal()  # the row is searched: the next may come
        m.d.comb += advance.eq(~busy | (final & (sent | ~(has.any() | row.last))))
        m.d.comb += [fifo.r_en.eq(advance), self.taken.eq(fifo.r_en & fifo.r_rdy)]

        with m.If(sent):
            m.d.sync += [
                sending.eq(busy & (has.any() | row.last)),
                bits.eq(Array(left)[which]),
                base.eq(row.row * self.lanes + which * GROUP),
                t.eq(row.t),
                ends.eq(final & row.last),
            ]
            if self.value_bits:
                padded = [row.values[k] if k < self.lanes else 0 for k in range(groups * GROUP)]
                for k in range(GROUP):
                    m.d.sync += values[k].eq(Array(padded[k::GROUP])[which])
            with m.If(busy):
                m.d.sync += Array(left)[which].eq(0)
        with m.Elif(self.messages.ready):
            m.d.sync += bits.eq(bits & (bits - 1))
        with m.If(advance):
            arriving = self.row(fifo.r_data)
            m.d.sync += [row.eq(arriving), busy.eq(fifo.r_rdy), left.eq(arriving.fires)]
        with m.If(self.clear):
            m.d.sync += [busy.eq(0), sending.eq(0)]
        return m
