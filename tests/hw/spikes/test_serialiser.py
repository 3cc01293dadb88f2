"""Serialiser, filing and decision: rows of fired lanes become spikes, recorded spikes, and a verdict."""

import random

import pytest
from unit_bench import check, cycles_until, fill, offering, seen, strobe, taking

from firstspike_hw.spikes.decision import Decision
from firstspike_hw.spikes.filing import Filing
from firstspike_hw.spikes.serialiser import Serialiser, message_layout

STEPS = 16


def acknowledged(offer, taken, depth):
    """Returns a `give` that keeps at most `depth` items in the unit, and a process that counts the strobes `taken`."""
    waiting = 0

    async def give(ctx, item):
        nonlocal waiting
        while waiting >= depth:
            await ctx.tick()
        waiting += 1
        await offer(ctx, item)

    async def count(ctx):
        nonlocal waiting
        while True:
            waiting -= ctx.get(taken)
            await ctx.tick()

    return give, count


def row_fields(row):
    return dict(zip(("fires", "row", "t", "last"), row, strict=True))


def message_of(payload):
    """Returns a message of the serialiser in the form of the model."""
    return payload.t, payload.x if payload.spike else None, bool(payload.done)


def random_rows(chance, lanes):
    return [
        (chance.getrandbits(lanes) & chance.getrandbits(lanes) if chance.random() < 0.6 else 0, r, t, r == 1)
        for t in range(STEPS)
        for r in range(2)
    ]


@pytest.mark.parametrize("lanes", [1, 5, 16, 40])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_spikes_come_in_order_and_steps_end(lanes, stall) -> None:
    unit, chance = Serialiser(lanes=lanes, rows=2, steps=STEPS), random.Random(lanes)
    give, count = acknowledged(offering(unit.rows, row_fields), unit.taken, unit.depth)
    take = taking(unit.messages, message_of, chance=chance, stall=stall)
    check(unit, random_rows(chance, lanes), give=give, take=take, background=(count,))


@pytest.mark.parametrize("lanes", [1, 5, 40])
def test_a_row_that_does_not_wait_is_sent_after_the_latency(lanes) -> None:
    unit = Serialiser(lanes=lanes, rows=2, steps=STEPS)
    offer = offering(unit.rows, row_fields)

    async def give(ctx, row):
        await ctx.tick().repeat(lanes + 2 * unit.latency)
        await offer(ctx, row)

    take = taking(unit.messages, message_of)
    check(unit, random_rows(random.Random(lanes), lanes), give=give, take=take, latency=unit.latency)


def filed_of(payload):
    """Returns a message of the filing in the form of the model."""
    return (payload.t, payload.x) if payload.spike else None, payload.horizon if payload.done else None


def test_delays_are_added_and_late_spikes_and_unused_lanes_are_not_filed() -> None:
    unit = Filing(message=message_layout(lanes=4, rows=2, steps=STEPS), neurons=8, steps=STEPS)
    delays, chance = [0, 3, 16, 1], random.Random(1)
    inputs: list[tuple] = [("set", {"steps": STEPS, "delays": delays})]
    inputs += [("message", True, x == 5, t, x) for t in (0, 12, 13, 15) for x in range(6)]
    inputs += [
        ("message", chance.random() < 0.7, chance.random() < 0.3, chance.randrange(STEPS), x % 8) for x in range(60)
    ]
    offer = offering(unit.messages, chance=chance, gap=0.2)

    async def give(ctx, item):
        name, *values = item
        if name == "set":
            ctx.set(unit.outputs, len(delays))
            ctx.set(unit.steps, STEPS)
            await fill(ctx, unit.delays, [*delays, 0, 0])
        else:
            await offer(ctx, dict(zip(("spike", "done", "t", "x"), values, strict=True)))

    found = check(unit, inputs, give=give, take=seen(unit.filed, filed_of), latency=unit.latency)
    assert [horizon for _, horizon in found[:24] if horizon is not None] == [1, 13, 14, 16]


VERDICT = ("class", "step", "silent", "tie", "exact_tie", "fired")


@pytest.mark.parametrize("seed", range(12))
def test_verdicts_equal_the_model(seed) -> None:
    chance, lanes, rows = random.Random(seed), 3, 3
    outputs = chance.randint(1, lanes * rows)
    high = chance.choice([-1, 0, 2])  # a silent image; ties at excess 0; any excess up to 2
    images = [
        [[chance.randint(-3, high if t > 4 else -1) for _ in range(outputs)] for t in range(STEPS)] for _ in range(3)
    ]
    below = [[chance.randint(-3, -1) for _ in range(outputs)] for _ in range(STEPS - 1)]
    images.append([*below, [chance.randint(-3, 3) for _ in range(outputs)]])  # all outputs are candidates at T-1
    unit = Decision(lanes=lanes, rows=rows, steps=STEPS, value_bits=8)
    used = -(-outputs // lanes)
    spikes: list[tuple[int, int]] = []

    async def rows_of(ctx, t, excess):
        padded = excess + [99] * lanes * rows  # lanes beyond the outputs are to be ignored
        for row in range(used):
            values = padded[row * lanes : (row + 1) * lanes]
            fires = sum((v >= 0) << k for k, v in enumerate(values))
            payload = {"fires": fires, "row": row, "t": t, "last": row == used - 1, "values": values}
            ctx.set(unit.rows.payload, payload)
            await strobe(ctx, unit.rows.valid)
            await ctx.tick().repeat(lanes)

    async def give(ctx, image):
        ctx.set(unit.outputs, outputs)
        ctx.set(unit.steps, STEPS)
        ctx.set(unit.tracing, 1)
        for t, excess in enumerate(image):
            await rows_of(ctx, t, excess)
        await ctx.tick().repeat(30)
        assert ctx.get(unit.verdict.decided)
        verdict = tuple(ctx.get(unit.verdict[name]) for name in VERDICT)
        await strobe(ctx, unit.clear)
        return [verdict]

    trace = taking(unit.spikes, lambda spike: (spike.t, spike.x), chance=chance, stall=0.2)

    def take(ctx):
        spikes.extend(trace(ctx))
        return []

    verdicts = check(unit, images, give=give, take=take)
    fired = [
        (step, k)
        for image, (_, step, *_) in zip(images, verdicts, strict=True)
        for k, v in enumerate(image[step])
        if v >= 0
    ]
    assert spikes == fired


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_row_that_decides_alone_gives_the_verdict_after_the_latency(lanes) -> None:
    unit = Decision(lanes=lanes, rows=1, steps=STEPS, value_bits=8)

    async def start(ctx):
        ctx.set(unit.outputs, lanes)
        ctx.set(unit.steps, STEPS)
        ctx.set(unit.rows.payload, {"fires": 1, "t": 3, "last": 1, "values": [5, -1, -1][:lanes]})
        ctx.set(unit.rows.valid, 1)

    assert cycles_until(unit, start, unit.verdict.decided) == unit.latency
