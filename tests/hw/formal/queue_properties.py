"""Properties of the calendar queue: it loses no event, invents none, and gives each event once and in time order.

The bench keeps the rules of CalendarQueue: it files a row once between two clears, files nothing at a step that was
opened, opens steps in ascending order, and opens a step only when the bucket before is empty. Beside the queue it keeps
the pending rows and their times. All requirements compare the two.

A small queue stands for all sizes, because rows and steps are only compared with each other. Three rows and three steps
give two rows in one bucket, in two buckets, and in every order.
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

    step = Signal(range(STEPS))  # step of the queue
    with m.If(advance):
        m.d.sync += step.eq(step + 1)
    with m.If(clear):
        m.d.sync += step.eq(0)
    proof.assume(~advance | (step < STEPS - 1))

    # `filed` and `pending`: rows that were filed, and of these the rows that have not left. `opened`: a step was
    # opened, and steps up to `at` take no more events.
    filed, pending = Signal(ENTRIES), Signal(ENTRIES)
    times = Array(Signal(range(STEPS), name=f"time{k}") for k in range(ENTRIES))
    opened, at = Signal(), Signal(range(STEPS))
    proof.assume((t < STEPS) & (x < ENTRIES))
    proof.assume(~push | ~filed.bit_select(x, 1))
    proof.assume(~push | ~opened | (t > at))
    proof.assume(~(push & open_) | (t > step))
    proof.assume(~open_ | ~opened | (step > at))
    proof.assume(~open_ | ~events.valid)

    # Events of the last two cycles are not visible yet, and in the cycle after `clear` none is.
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

    due = Signal(ENTRIES)  # rows to leave at this step
    m.d.comb += due.eq(Cat(pending[k] & ~fresh[k] & (times[k] == step) for k in range(ENTRIES)))
    overdue = Cat(pending[k] & opened & (times[k] == at) for k in range(ENTRIES)).any()
    proof.require("nothing invented", ~events.valid | (opened & pending.bit_select(events.payload, 1)))
    proof.require("in time order", ~events.valid | (times[events.payload] == at))
    proof.require("nothing lost", events.valid | ~overdue)
    open_before = opened & (step <= at)
    proof.require("occupied says whether events are due", cleared | open_before | (queue.occupied == due.any()))
    holds(proof, "events", events.valid, events.ready, events.payload, clear)
    return proof
