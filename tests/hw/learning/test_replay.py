"""Replay: the order of its operations `strike` and `learn`, and the cycles that they take."""

import random

import pytest
from amaranth.hdl import Elaboratable, Module
from unit_bench import check, fill, strobe

from firstspike_hw.learning.replay import Replay, ReplayedImage
from firstspike_hw.spikes.queue import CalendarQueue

STEPS, INPUTS, NEURONS = 16, 12, 9


class Fed(Elaboratable):
    """A replay with two calendar queues, one for its input events and one for its spikes."""

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


class Bench:
    """A replay with its queues that goes through images. cycles: number of busy cycles of each replay."""

    def __init__(self, events_first=False):
        self.fed = Fed(events_first)
        self.unit, self.image, self.cycles = self.fed.unit, None, []

    def check(self, *images):
        """Compares the operations with the model's. An image that equals the one before is replayed from its queues."""
        return check(self.unit, images, give=self._give, take=self._operations, top=self.fed)

    async def _give(self, ctx, image):
        unit = self.unit
        if image != self.image:
            await self._file(ctx, image)
        self.image = image
        ports = {"inputs": image.inputs, "constants": len(image.constants), "rows": image.rows, "end": image.end}
        for name, value in ports.items():
            ctx.set(getattr(unit, name), value)
        await ctx.tick()
        await strobe(ctx, unit.start)
        cycles = 0
        while ctx.get(unit.busy):
            cycles += 1
            await ctx.tick()
        self.cycles.append(cycles)
        await ctx.tick()

    async def _file(self, ctx, image):
        """Writes the times of the constant inputs, and files the events and the spikes."""
        await fill(ctx, self.unit.times, image.constants)
        for queue, filed in ((self.fed.events, image.events), (self.fed.spikes, image.spikes)):
            await strobe(ctx, queue.clear)
            ctx.set(queue.push.valid, 1)
            for t, x in filed:
                ctx.set(queue.push.payload, {"t": t, "x": x})
                await ctx.tick()
            ctx.set(queue.push.valid, 0)
        await ctx.tick().repeat(CalendarQueue.push_latency)

    def _operations(self, ctx):
        operation = self.unit.operation
        if ctx.get(operation.strike):
            return [("strike", ctx.get(operation.x))]
        if not ctx.get(operation.learn):
            return []
        flags = (bool(ctx.get(operation[name])) for name in ("first", "last", "spike"))
        return [("learn", ctx.get(operation.x), ctx.get(operation.row), *flags, ctx.get(operation.address))]


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
    image, bench = ReplayedImage(events, spikes, constants, INPUTS, rows, end), Bench(events_first)
    bench.check(image, image)  # an image may be replayed again
    assert bench.cycles == [bench.unit.cycles(image)] * 2


def test_an_empty_image_costs_its_steps() -> None:
    bench = Bench()
    assert bench.check(ReplayedImage([], [], [], INPUTS, 3, 7)) == []
    assert bench.cycles == [9]
