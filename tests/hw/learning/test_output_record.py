"""The record of the outputs: which fired by S, what is to be learnt, and what the queue gives back."""

import random

import pytest
from unit_bench import simulate

from firstspike_hw.learning.output_record import OutputRecord

STEPS = 16


def messages_of(times, end):
    """Messages of all steps, an output of T-1 again whatever it did before; up to two steps beyond `end`."""
    for t in range(min(STEPS, end + 3)):
        fired = [k for k, when in enumerate(times) if when == t or (t == STEPS - 1 and when is not None)]
        for n, k in enumerate(fired):
            yield t, k, n == len(fired) - 1
        if not fired:
            yield t, None, True


@pytest.mark.parametrize("seed", range(40))
def test_record_equals_the_model(seed) -> None:
    chance = random.Random(seed)
    count = chance.choice([1, 3, 10])
    unit = OutputRecord(neurons=12, steps=STEPS)
    times = [chance.choice([None, chance.randrange(STEPS)]) for _ in range(count)]
    first = [(t, k) for k, t in enumerate(times) if t is not None]
    step, answer = min(first) if first else (STEPS - 1, chance.randrange(count))
    settings = (STEPS, chance.choice([0, 1, 3, 200]), chance.choice([3, 9, STEPS]))
    label = chance.choice([answer, chance.randrange(count)])
    verdict = (answer, step, not first)
    end, triggered, rivals = unit.model(times, label, verdict, settings)
    found, queue = [], {}

    async def process(ctx):
        for name, value in zip(("steps", "margin", "late"), settings, strict=True):
            ctx.set(getattr(unit, name), value)
        ctx.set(unit.label, label)
        for _ in range(2):  # the second image finds nothing of the first
            ctx.set(unit.clear, 1)
            await ctx.tick()
            ctx.set(unit.clear, 0)
            found.clear()
            queue.clear()
            decided = None
            for t, x, done in messages_of(times, end):
                ctx.set(unit.spikes.payload, {"t": t, "spike": x is not None, "x": x or 0, "done": done})
                ctx.set(unit.spikes.valid, 1)
                await _tick(ctx, unit, found)
                ctx.set(unit.spikes.valid, 0)
                if decided is None and done and (t == step):
                    decided = 2  # cycles that the decision needs, meanwhile the next message may come
                elif decided is None and chance.random() < 0.3:
                    await _tick(ctx, unit, found)
                if decided is not None:
                    decided -= 1
                    if decided == 0:
                        fields = {"decided": 1, "class": answer, "step": step, "silent": not first}
                        ctx.set(unit.verdict, fields)
            for _ in range(unit.DELAY + 6):
                ctx.set(unit.verdict, {"decided": 1, "class": answer, "step": step, "silent": not first})
                await _tick(ctx, unit, found)
            assert ctx.get(unit.complete)
            assert (ctx.get(unit.end), ctx.get(unit.triggered)) == (end, int(triggered))
            ctx.set(unit.rewind, 1)
            await ctx.tick()
            ctx.set(unit.rewind, 0)
            for t in range(STEPS):
                await ctx.tick()
                queue[t] = []
                if ctx.get(unit.source.occupied):
                    ctx.set(unit.source.open, 1)
                    await ctx.tick()
                    ctx.set(unit.source.open, 0)
                    ctx.set(unit.source.events.ready, 1)
                    while ctx.get(unit.source.events.valid):
                        queue[t].append(ctx.get(unit.source.events.payload))
                        await ctx.tick()
                    ctx.set(unit.source.events.ready, 0)
                ctx.set(unit.source.advance, 1)
                await ctx.tick()
                ctx.set(unit.source.advance, 0)
            ctx.set(unit.verdict, {})

    simulate(unit, process)
    assert sorted(found) == rivals
    by_step = {t: sorted(k for k, when in enumerate(times) if when == t and t <= end) for t in range(STEPS)}
    assert {t: sorted(outputs) for t, outputs in queue.items()} == by_step


async def _tick(ctx, unit, found) -> None:
    if ctx.get(unit.rivals.valid):
        assert ctx.get(unit.rivals.payload.delta.moves)
        assert not ctx.get(unit.rivals.payload.delta.up)
        found.append(ctx.get(unit.rivals.payload.x))
    await ctx.tick()
