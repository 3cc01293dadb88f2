"""Calendar queue: everything filed leaves, in time order, one event a cycle."""

import random

import pytest
from unit_bench import simulate

from firstspike_hw.spikes.queue import CalendarQueue


def play(pushed, steps=16, entries=64, stall=0.0, rounds=1):
    """Files all, then opens bucket after bucket. Returns buckets, and the cycles that draining took."""
    queue, chance, drained = CalendarQueue(entries=entries, steps=steps), random.Random(1), []

    async def process(ctx):
        for _ in range(rounds):
            for t, x in pushed:
                ctx.set(queue.push.payload, {"t": t, "x": x})
                ctx.set(queue.push.valid, 1)
                await ctx.tick()
            ctx.set(queue.push.valid, 0)
            await ctx.tick().repeat(queue.push_latency)
            buckets, cycles = [], 0
            for t in range(steps):
                buckets.append([])
                assert ctx.get(queue.occupied) == any(when == t for when, _ in pushed)
                ctx.set(queue.open, 1)
                await ctx.tick()
                ctx.set(queue.open, 0)
                while ctx.get(queue.events.valid):
                    ctx.set(queue.events.ready, chance.random() >= stall)
                    if ctx.get(queue.events.ready):
                        buckets[-1].append(ctx.get(queue.events.payload))
                    await ctx.tick()
                    cycles += 1
                ctx.set(queue.events.ready, 0)
                ctx.set(queue.advance, 1)
                await ctx.tick()
                ctx.set(queue.advance, 0)
            drained.append((buckets, cycles))
            ctx.set(queue.clear, 1)
            await ctx.tick()
            ctx.set(queue.clear, 0)

    simulate(queue, process)
    return drained


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_buckets_equal_the_model(seed, stall) -> None:
    chance = random.Random(seed)
    rows = chance.sample(range(64), chance.randint(0, 64))
    latest = chance.choice([1, 3, 16])
    pushed = [(chance.randrange(latest), x) for x in rows]
    for buckets, cycles in play(pushed, stall=stall, rounds=2):
        assert buckets == CalendarQueue.model(pushed, 16)
        assert cycles == len(pushed) or stall


def test_clear_leaves_nothing_of_a_half_drained_bucket() -> None:
    queue = CalendarQueue(entries=8, steps=16)

    async def process(ctx):
        ctx.set(queue.push.valid, 1)
        for x in range(4):
            ctx.set(queue.push.payload, {"t": 0, "x": x})
            await ctx.tick()
        ctx.set(queue.push.valid, 0)
        await ctx.tick().repeat(2)
        ctx.set(queue.open, 1)
        await ctx.tick()
        ctx.set(queue.open, 0)
        assert ctx.get(queue.events.valid) == 1
        ctx.set(queue.clear, 1)
        await ctx.tick()
        ctx.set(queue.clear, 0)
        assert ctx.get(queue.events.valid) == 0
        assert ctx.get(queue.occupied) == 0
        await ctx.tick()

    simulate(queue, process)
