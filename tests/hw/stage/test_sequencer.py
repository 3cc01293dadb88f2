"""Sequencer: the order of its operations, its wait for the horizon, its counts, and its cycles."""

import random

import pytest
from amaranth.hdl import Elaboratable, Module
from amaranth.lib.wiring import connect
from unit_bench import check, fill, strobe

from firstspike_hw.spikes.queue import CalendarQueue
from firstspike_hw.stage.issue import LayerImage
from firstspike_hw.stage.sequencer import Sequencer

STEPS, INPUTS = 16, 8


class Fed(Elaboratable):
    """A sequencer behind a calendar queue."""

    def __init__(self, events_first=False):
        self.unit = Sequencer(depth=64, inputs=16, constants=4, rows=4, steps=STEPS, events_first=events_first)
        self.queue = CalendarQueue(entries=16, steps=STEPS)

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit, m.submodules.queue = unit, queue = self.unit, self.queue
        m.d.comb += [queue.advance.eq(unit.advance), queue.open.eq(unit.open), unit.occupied.eq(queue.occupied)]
        connect(m, queue.events, unit.events)
        return m


class Bench:
    """A sequencer behind a calendar queue that works through images; keeps the cycles, counts and rows read of each."""

    def __init__(self, *, horizons=None, events_first=False):
        """horizons: function that returns H for a cycle, counted from `start`; None: H is T in all cycles."""
        self.fed, self.horizons = Fed(events_first), horizons
        self.unit, self.queue = self.fed.unit, self.fed.queue
        self.cycle, self.cycles, self.counts, self.rows_read = 0, [], [], []

    def check(self, *images):
        """Compares the operations on the images with the model's."""
        return check(self.unit, images, give=self._give, take=self._issued, top=self.fed)

    async def _give(self, ctx, image):
        unit = self.unit
        await self._file(ctx, image)
        ports = {
            "steps": STEPS,
            "inputs": image.inputs,
            "constants": len(image.constants),
            "rows": image.rows,
            "room": 1,
        }
        for name, value in ports.items():
            ctx.set(getattr(unit, name), value)
        ctx.set(unit.stop, {"valid": image.stop is not None, "t": image.last})
        ctx.set(unit.horizon, STEPS if self.horizons is None else 0)
        await strobe(ctx, unit.start)
        self.cycle = 1
        while not ctx.get(unit.finished):
            if self.horizons is not None:
                ctx.set(unit.horizon, self.horizons(self.cycle))
            await ctx.tick()
            self.cycle += 1
        self.cycles.append(self.cycle)
        await ctx.tick().repeat(2)
        self.counts.append((ctx.get(unit.counts.spikes), ctx.get(unit.counts.constants)))
        self.rows_read.append(ctx.get(unit.rows_read))
        await strobe(ctx, unit.clear)
        await strobe(ctx, self.queue.clear)

    async def _file(self, ctx, image):
        """Writes the times of the constant inputs, and files the events of the image."""
        await fill(ctx, self.unit.times, image.constants)
        ctx.set(self.queue.push.valid, 1)
        for t, bucket in enumerate(image.buckets):
            for x in reversed(bucket):  # the last one filed leaves first
                ctx.set(self.queue.push.payload, {"t": t, "x": x})
                await ctx.tick()
        ctx.set(self.queue.push.valid, 0)

    def _issued(self, ctx):
        """Returns this cycle's operation, if any, in a list. The horizon of two cycles earlier must allow it."""
        issue, known = self.unit.issue, None if self.horizons is None else self.horizons(self.cycle - 2)
        row, t = ctx.get(issue.row), ctx.get(issue.t)
        if ctx.get(issue.walk):
            assert known is None or known >= t, "walked before H >= t"
            return [("walk", t, row)]
        if ctx.get(issue.drive):
            assert known is None or known > t, "driven before H > t"
            return [("drive", t, row, ctx.get(issue.address))]
        return [("clear", row)] if ctx.get(issue.clear) else []


def random_image(seed, rows):
    chance = random.Random(seed)
    buckets = [[] for _ in range(STEPS)]
    for x in chance.sample(range(INPUTS), chance.randint(0, INPUTS)):
        buckets[chance.randrange(STEPS)].append(x)
    constants = sorted(chance.randrange(STEPS) for _ in range(chance.randint(0, 4)))
    return LayerImage(buckets, constants, INPUTS, rows)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_operations_come_in_the_order_of_the_contract_without_gaps(seed, rows) -> None:
    images, bench = [random_image(seed, rows), random_image(seed + 10, rows)], Bench()
    bench.check(*images)
    spikes = [sum(map(len, image.buckets)) for image in images]
    assert bench.cycles == [bench.unit.cycles(image) for image in images]
    assert bench.counts == [(count, len(image.constants)) for count, image in zip(spikes, images, strict=True)]
    assert bench.rows_read == [count + len(image.constants) for count, image in zip(spikes, images, strict=True)]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_events_act_at_once_where_they_come_first(seed, rows) -> None:
    Bench(events_first=True).check(random_image(seed, rows), random_image(seed + 10, rows))


@pytest.mark.parametrize("pace", [1, 2, 7])
def test_nothing_is_walked_or_driven_before_its_horizon(pace) -> None:
    Bench(horizons=lambda cycle: max(0, min(STEPS, cycle // pace))).check(random_image(9, 2))


@pytest.mark.parametrize("stop", [0, 5, 15])
def test_it_stops_with_the_decision_step_whose_events_it_only_counts(stop) -> None:
    buckets, bench = [[t % 8] if t < 8 else [] for t in range(STEPS)], Bench()
    bench.check(LayerImage(buckets, [5, 6], INPUTS, 2, stop))
    assert bench.counts == [(min(stop, 7) + 1, (stop >= 5) + (stop >= 6))]
