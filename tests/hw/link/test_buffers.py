"""The rings: nothing of what was not committed is ever seen, nothing that is needed is overwritten."""

import random
from typing import Any

import pytest
from link_bench import taking
from unit_bench import simulate

from firstspike_hw.link.buffers import ReceiveRing, TransmitRing

SIZE = 16


async def write(ctx, unit, payload):
    ctx.set(unit.restart, 1)
    await ctx.tick()
    ctx.set(unit.restart, 0)
    for byte in payload:
        ctx.set(unit.payload.payload, byte)
        ctx.set(unit.payload.valid, 1)
        await ctx.tick()
    ctx.set(unit.payload.valid, 0)


async def strobe(ctx, signal):
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)


def test_only_what_is_committed_and_fits_is_part_of_the_stream() -> None:
    chance = random.Random(1)
    payloads = [
        (bytes(chance.randrange(256) for _ in range(n)), chance.random() < 0.7) for n in (0, 1, 5, 7, 9, 4, 3, 2, 1)
    ]
    unit, found, fits = ReceiveRing(size=SIZE), [], []
    stream, expected = ReceiveRing.model(payloads, SIZE)

    async def process(ctx):
        for payload, commit in payloads:
            await write(ctx, unit, payload)
            fits.append(bool(ctx.get(unit.fits)))
            if commit and fits[-1]:
                await strobe(ctx, unit.commit)
        assert ctx.get(unit.filled) == len(stream)
        await ctx.tick().repeat(3)
        await taking(unit.bytes, found, count=len(stream))(ctx)
        await ctx.tick().repeat(3)
        assert not ctx.get(unit.bytes.valid)
        assert ctx.get(unit.used) == len(stream)

    simulate(unit, process)
    assert fits == expected
    assert not all(expected)
    assert bytes(found) == stream


@pytest.mark.parametrize("stall", [0.0, 0.5, 0.9])
def test_a_long_stream_runs_around_the_ring(stall) -> None:
    """Many times around; payloads come while others leave."""
    chance, unit, found, sent = random.Random(2), ReceiveRing(size=SIZE), [], bytearray()

    async def process(ctx):
        for _ in range(250):
            payload = bytes(chance.randrange(256) for _ in range(chance.choice([0, 1, 2, SIZE - 1, SIZE, SIZE + 1])))
            await write(ctx, unit, payload)
            if ctx.get(unit.fits) and chance.random() < 0.8:
                sent.extend(payload)
                await strobe(ctx, unit.commit)
            assert ctx.get(unit.filled) == len(sent) & 0xFFFF
            for _ in range(chance.choice([0, 0, 5, 40])):
                await ctx.tick()
        await ctx.tick().repeat(1000)

    simulate(unit, process, background=(taking(unit.bytes, found, chance, stall),), limit=60_000)
    assert bytes(found) == bytes(sent)
    assert len(sent) > 20 * SIZE


def test_a_committed_byte_is_there_after_the_latency_and_a_new_stream_begins_at_0() -> None:
    unit = ReceiveRing(size=SIZE)

    async def process(ctx):
        await write(ctx, unit, b"abc")
        await ctx.tick().repeat(5)
        assert not ctx.get(unit.bytes.valid)
        ctx.set(unit.commit, 1)
        await ctx.tick()
        ctx.set(unit.commit, 0)
        await ctx.tick().repeat(unit.latency - 1)
        assert (ctx.get(unit.bytes.valid), ctx.get(unit.bytes.payload)) == (1, ord("a"))
        await strobe(ctx, unit.clear)
        assert (ctx.get(unit.bytes.valid), ctx.get(unit.filled), ctx.get(unit.used)) == (0, 0, 0)
        await write(ctx, unit, b"x")
        await strobe(ctx, unit.commit)
        await ctx.tick().repeat(2)
        assert ctx.get(unit.bytes.payload) == ord("x")

    simulate(unit, process)


def operations(chance: random.Random, records: int) -> list[tuple[str, Any]]:
    """Records written straight on, or with their first word last; some are dropped in the middle."""
    found: list[tuple[str, Any]] = []
    for _ in range(records):
        way = chance.choice(["plain", "filled", "dropped"])
        if way != "plain":
            found.append(("reserve", 0))
        found += [("put", chance.randrange(256)) for _ in range(chance.randint(1, 6))]
        if way != "plain":
            found += [("fill", (at, chance.randrange(256))) for at in range(4 if way == "filled" else 2)]
        found.append(("drop" if way == "dropped" else "commit", 0))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_records_are_committed_whole(seed) -> None:
    """The reader follows behind, byte by byte, and frees what it has read."""
    chance = random.Random(seed)
    steps = operations(chance, 400)
    unit, found = TransmitRing(size=SIZE), bytearray()
    base = 0

    async def process(ctx):
        for at, (name, value) in enumerate(steps):
            if name in ("put", "fill"):
                while name == "put" and ctx.get(unit.room) < 1:
                    await ctx.tick()
                at_word, byte = value if name == "fill" else (0, value)
                ctx.set(unit.byte, byte)
                ctx.set(unit.at, at_word)
                ctx.set(unit.fill, name == "fill")
                ctx.set(unit.put, 1)
                ctx.set(unit.commit, steps[at + 1][0] == "commit")  # together with the last byte
                await ctx.tick()
                for strobe_ in (unit.put, unit.fill, unit.commit):
                    ctx.set(strobe_, 0)
            elif name != "commit":
                while name == "reserve" and ctx.get(unit.room) < 4:
                    await ctx.tick()
                await strobe(ctx, getattr(unit, name))
            while chance.random() < 0.2:
                await ctx.tick()
        while base % (2 * SIZE) != ctx.get(unit.tail):
            await ctx.tick()

    async def read(ctx):
        nonlocal base
        while True:
            if base % (2 * SIZE) != ctx.get(unit.tail):
                ctx.set(unit.address, base)
                await ctx.tick()
                found.append(ctx.get(unit.data))
                base += 1
                ctx.set(unit.base, base)
            await ctx.tick()

    simulate(unit, process, background=(read,), limit=12_000)
    assert bytes(found) == TransmitRing.model(steps)
    assert len(found) > 50 * SIZE


def test_room_is_what_is_not_needed_any_more() -> None:
    unit = TransmitRing(size=SIZE)

    async def process(ctx):
        assert ctx.get(unit.room) == SIZE
        for n in range(SIZE):
            ctx.set(unit.byte, n)
            ctx.set(unit.put, 1)
            ctx.set(unit.commit, n == SIZE - 1)
            await ctx.tick()
        ctx.set(unit.put, 0)
        ctx.set(unit.commit, 0)
        assert (ctx.get(unit.room), ctx.get(unit.tail)) == (0, SIZE)
        ctx.set(unit.base, 5)
        assert ctx.get(unit.room) == 5
        await strobe(ctx, unit.reserve)
        assert ctx.get(unit.room) == 1
        await strobe(ctx, unit.drop)
        assert (ctx.get(unit.room), ctx.get(unit.tail)) == (5, SIZE)
        await strobe(ctx, unit.clear)
        assert ctx.get(unit.tail) == 0

    simulate(unit, process)
