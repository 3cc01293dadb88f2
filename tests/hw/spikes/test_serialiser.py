"""Serialiser, filing and decision: rows of fired lanes become spikes, recorded spikes, and a verdict."""

import random

import pytest
from unit_bench import simulate

from firstspike_hw.spikes.decision import Decision
from firstspike_hw.spikes.filing import Filing
from firstspike_hw.spikes.serialiser import Serialiser, message_layout


@pytest.mark.parametrize("lanes", [1, 5, 16, 40])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_spikes_come_in_order_and_steps_end(lanes, stall) -> None:
    chance = random.Random(lanes)
    unit = Serialiser(lanes=lanes, rows=2, steps=16)
    rows = [
        (chance.getrandbits(lanes) & chance.getrandbits(lanes) if chance.random() < 0.6 else 0, r, t, r == 1)
        for t in range(16)
        for r in range(2)
    ]
    outstanding, messages = 0, []

    async def feed(ctx):
        nonlocal outstanding
        for fires, row, t, last in rows:
            while outstanding >= unit.depth:
                await ctx.tick()
            ctx.set(unit.rows.payload, {"fires": fires, "row": row, "t": t, "last": last})
            ctx.set(unit.rows.valid, 1)
            outstanding += 1
            await ctx.tick()
            ctx.set(unit.rows.valid, 0)

    async def count(ctx):
        nonlocal outstanding
        while True:
            outstanding -= ctx.get(unit.taken)
            await ctx.tick()

    async def drain(ctx):
        while not messages or messages[-1][0] < 15 or not messages[-1][2]:
            ready = chance.random() >= stall
            ctx.set(unit.messages.ready, ready)
            if ready and ctx.get(unit.messages.valid):
                message = unit.messages.payload
                spike = ctx.get(message.x) if ctx.get(message.spike) else None
                messages.append((ctx.get(message.t), spike, bool(ctx.get(message.done))))
            await ctx.tick()

    simulate(unit, feed, drain, background=(count,))
    assert messages == Serialiser.model(rows, lanes)


def test_delays_are_added_and_what_is_too_late_or_no_neuron_is_not_filed() -> None:
    delays, steps = [0, 3, 16, 1], 16
    unit = Filing(message=message_layout(lanes=4, rows=2, steps=16), neurons=8, steps=16)
    sent = [(t, x) for t in (0, 12, 13, 15) for x in range(6)]
    filed, horizons = [], []

    async def process(ctx):
        ctx.set(unit.outputs, len(delays))
        ctx.set(unit.steps, steps)
        for x, delay in enumerate([*delays, 0, 0]):
            ctx.set(unit.delays.address, x)
            ctx.set(unit.delays.word, delay)
            ctx.set(unit.delays.write, 1)
            await ctx.tick()
        ctx.set(unit.delays.write, 0)
        for cycle in range(len(sent) + unit.latency):
            ctx.set(unit.messages.valid, cycle < len(sent))
            if cycle < len(sent):
                t, x = sent[cycle]
                ctx.set(unit.messages.payload, {"spike": 1, "done": x == 5, "t": t, "x": x})
            out = unit.filed
            assert ctx.get(out.valid) == (cycle >= unit.latency)
            if ctx.get(out.valid) and ctx.get(out.payload.spike):
                filed.append((ctx.get(out.payload.t), ctx.get(out.payload.x)))
            if ctx.get(out.valid) and ctx.get(out.payload.done):
                horizons.append(ctx.get(out.payload.horizon))
            await ctx.tick()

    simulate(unit, process)
    recorded = [(Filing.model(t, x, delays, steps), x) for t, x in sent]
    assert filed == [(t, x) for t, x in recorded if t is not None]
    assert horizons == [1, 13, 14, 16]


@pytest.mark.parametrize("seed", range(12))
def test_verdicts_equal_the_model(seed) -> None:
    chance = random.Random(seed)
    outputs, lanes, rows, steps = chance.randint(1, 9), 3, 3, 16
    high = chance.choice([-1, 0, 2])  # silent; ties at excess 0; whatever comes
    excess = [[chance.randint(-3, high if t > 4 else -1) for _ in range(outputs)] for t in range(steps)]
    unit = Decision(lanes=lanes, rows=rows, steps=steps, value_bits=8)
    used = -(-outputs // lanes)
    verdicts, spikes = [], []

    async def process(ctx):
        ctx.set(unit.outputs, outputs)
        ctx.set(unit.steps, steps)
        ctx.set(unit.tracing, 1)
        for _ in range(2):
            for t in range(steps):
                for row in range(used):
                    values = (excess[t] + [99] * lanes * rows)[
                        row * lanes : row * lanes + lanes
                    ]  # beyond: to be ignored
                    fires = sum((v >= 0) << k for k, v in enumerate(values))
                    payload = {"fires": fires, "row": row, "t": t, "last": row == used - 1, "values": values}
                    ctx.set(unit.rows.payload, payload)
                    ctx.set(unit.rows.valid, 1)
                    await ctx.tick()
                    ctx.set(unit.rows.valid, 0)
                    for _ in range(lanes):
                        await ctx.tick()
            for _ in range(30):
                await ctx.tick()
            verdict = unit.verdict
            assert ctx.get(verdict.decided)
            names = ("class", "step", "silent", "tie", "exact_tie")
            verdicts.append(tuple(ctx.get(verdict[name]) for name in names))
            ctx.set(unit.clear, 1)
            await ctx.tick()
            ctx.set(unit.clear, 0)

    async def trace(ctx):
        while True:
            ready = chance.random() < 0.8
            ctx.set(unit.spikes.ready, ready)
            if ready and ctx.get(unit.spikes.valid):
                spikes.append((ctx.get(unit.spikes.payload.t), ctx.get(unit.spikes.payload.x)))
            await ctx.tick()

    simulate(unit, process, background=(trace,))
    expected = Decision.model(excess)
    assert verdicts == [expected, expected]
    fired = [] if expected[2] else [(expected[1], k) for k, v in enumerate(excess[expected[1]]) if v >= 0]
    assert spikes == 2 * fired
