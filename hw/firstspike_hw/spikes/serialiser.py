"""Spike serialiser: turns rows of fired lanes into single spikes, one a cycle, with the end of each step among them."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from amaranth.hdl import Array, Cat, Const, Module, Mux, ResetInserter, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.fabric.elastic import Elastic
from firstspike_hw.fabric.sizes import check_sizes

__all__ = ["Serialiser", "lowest", "message_layout", "row_layout"]

GROUP = 16  # lanes searched at once


def row_layout(*, lanes: int, rows: int, steps: int, value_bits: int = 0) -> data.StructLayout:
    """One row of neurons at step t.

    fires:  1 bit a lane: its neuron fires.
    row, t: number of the row, step.
    last:   it is the step's last row.
    values: a signed number for each lane, only if `value_bits` is not 0.
    """
    fields = {"fires": lanes, "row": bits_for(rows - 1), "t": bits_for(steps - 1), "last": 1}
    values = {"values": data.ArrayLayout(signed(value_bits), lanes)} if value_bits else {}
    return data.StructLayout({**fields, **values})


def message_layout(*, lanes: int, rows: int, steps: int, value_bits: int = 0) -> data.StructLayout:
    """A message; it may be a spike and the end of a step at once.

    spike: neuron x fired at step t.
    done:  no further spike at a step <= t.
    value: the neuron's number in the row's `values`, only if `value_bits` is not 0.
    """
    x_bits = bits_for(lanes * rows - 1)
    fields = {"spike": 1, "done": 1, "t": bits_for(steps - 1), "x": x_bits}
    return data.StructLayout({**fields, **({"value": signed(value_bits)} if value_bits else {})})


def lowest(bits: Signal, count: int) -> object:
    """Returns the index of the lowest set bit; count - 1 if none is set."""
    index: object = count - 1
    for k in reversed(range(count - 1)):
        index = Mux(bits[k], k, index)
    return index


class Serialiser(wiring.Component):
    """A queue of rows, followed by two searches: for a group of lanes, then for a lane within it. Ports:

    rows:     in, stream of `row`, always taken. The sender keeps at most `depth` rows that `taken` has not
              acknowledged.
    taken:    out, strobe. A row has left the queue.
    messages: out, stream of `message`. Lanes ascend within a row; a row without spikes takes one cycle too.
    clear:    in, 1 bit. Forgets everything, also rows that arrive in this cycle.
    """

    depth = 16
    latency = 5  # cycles from a row to its first message

    def __init__(self, *, lanes: int, rows: int, steps: int, value_bits: int = 0) -> None:
        check_sizes(self, lanes=lanes, rows=rows, steps=steps, value_bits=value_bits)
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

    def model(self, inputs: Sequence[tuple[int, int, int, bool]]) -> list[tuple[int, int | None, bool]]:
        """Takes rows (fires, row, t, last); returns messages (t, neuron or None, done)."""
        messages: list[tuple[int, int | None, bool]] = []
        for fires, row, t, last in inputs:
            found: list[int | None] = [row * self.lanes + k for k in range(self.lanes) if fires >> k & 1]
            if last and not found:
                found = [None]
            messages += [(t, x, last and k == len(found) - 1) for k, x in enumerate(found)]
        return messages

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Each search keeps two sets: its candidates, and those after the first. The last one is thus known at once.
        self._chosen = Elastic(self._chosen_layout())
        # A group of lanes with spikes, taken out of its row. `sent`: it may replace the lanes that are being sent.
        x, t = self.messages.payload.x, self.messages.payload.t
        there, sent, bits = Signal(), Signal(), Signal(GROUP, reset_less=True)
        values = Signal(data.ArrayLayout(signed(self.value_bits or 1), GROUP), reset_less=True)
        of = Signal(data.StructLayout({"base": len(x), "t": len(t), "ends": 1}), reset_less=True)
        self._there, self._sent, self._bits, self._values, self._of = there, sent, bits, values, of
        self._choose_groups(m)
        self._take_lanes(m)
        self._send_lanes(m)
        return m

    def _choose_groups(self, m: Module) -> None:
        """Queues the rows, and offers each row's groups of lanes that have spikes, one after the other."""
        groups = -(-self.lanes // GROUP)
        queued = data.StructLayout({"row": self.row, "has": groups})
        fifo = SyncFIFO(width=queued.size, depth=self.depth)
        m.submodules.fifo = ResetInserter(self.clear)(fifo)
        m.d.comb += [
            fifo.w_data.eq(Cat(self.rows.payload.as_value(), _groups_with_spikes(self.rows.payload.fires))),
            fifo.w_en.eq(self.rows.valid),
        ]
        arriving = queued(fifo.r_data)
        row, busy = Signal(self.row, reset_less=True), Signal()
        has, rest = Signal(groups, reset_less=True), Signal(groups, reset_less=True)  # groups left; after the first
        some, others = Signal(reset_less=True), Signal(reset_less=True)  # whether any of them are left
        wanted, goes, advance = Signal(), Signal(), Signal()
        m.submodules.chosen = self._chosen
        out, first = self._chosen.i, has & ~rest
        m.d.comb += [
            out.payload.row.eq(row),
            out.payload.pick.eq(first),
            out.payload.which.eq(_number(first)),
            out.payload.ends.eq(~others & row.last),
            wanted.eq(some | row.last),
            out.valid.eq(busy & wanted),
            goes.eq(out.valid & out.ready),
            advance.eq(~busy | (~others & (out.ready | ~wanted))),
            fifo.r_en.eq(advance),
            self.taken.eq(fifo.r_en & fifo.r_rdy),
            self._chosen.clear.eq(self.clear),
        ]
        with m.If(advance):
            m.d.sync += [
                row.eq(arriving.row),
                busy.eq(fifo.r_rdy),
                has.eq(arriving.has),
                rest.eq(_struck(arriving.has)),
            ]
            m.d.sync += [some.eq(arriving.has.any()), others.eq(_struck(arriving.has).any())]
        with m.Elif(goes):
            m.d.sync += [has.eq(rest), rest.eq(_struck(rest)), some.eq(others), others.eq(_struck(rest).any())]
        with m.If(self.clear):
            m.d.sync += busy.eq(0)

    def _take_lanes(self, m: Module) -> None:
        """Takes the lanes of the chosen group out of its row."""
        front, of, ready = self._chosen.o.payload, self._of, self._chosen.o.ready
        # values are wide, but only outputs have them and their rows are few: these may wait a cycle for each other
        m.d.comb += ready.eq(~self._there if self.value_bits else ~self._there | self._sent)
        with m.If(self._sent):
            m.d.sync += self._there.eq(0)
        with m.If(ready):
            m.d.sync += [
                self._there.eq(self._chosen.o.valid),
                self._bits.eq(_picked(front.pick, front.row.fires)),
                of.base.eq(Array(k * self.lanes for k in range(self.max_rows))[front.row.row] + front.which * GROUP),
                of.t.eq(front.row.t),
                of.ends.eq(front.ends),
            ]
            if self.value_bits:
                lanes = len(front.pick) * GROUP
                padded = [front.row.values[k] if k < self.lanes else 0 for k in range(lanes)]
                for k in range(GROUP):
                    m.d.sync += self._values[k].eq(Array(padded[k::GROUP])[front.which])
        with m.If(self.clear):
            m.d.sync += self._there.eq(0)

    def _send_lanes(self, m: Module) -> None:
        """Sends a message for each lane of the group that fired."""
        sending, now, left, more = Signal(), Signal.like(self._of), Signal(GROUP, reset_less=True), Signal()
        lanes, values = Signal(GROUP, reset_less=True), Signal.like(self._values)
        lane, pick = Signal(range(GROUP)), Signal(GROUP)
        out, bits = self.messages, self._bits
        m.d.comb += [
            self._sent.eq(~sending | (self.messages.ready & ~more)),
            pick.eq(lanes & ~left),
            lane.eq(_number(pick)),
            out.valid.eq(sending),
            out.payload.spike.eq(lanes.any()),
            out.payload.done.eq(now.ends & ~more),
            out.payload.x.eq(now.base + lane),
            out.payload.t.eq(now.t),
        ]
        if self.value_bits:
            picked = [Mux(pick[k], values[k], 0).as_unsigned() for k in range(GROUP)]
            m.d.comb += out.payload.value.eq(reduce(or_, picked))
        with m.If(self._sent):
            m.d.sync += [lanes.eq(bits), left.eq(_struck(bits)), more.eq(_struck(bits).any())]
            m.d.sync += [sending.eq(self._there), now.eq(self._of), values.eq(self._values)]
        with m.Elif(out.ready):
            m.d.sync += [lanes.eq(left), left.eq(_struck(left)), more.eq(_struck(left).any())]
        with m.If(self.clear):
            m.d.sync += sending.eq(0)

    def _chosen_layout(self) -> data.StructLayout:
        """A chosen group of lanes.

        row:         the row that it belongs to.
        pick, which: the group as a set bit, and its number.
        ends:        no group of the step follows.
        """
        groups = -(-self.lanes // GROUP)
        return data.StructLayout({"row": self.row, "pick": groups, "which": range(groups), "ends": 1})


def _number(pick: Signal) -> Value:
    """Returns the index of the only set bit; 0 if none is set."""
    count = len(pick)
    return Cat(Cat(pick[k] for k in range(count) if k >> n & 1).any() for n in range(bits_for(count - 1)))


def _struck(bits: Value) -> Value:
    """Returns the bits without the lowest set one."""
    return bits & (bits - 1)


def _groups_with_spikes(fires: Value) -> Value:
    return Cat(fires[lsb : lsb + GROUP].any() for lsb in range(0, len(fires), GROUP))


def _picked(pick: Signal, fires: Value) -> Value:
    """Returns the bits of the group of lanes that `pick` chooses; 0 if it chooses none."""
    groups = [Mux(pick[k], fires[k * GROUP : (k + 1) * GROUP], 0) for k in range(len(pick))]
    return reduce(or_, groups, Const(0, GROUP))
