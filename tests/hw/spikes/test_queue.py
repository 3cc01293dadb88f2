"""Calendar queue: every event that was filed leaves, in time order, one event a cycle."""

import random

import pytest
from unit_bench import check, simulate, strobe

from firstspike_hw.spikes.queue import CalendarQueue

STEPS = 16


def using(queue, chance, stall=0.0):
    """Returns a `give` for the model's operations. A bucket must leave with one event a cycle if nothing stalls."""

    async def bucket(ctx):
        rows, cycles = [], 0
        await ctx.tick().repeat(queue.push_latency)
        occupied = ctx.get(queue.occupied)
        ctx.set(queue.open, 1)
        await ctx.tick().repeat(queue.open_latency)
        ctx.set(queue.open, 0)
        while ctx.get(queue.events.valid):
            ready = chance.random() >= stall
            ctx.set(queue.events.ready, ready)
            rows += [ctx.get(queue.events.payload)] if ready else []
            await ctx.tick()
            cycles += 1
        ctx.set(queue.events.ready, 0)
        await strobe(ctx, queue.advance)
        assert occupied == bool(rows)
        assert cycles == len(rows) or stall
        return [rows]

    async def give(ctx, item):
        name, *event = item
        if name == "push":
            ctx.set(queue.push.payload, dict(zip("tx", event, strict=True)))
            return await strobe(ctx, queue.push.valid)
        return await bucket(ctx) if name == "bucket" else await strobe(ctx, getattr(queue, name))

    return give


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_buckets_equal_the_model(seed, stall) -> None:
    chance = random.Random(seed)
    rows = chance.sample(range(64), chance.randint(0, 64))
    latest = chance.choice([1, 3, STEPS])
    image = [("push", chance.randrange(latest), x) for x in rows] + [("bucket",)] * STEPS
    again = [("rewind",), *[("bucket",)] * chance.randrange(STEPS)]
    queue = CalendarQueue(entries=64, steps=STEPS, rewinds=True)
    check(queue, [*image, *again, ("clear",)] * 2, give=using(queue, chance, stall))


def test_clear_leaves_nothing_of_a_half_drained_bucket() -> None:
    queue = CalendarQueue(entries=8, steps=STEPS)

    async def process(ctx):
        ctx.set(queue.push.valid, 1)
        for x in range(4):
            ctx.set(queue.push.payload, {"t": 0, "x": x})
            await ctx.tick()
        ctx.set(queue.push.valid, 0)
        await ctx.tick().repeat(2)
        await strobe(ctx, queue.open)
        assert ctx.get(queue.events.valid) == 1
        await strobe(ctx, queue.clear)
        assert ctx.get(queue.events.valid) == 0
        assert ctx.get(queue.occupied) == 0
        await ctx.tick()

    simulate(queue, process)
