"""Replay: what is struck and what is learnt, in which order and in how many cycles."""

import random

import pytest
from amaranth.hdl import Elaboratable, Module
from unit_bench import simulate

from firstspike_hw.learning.replay import Replay
from firstspike_hw.spikes.queue import CalendarQueue

STEPS, INPUTS, NEURONS = 16, 12, 9


class Fed(Elaboratable):
    """A replay between the queue of its inputs and that of its spikes."""

    def __init__(self, events_first):
        self.unit = Replay(
            depth=64, inputs=16, constants=4, rows=4, steps=STEPS, neurons=16, filed=16, events_first=events_first
        )
        self.events = CalendarQueue(entries=16, steps=STEPS, rewinds=True)
        self.spikes = CalendarQueue(entries=16, steps=STEPS, rewinds=True)

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit, m.submodules.events, m.submodules.spikes = self.unit, self.events, self.spikes
        for port, queue in ((self.unit.events, self.events), (self.unit.spikes, self.spikes)):
            m.d.comb += [
                queue.advance.eq(port.advance),
                queue.rewind.eq(self.unit.start),
                queue.open.eq(port.open),
                queue.events.ready.eq(port.events.ready),
                port.occupied.eq(queue.occupied),
                port.events.valid.eq(queue.events.valid),
                port.events.payload.eq(queue.events.payload),
            ]
        return m


def play(events, spikes, constants, rows, end, *, events_first=False, times=1):
    """Operations in order, and cycles busy, of `times` replays of one image."""
    fed = Fed(events_first)
    unit, runs = fed.unit, []

    async def process(ctx):
        for address, time in enumerate(constants):
            ctx.set(unit.times.address, address)
            ctx.set(unit.times.word, time)
            ctx.set(unit.times.write, 1)
            await ctx.tick()
        ctx.set(unit.times.write, 0)
        for queue, filed in ((fed.events, events), (fed.spikes, spikes)):
            ctx.set(queue.push.valid, 1)
            for t, x in filed:
                ctx.set(queue.push.payload, {"t": t, "x": x})
                await ctx.tick()
            ctx.set(queue.push.valid, 0)
        await ctx.tick().repeat(CalendarQueue.push_latency)
        for name, value in (("inputs", INPUTS), ("constants", len(constants)), ("rows", rows), ("end", end)):
            ctx.set(getattr(unit, name), value)
        await ctx.tick()
        for _ in range(times):
            operations, cycles = [], 0
            ctx.set(unit.start, 1)
            await ctx.tick()
            ctx.set(unit.start, 0)
            while True:
                operation = unit.operation
                if ctx.get(operation.strike):
                    operations.append(("strike", ctx.get(operation.x)))
                if ctx.get(operation.learn):
                    fields = ("x", "row", "first", "last", "spike", "address")
                    operations.append(("learn", *(ctx.get(getattr(operation, name)) for name in fields)))
                if not ctx.get(unit.busy):
                    break
                cycles += 1
                await ctx.tick()
            runs.append((operations, cycles))

    simulate(fed, process)
    return runs


def expected(events, spikes, constants, rows, end, *, events_first):
    """The same from the definition: for each step its strikes and the rows of its events, the last one filed first."""
    order, stride = [], INPUTS + len(constants)
    for t in range(end + 1):
        strikes = [("strike", x) for when, x in reversed(spikes) if when == t]
        xs = [(x, 1) for when, x in reversed(events) if when == t]
        xs += [(INPUTS + k, 0) for k, when in enumerate(constants) if when == t]
        learns = [
            ("learn", x, row, int(row == 0), int(row == rows - 1), spike, row * stride + x)
            for x, spike in xs
            for row in range(rows)
        ]
        order += learns + strikes if events_first else strikes + learns
    return order


@pytest.mark.parametrize("events_first", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_operations_come_in_order(seed, events_first) -> None:
    chance = random.Random(seed)
    busy = chance.choice([0.2, 1.0])
    span = chance.choice([1, 4, STEPS])
    events = [(chance.randrange(span), x) for x in range(INPUTS) if chance.random() < busy]
    spikes = [(chance.randrange(STEPS), x) for x in range(NEURONS) if chance.random() < busy]
    constants = sorted(chance.randrange(STEPS) for _ in range(chance.randint(0, 4)))
    rows, end = chance.randint(1, 4), chance.choice([0, 5, STEPS - 1])
    runs = play(events, spikes, constants, rows, end, events_first=events_first, times=2)
    wanted = expected(events, spikes, constants, rows, end, events_first=events_first)
    assert [operations for operations, _ in runs] == [wanted, wanted]  # an image may be replayed again
    filed = [sum(t == when for t, _ in events) + constants.count(when) for when in range(STEPS)]
    own = [sum(t == when for t, _ in spikes) for when in range(STEPS)]
    assert [cycles for _, cycles in runs] == [Replay.model(filed, own, rows, end)] * 2


def test_an_empty_image_costs_its_steps() -> None:
    assert play([], [], [], 3, 7) == [([], 9)]
