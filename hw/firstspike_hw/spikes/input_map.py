"""Input map: external address to weight row, or dropped; what is out of range, repeated or late is refused."""

from typing import Any, Final

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, exact_log2

from firstspike_contract.core.memories import MAP_ENTRY
from firstspike_hw.fabric.layouts import seen_as
from firstspike_hw.fabric.memory_port import IN_BLOCKS, IN_LOGIC, MemoryPort
from firstspike_hw.fabric.sizes import check_sizes

from .queue import event_layout

__all__ = ["InputMap", "entry_layout", "mapped_layout"]

MARKS: Final = 32  # rows whose marks are read and written together


def entry_layout(*, entries: int, steps: int) -> data.StructLayout:
    """What is stored of an address: its weight row and its delay, if it is kept."""
    return data.StructLayout({"row": bits_for(entries - 1), "delay": bits_for(steps), "kept": 1})


def mapped_layout(*, entries: int, steps: int) -> data.StructLayout:
    """filed: `event` with its recorded time is to be filed. Otherwise dropped or refused say why not, or neither does.

    late: refused as it broke the promised order. horizon: no event below it will follow (if order was promised).
    """
    fields = {"filed": 1, "dropped": 1, "refused": 1, "late": 1, "horizon": bits_for(steps)}
    return data.StructLayout({**fields, "event": event_layout(entries, steps)})


class InputMap(wiring.Component):
    """Ports:

    steps, addresses: T, external addresses. ordered: this image's events promise not to fall in time.
    events: raw `(t, x)`, one a cycle. mapped: what became of each, `latency` cycles later; always taken.
    clean: strobe: forget which rows have spiked, and the order so far; not while events pass.
    host: word of address x, a MAP_ENTRY.
    """

    latency = 4

    def __init__(self, *, addresses: int, entries: int, steps: int) -> None:
        check_sizes(self, addresses=addresses, entries=entries, steps=steps)
        self.max_addresses, self.entries, self.max_steps = addresses, entries, steps
        self.entry = entry_layout(entries=entries, steps=steps)
        self.mapped_layout = mapped_layout(entries=entries, steps=steps)
        super().__init__(
            {
                "steps": In(bits_for(steps)),
                "addresses": In(bits_for(addresses)),
                "ordered": In(1),
                "events": In(stream.Signature(data.StructLayout({"t": 16, "x": 16}), always_ready=True)),
                "mapped": Out(stream.Signature(self.mapped_layout, always_ready=True)),
                "clean": In(1),
                "host": In(MemoryPort(width=32)),
            }
        )

    @staticmethod
    def model(
        events: list[tuple[int, int]], entries: list[tuple[int, int] | None], steps: int, ordered: bool = False
    ) -> tuple[list[tuple[int, int]], int, int]:
        """Events through a map of (row, delay) or None by address. Returns (filed (t, row), dropped, refused)."""
        filed, taken, dropped, refused, latest = [], set(), 0, 0, 0
        for t, x in events:
            if t >= steps or x >= len(entries):
                refused += 1
            elif (entry := entries[x]) is None:
                dropped += 1
            elif entry[0] in taken or (ordered and t < latest):
                refused += 1
            else:
                taken.add(entry[0])
                latest = t
                if t + entry[1] < steps:
                    filed.append((t + entry[1], entry[0]))
        return filed, dropped, refused

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # 1: look up; in range?
        read = self._map(m)
        t1, valid1, in_range1 = Signal(bits_for(self.max_steps - 1)), Signal(), Signal()
        m.d.sync += [
            t1.eq(self.events.payload.t),
            valid1.eq(self.events.valid),
            in_range1.eq((self.events.payload.t < self.steps) & (self.events.payload.x < self.addresses)),
        ]
        # 2: the entry, registered
        entry, t2, valid2, in_range2 = Signal(self.entry), Signal.like(t1), Signal(), Signal()
        m.d.sync += [entry.eq(read.data), t2.eq(t1), valid2.eq(valid1), in_range2.eq(in_range1)]
        # 3: the marks of its word, registered; 4: has the row spiked, is it late; recorded time
        taken, mark = self._taken(m, entry.row)
        looked_up, t3, valid3, in_range3 = Signal(self.entry), Signal.like(t1), Signal(), Signal()
        m.d.sync += [looked_up.eq(entry), t3.eq(t2), valid3.eq(valid2), in_range3.eq(in_range2)]
        entry, t2, valid2, in_range2 = looked_up, t3, valid3, in_range3
        latest, recorded = Signal.like(t1), Signal(bits_for(2 * self.max_steps))
        wanted, late, fresh = Signal(), Signal(), Signal()
        out = self.mapped
        m.d.comb += [
            wanted.eq(valid2 & in_range2 & entry.kept),
            late.eq(wanted & ~taken & self.ordered & (t2 < latest)),
            fresh.eq(wanted & ~taken & ~late),
            mark.eq(fresh),
            recorded.eq(t2 + entry.delay),
        ]
        m.d.sync += [
            out.valid.eq(valid2),
            out.payload.dropped.eq(in_range2 & ~entry.kept),
            out.payload.refused.eq(~in_range2 | (wanted & ~fresh)),
            out.payload.late.eq(late),
            out.payload.filed.eq(fresh & (recorded < self.steps)),
            out.payload.event.t.eq(recorded),
            out.payload.event.x.eq(entry.row),
            out.payload.horizon.eq(Mux(self.ordered, Mux(fresh, t2, latest), 0)),
        ]
        with m.If(fresh):
            m.d.sync += latest.eq(t2)
        with m.If(self.clean):
            m.d.sync += latest.eq(0)
        return m

    def _map(self, m: Module) -> Any:
        m.submodules.map = memory = Memory(shape=self.entry, depth=self.max_addresses, init=[], attrs=IN_BLOCKS)
        read, write, host = memory.read_port(), memory.write_port(), self.host
        word, shown = seen_as(MAP_ENTRY, host.word), seen_as(MAP_ENTRY, host.data)
        m.d.comb += [
            read.addr.eq(Mux(host.active, host.address, self.events.payload.x)),
            write.addr.eq(host.address),
            write.data.row.eq(word.row),
            write.data.delay.eq(word.delay),
            write.data.kept.eq(word.kept),
            write.en.eq(host.write),
            shown.row.eq(read.data.row),
            shown.delay.eq(read.data.delay),
            shown.kept.eq(read.data.kept),
        ]
        return read

    def _taken(self, m: Module, row: Any) -> tuple[Signal, Signal]:
        """A bit per row, MARKS a word: has the row of the cycle before spiked in this image; and what marks it.

        A word that no row of this image has touched means nothing: all are forgotten in one cycle.
        """
        words = max(1, -(-self.entries // MARKS))
        m.submodules.taken = memory = Memory(shape=MARKS, depth=words, init=[], attrs=IN_LOGIC)
        read, write = memory.read_port(domain="comb"), memory.write_port()
        taken, mark, touched = Signal(), Signal(), Signal(words)
        marks, before, bit, low = Signal(MARKS), Signal.like(row), Signal(MARKS), exact_log2(MARKS)
        m.d.comb += [
            read.addr.eq(row[low:]),
            taken.eq((marks & bit).any()),
            write.addr.eq(before[low:]),
            write.data.eq(marks | bit),
            write.en.eq(mark),
        ]
        m.d.sync += [
            before.eq(row),
            bit.eq(Cat(row[:low] == k for k in range(MARKS))),
            marks.eq(Mux(touched.bit_select(row[low:], 1), read.data, 0)),
        ]
        with m.If(mark):
            m.d.sync += touched.bit_select(before[low:], 1).eq(1)
            with m.If(before[low:] == row[low:]):
                m.d.sync += marks.eq(write.data)
        with m.If(self.clean):
            m.d.sync += touched.eq(0)
        return taken, mark
