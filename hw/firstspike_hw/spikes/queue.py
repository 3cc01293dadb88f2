"""Calendar queue, the causal-set sort: events filed by time step in linked lists, leaving bucket by bucket; O(1)."""

from collections.abc import Iterable
from typing import Any, Final

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from firstspike_hw.fabric.memory_port import APART, IN_LOGIC
from firstspike_hw.fabric.sizes import check_sizes

__all__ = ["BucketPort", "CalendarQueue", "event_layout"]

WORD: Final = 16  # steps whose marks are read and written together


class BucketPort(wiring.Signature):
    """How a stage takes events from a queue, bucket by bucket; Out is from the stage's side (see CalendarQueue).

    horizon: H, every event of a step < H has been filed.
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


class CalendarQueue(wiring.Component):
    """One bucket per time step: a list through `next`, a memory indexed by the event's own row.

    A row is filed at most once between two clears, so its place in `next` is its own and nothing is ever allocated.
    Within a bucket the last event filed leaves first; the order within a step has no meaning.

    push:     one event a cycle, always taken; seen three cycles later.
    clear:    empties all buckets, in one cycle, and goes back to the first.
    advance:  strobe: on to the bucket of the next step; `occupied` and `open` are about that from the next cycle on.
    occupied: something had been filed in this bucket two cycles ago; not in the cycle after `clear`.
    selected: the queue is one of several, and is asked: otherwise `occupied` stays 0 (from the cycle after on).
    rewind:   strobe, if `rewinds`: back to the first bucket, all that was filed stays; `occupied` and `open` are of it
              from two cycles later on.
    open:     strobe: from the next cycle on `events` gives the bucket, one event a cycle. Nothing may be filed at this
              step from two cycles before on, and the bucket before must have been emptied.
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

    @staticmethod
    def model(pushed: Iterable[tuple[int, int]], steps: int) -> list[list[int]]:
        """(t, x) in order of filing -> the rows of each bucket in the order of leaving."""
        buckets: list[list[int]] = [[] for _ in range(steps)]
        for t, x in pushed:
            buckets[t].insert(0, x)
        return buckets

    def elaborate(self, platform: object) -> Module:
        m = Module()
        x_bits = bits_for(self.entries - 1)
        link = data.StructLayout({"x": x_bits, "last": 1})
        m.submodules.head = head = Memory(shape=x_bits, depth=self.steps, init=[], attrs=IN_LOGIC)
        m.submodules.next = next_ = Memory(shape=link, depth=self.entries, init=[], attrs=APART)

        # Look up the bucket's list; a cycle later file in front of it: the event's link leads to the head so far.
        old = head.read_port(domain="comb")
        head_write, next_write = head.write_port(), next_.write_port()
        push, valid = Signal(self.push.payload.shape(), reset_less=True), Signal()
        step, following_step = Signal(range(self.steps)), Signal(range(self.steps), init=1)
        filled = self._filled(m, [self.push.payload.t, step, following_step], before=push.t, mark=valid)
        first_so_far, has_one = Signal(x_bits, reset_less=True), Signal(reset_less=True)
        same = valid & (push.t == self.push.payload.t)  # as the event before, which is in no list yet
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

        # The bucket of this step, and of the next one: whether there is one, and its first event.
        with m.If(self.advance):
            m.d.sync += [step.eq(following_step), following_step.eq(following_step + 1)]
        again = self.clear | self.rewind if self.rewinds else self.clear
        with m.If(again):
            m.d.sync += [step.eq(0), following_step.eq(1)]
        firsts = [head.read_port(domain="comb") for _ in range(2)]
        m.d.comb += [port.addr.eq(at) for port, at in zip(firsts, (step, following_step), strict=True)]
        # Both are registered, and chosen between afterwards.
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

        # Leave: `next` is always read for the event on offer, or that would be, so that one can leave every cycle.
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
        """Whether something is filed at each of these steps. mark: now something is, at the first one a cycle ago.

        A bit a step, WORD a word, in LUT memory. A word untouched since `clear` means nothing: all go in one cycle.
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
