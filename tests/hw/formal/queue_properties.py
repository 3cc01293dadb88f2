"""The calendar queue: nothing lost, nothing invented, in time order, each input once.

The bench files events and takes buckets as docs and CalendarQueue promise: a row once between two clears, nothing at a
step that has been opened, steps opened in ascending order and only when the bucket before has been emptied. Beside the
queue stand the pending rows and their times; all requirements compare the two.

A small queue stands for all: rows and steps are names to it, compared with nothing but each other, and two rows in one
bucket, in two, and one behind the other in every order are all there with three rows and three steps.
"""

from amaranth.hdl import Array, Cat, Mux, Signal
from prover import Proof
from stream_properties import holds

from firstspike_hw.spikes.queue import CalendarQueue

__all__ = ["ENTRIES", "STEPS", "calendar"]

ENTRIES, STEPS = 3, 3


def calendar() -> Proof:
    proof = Proof()
    m = proof.m
    m.submodules.unit = queue = CalendarQueue(entries=ENTRIES, steps=STEPS)
    push = proof.free("push")
    t, x = (proof.free(name, getattr(queue.push.payload, name).shape()) for name in "tx")
    clear, open_, ready, advance = (proof.free(name) for name in ("clear", "open", "ready", "advance"))
    m.d.comb += [
        queue.push.valid.eq(push),
        queue.push.payload.t.eq(t),
        queue.push.payload.x.eq(x),
        queue.clear.eq(clear),
        queue.open.eq(open_),
        queue.advance.eq(advance),
        queue.events.ready.eq(ready),
    ]
    events = queue.events

    step = Signal(range(STEPS))  # that the queue is at
    with m.If(advance):
        m.d.sync += step.eq(step + 1)
    with m.If(clear):
        m.d.sync += step.eq(0)
    proof.assume(~advance | (step < STEPS - 1))

    # what has been filed and has not left; opened: steps that take no more, `at` the last of them
    filed, pending = Signal(ENTRIES), Signal(ENTRIES)
    times = Array(Signal(range(STEPS), name=f"time{k}") for k in range(ENTRIES))
    opened, at = Signal(), Signal(range(STEPS))
    proof.assume((t < STEPS) & (x < ENTRIES))
    proof.assume(~push | ~filed.bit_select(x, 1))
    proof.assume(~push | ~opened | (t > at))
    proof.assume(~(push & open_) | (t > step))
    proof.assume(~open_ | ~opened | (step > at))
    proof.assume(~open_ | ~events.valid)

    # what was filed in the last two cycles is not seen yet, and nothing is in the cycle after `clear`
    filing, fresh, cleared = Signal(ENTRIES), Signal(ENTRIES), Signal()
    m.d.sync += [filing.eq(Mux(push, 1 << x, 0)), fresh.eq(filing | Mux(push, 1 << x, 0)), cleared.eq(clear)]
    proof.assume(~open_ | ~(cleared | Cat(fresh[k] & (times[k] == step) for k in range(ENTRIES)).any()))
    with m.If(push):
        m.d.sync += [filed.bit_select(x, 1).eq(1), pending.bit_select(x, 1).eq(1), times[x].eq(t)]
    with m.If(open_):
        m.d.sync += [opened.eq(1), at.eq(step)]
    with m.If(events.valid & ready):
        m.d.sync += pending.bit_select(events.payload, 1).eq(0)
    with m.If(clear):
        m.d.sync += [filed.eq(0), pending.eq(0), opened.eq(0), at.eq(0)]

    due = Signal(ENTRIES)  # of this step
    m.d.comb += due.eq(Cat(pending[k] & ~fresh[k] & (times[k] == step) for k in range(ENTRIES)))
    overdue = Cat(pending[k] & opened & (times[k] == at) for k in range(ENTRIES)).any()
    proof.require("nothing invented", ~events.valid | (opened & pending.bit_select(events.payload, 1)))
    proof.require("in time order", ~events.valid | (times[events.payload] == at))
    proof.require("nothing lost", events.valid | ~overdue)
    open_before = opened & (step <= at)
    proof.require("occupied is the truth", cleared | open_before | (queue.occupied == due.any()))
    holds(proof, "events", events.valid, events.ready, events.payload, clear)
    return proof
