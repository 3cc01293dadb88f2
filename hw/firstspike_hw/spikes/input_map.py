"""Input map: maps an event's external address to a weight row, or drops the event.

It refuses an event that is out of range, repeats an input, or is late.

Tested by tests/hw/spikes/test_intake.py.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

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

__all__ = ["InputMap", "Mapped", "entry_layout", "mapped_events", "mapped_layout"]

MARKS: Final = 32  # rows whose marks share a memory word


def entry_layout(*, entries: int, steps: int) -> data.StructLayout:
    """The entry of an address.

    row:   weight row.
    delay: steps that are added to the event's time.
    kept:  events of the address are kept; if 0 they are dropped, and the other fields mean nothing.
    """
    return data.StructLayout({"row": bits_for(entries - 1), "delay": bits_for(steps), "kept": 1})


def mapped_layout(*, entries: int, steps: int) -> data.StructLayout:
    """The outcome for one event. If it is neither filed, dropped nor refused, its delay moves it beyond T-1.

    filed:   `event` is to be filed.
    dropped: its address is dropped.
    refused: it is out of range, repeated or late.
    late:    it is refused because its time falls although the image promised order.
    horizon: no event below it will follow; 0 if no order was promised.
    event:   the weight row, with the recorded time; valid with filed.
    """
    fields = {"filed": 1, "dropped": 1, "refused": 1, "late": 1, "horizon": bits_for(steps)}
    return data.StructLayout({**fields, "event": event_layout(entries, steps)})


class Mapped(NamedTuple):
    """The outcome for one event, in the model.

    fate:    "filed", "beyond" (its delay moves it beyond T-1), "dropped", "refused" or "late".
    event:   (recorded time, weight row) if it is filed.
    horizon: no event below it will follow; 0 if no order was promised.
    """

    fate: str
    event: tuple[int, int] | None
    horizon: int


def mapped_events(
    events: Iterable[tuple[int, int]], *, entries: Sequence[tuple[int, int] | None], steps: int, ordered: bool = False
) -> list[Mapped]:
    """Returns the outcomes for the events (t, x) of one image. entries: (row, delay) or None of each address."""
    found: list[Mapped] = []
    taken, latest = set(), 0
    for t, x in events:
        fate, event = "", None
        if t >= steps or x >= len(entries):
            fate = "refused"
        elif (entry := entries[x]) is None:
            fate = "dropped"
        elif entry[0] in taken:
            fate = "refused"
        elif ordered and t < latest:
            fate = "late"
        else:
            taken.add(entry[0])
            latest, recorded = t, t + entry[1]
            fate, event = ("filed", (recorded, entry[0])) if recorded < steps else ("beyond", None)
        found.append(Mapped(fate, event, latest if ordered else 0))
    return found


class InputMap(wiring.Component):
    """A table with an entry for each external address, and a mark for each row that has spiked. Ports:

    steps:     in, 0 .. steps. T.
    addresses: in, 0 .. addresses. Number of external addresses.
    ordered:   in, 1 bit. The header promises that the image's event times do not fall.
    events:    in, stream of `t` and `x`, 16 bits each, always taken. Raw events, one a cycle.
    mapped:    out, stream of `mapped_layout`, always taken. What became of each event, `latency` cycles later.
    clean:     in, strobe. Forgets which rows have spiked, and the order so far; not while events pass.
    host:      in, MemoryPort of 32 bits. Word x is the MAP_ENTRY of address x.
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

    def model(self, inputs: Sequence[tuple[Any, ...]]) -> list[Mapped]:
        """Takes ("set", {"steps": T, "entries": (row, delay) or None of each address}), ("image", ordered) for `clean`,
        and ("event", t, x), in order. Returns the outcome of each event."""
        settings: dict[str, Any] = {"steps": 0, "entries": []}
        ordered, events, found = False, [], []
        for name, *values in [*inputs, ("image", False)]:
            if name == "event":
                events.append((values[0], values[1]))
                continue
            found += mapped_events(events, ordered=ordered, **settings)  # the image so far is over
            events = []
            settings = values[0] if name == "set" else settings
            ordered = values[0] if name == "image" else False
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # cycle 1: look up the entry; is the event in range?
        read = self._map(m)
        t1, valid1, in_range1 = Signal(bits_for(self.max_steps - 1)), Signal(), Signal()
        m.d.sync += [
            t1.eq(self.events.payload.t),
            valid1.eq(self.events.valid),
            in_range1.eq((self.events.payload.t < self.steps) & (self.events.payload.x < self.addresses)),
        ]
        # 2: register the entry
        entry, t2, valid2, in_range2 = Signal(self.entry), Signal.like(t1), Signal(), Signal()
        m.d.sync += [entry.eq(read.data), t2.eq(t1), valid2.eq(valid1), in_range2.eq(in_range1)]
        # 3: register the word with the row's mark; 4: has the row spiked, is the event late; recorded time
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
        """Builds the marks, a bit for each row. Returns (taken, mark), both about the row of the cycle before.

        taken: the row has spiked in this image.
        mark:  set by the caller: the row spikes now.
        A word of MARKS bits that no row of this image has touched counts as 0: one cycle forgets all marks.
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
