"""Calendar queue: sorts events by time step, O(1) for each, so that a stage can take causal sets in order.

Events are filed in one linked list for each step and leave bucket by bucket.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from firstspike_hw.fabric.memory_port import APART, IN_LOGIC
from firstspike_hw.fabric.sizes import check_sizes

__all__ = ["BucketPort", "CalendarQueue", "buckets_of", "event_layout"]

WORD: Final = 16  # steps whose marks share a memory word


class BucketPort(wiring.Signature):
    """The ports by which a reader takes events from a queue, bucket by bucket; directions are the reader's.

    advance:  out, strobe. Goes to the bucket of the next step. CalendarQueue has its timing and that of the next three.
    occupied: in, 1 bit. The bucket holds an event.
    open:     out, strobe. Asks for the events of the bucket.
    events:   in, stream of weight rows, 0 .. entries - 1.
    horizon:  in, 0 .. steps. H: every event of a step < H has been filed.
    """

    def __init__(self, *, entries: int, steps: int) -> None:
        super().__init__(
            {
                "advance": Out(1),
                "occupied": In(1),
                "open": Out(1),
                "events": In(stream.Signature(unsigned(bits_for(entries - 1)))),
                "horizon": In(bits_for(steps)),
            }
        )


def event_layout(entries: int, steps: int) -> data.StructLayout:
    """An event inside the core: step `t`, weight row `x`."""
    return data.StructLayout({"t": bits_for(steps - 1), "x": bits_for(entries - 1)})


def buckets_of(events: Iterable[tuple[int, int]], steps: int) -> list[list[int]]:
    """Returns the rows of the events (t, x) in a bucket for each step; the last event filed comes first."""
    buckets: list[list[int]] = [[] for _ in range(steps)]
    for t, x in events:
        buckets[t].insert(0, x)
    return buckets


class CalendarQueue(wiring.Component):
    """A calendar queue: one bucket for each time step, a list through `next`, a memory indexed by the event's row.

    A row is filed at most once between two clears, so its place in `next` is its own and no place is ever allocated.
    The last event filed in a bucket leaves first; the order within a step has no meaning. Ports:

    push:     in, stream of `event_layout`, one event a cycle, always taken. Seen `push_latency` cycles later.
    clear:    in, strobe. Empties all buckets in one cycle and goes back to the first one.
    rewind:   in, strobe; only if `rewinds`. Goes back to the first bucket and keeps all events; `occupied` and `open`
              are about that bucket from two cycles later on.
    advance:  in, strobe. Goes to the next step's bucket; `occupied` and `open` are about it from the next cycle on.
    selected: in, 1 bit. A reader uses this queue, one of several. While it is 0, `occupied` is 0, a cycle later.
    occupied: out, 1 bit. An event had been filed in this bucket two cycles ago; 0 in the cycle after `clear`.
    open:     in, strobe. From the next cycle on `events` gives the bucket. Nothing may be filed at this step from two
              cycles before `open` on, and the bucket opened before must have been emptied.
    events:   out, stream of weight rows, 0 .. entries - 1, up to one a cycle.
    """

    push_latency = 3
    open_latency = 1

    def __init__(self, *, entries: int, steps: int, rewinds: bool = False) -> None:
        check_sizes(self, entries=entries, steps=steps)
        self.entries, self.steps, self.rewinds = entries, steps, rewinds
        event = event_layout(entries, steps)
        super().__init__(
            {
                **({"rewind": In(1)} if rewinds else {}),
                "push": In(stream.Signature(event, always_ready=True)),
                "clear": In(1),
                "advance": In(1),
                "selected": In(1, init=1),
                "occupied": Out(1),
                "open": In(1),
                "events": Out(stream.Signature(unsigned(bits_for(entries - 1)))),
            }
        )

    def model(self, inputs: Sequence[tuple[Any, ...]]) -> list[list[int]]:
        """Takes ("push", t, x), ("bucket",), ("rewind",) and ("clear",), in order.

        ("bucket",) opens the bucket of the step, takes all its events and advances. Returns the rows of each bucket
        taken, in the order of leaving.
        """
        buckets, step, found = buckets_of([], self.steps), 0, []
        for name, *event in inputs:
            if name == "push":
                buckets[event[0]].insert(0, event[1])
            elif name == "bucket":
                found.append(list(buckets[step]))
                step += 1
            else:
                step = 0
                buckets = buckets_of([], self.steps) if name == "clear" else buckets
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        x_bits = bits_for(self.entries - 1)
        link = data.StructLayout({"x": x_bits, "last": 1})
        m.submodules.head = head = Memory(shape=x_bits, depth=self.steps, init=[], attrs=IN_LOGIC)
        m.submodules.next = next_ = Memory(shape=link, depth=self.entries, init=[], attrs=APART)

        # Look up the head of the bucket's list; a cycle later file the event in front of it, linked to that head.
        old = head.read_port(domain="comb")
        head_write, next_write = head.write_port(), next_.write_port()
        push, valid = Signal(self.push.payload.shape(), reset_less=True), Signal()
        step, following_step = Signal(range(self.steps)), Signal(range(self.steps), init=1)
        filled = self._filled(m, [self.push.payload.t, step, following_step], before=push.t, mark=valid)
        first_so_far, has_one = Signal(x_bits, reset_less=True), Signal(reset_less=True)
        same = valid & (push.t == self.push.payload.t)  # same step as the event before, which is in no list yet
        m.d.sync += [
            valid.eq(self.push.valid & ~self.clear),
            push.eq(self.push.payload),
            first_so_far.eq(Mux(same, push.x, old.data)),
            has_one.eq(same | filled[0]),
        ]
        m.d.comb += [
            old.addr.eq(self.push.payload.t),
            head_write.addr.eq(push.t),
            head_write.data.eq(push.x),
            head_write.en.eq(valid),
            next_write.addr.eq(push.x),
            next_write.data.x.eq(first_so_far),
            next_write.data.last.eq(~has_one),
            next_write.en.eq(valid),
        ]

        # For the buckets of this step and of the next one: whether they are occupied, and their first events.
        with m.If(self.advance):
            m.d.sync += [step.eq(following_step), following_step.eq(following_step + 1)]
        again = self.clear | self.rewind if self.rewinds else self.clear
        with m.If(again):
            m.d.sync += [step.eq(0), following_step.eq(1)]
        firsts = [head.read_port(domain="comb") for _ in range(2)]
        m.d.comb += [port.addr.eq(at) for port, at in zip(firsts, (step, following_step), strict=True)]
        # Both are registered, and one of them is chosen afterwards.
        advanced = Signal()
        occupied = [Signal(name=f"occupied{k}") for k in range(2)]
        heads = [Signal(x_bits, name=f"first{k}", reset_less=True) for k in range(2)]
        m.d.sync += advanced.eq(self.advance)
        for k in range(2):
            m.d.sync += [occupied[k].eq(filled[1 + k] & self.selected & ~self.clear), heads[k].eq(firsts[k].data)]
        first = Signal(x_bits)
        m.d.comb += [
            self.occupied.eq(Mux(advanced, occupied[1], occupied[0])),
            first.eq(Mux(advanced, heads[1], heads[0])),
        ]

        # Leave: `next` is always read for the event that will be on offer, so that one can leave every cycle.
        following, taken, on_offer = next_.read_port(), Signal(), Signal(x_bits)
        m.d.comb += [
            taken.eq(self.events.valid & self.events.ready),
            following.addr.eq(on_offer),
            on_offer.eq(Mux(self.events.valid, Mux(taken, following.data.x, self.events.payload), first)),
        ]
        m.d.sync += self.events.payload.eq(on_offer)
        with m.If(self.open):
            m.d.sync += self.events.valid.eq(self.occupied)
        with m.Elif(taken):
            m.d.sync += self.events.valid.eq(~following.data.last)
        with m.If(again):
            m.d.sync += self.events.valid.eq(0)
        return m

    def _filled(self, m: Module, steps: list[Any], *, before: Value, mark: Signal) -> list[Value]:
        """Returns for each of `steps` whether an event is filed at it.

        mark:   an event is being filed at `before`.
        before: the first of `steps` a cycle ago.
        There is a bit for each step in LUT memory, WORD bits in a word. A word untouched since `clear` counts as 0:
        one cycle clears all.
        """
        words, bits, low = -(-self.steps // WORD), min(WORD, self.steps), ceil_log2(WORD)
        m.submodules.filled = memory = Memory(shape=bits, depth=words, init=[], attrs=IN_LOGIC)
        touched, marks, bit = Signal(words), Signal(bits, reset_less=True), Signal(bits, reset_less=True)
        write, found = memory.write_port(), []
        for k, step in enumerate(steps):
            read, word = memory.read_port(domain="comb"), Signal(bits, name=f"filled_word{k}")
            m.d.comb += [read.addr.eq(step[low:]), word.eq(Mux(touched.bit_select(step[low:], 1), read.data, 0))]
            found.append(word.bit_select(step[:low], 1))
            if k == 0:
                m.d.sync += [marks.eq(word), bit.eq(Cat(step[:low] == n for n in range(bits)))]
        m.d.comb += [write.addr.eq(before[low:]), write.data.eq(marks | bit), write.en.eq(mark)]
        with m.If(mark):
            m.d.sync += touched.bit_select(before[low:], 1).eq(1)
            with m.If(before[low:] == steps[0][low:]):
                m.d.sync += marks.eq(write.data)
        with m.If(self.clear):
            m.d.sync += touched.eq(0)
        return found
