"""The rings: bytes that are not committed are never seen, and bytes that are still needed are never overwritten."""

import random
from typing import Any

import link_bench
import pytest
from unit_bench import check, simulate, strobe

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


def test_only_what_is_committed_and_fits_is_part_of_the_stream() -> None:
    chance = random.Random(1)
    payloads = [
        (bytes(chance.randrange(256) for _ in range(n)), chance.random() < 0.7) for n in (0, 1, 5, 7, 9, 4, 3, 2, 1)
    ]
    unit, fits = ReceiveRing(size=SIZE), []

    async def give(ctx, item):
        payload, commit = item
        await write(ctx, unit, payload)
        fits.append(bool(ctx.get(unit.fits)))
        if commit and fits[-1]:
            await strobe(ctx, unit.commit)

    async def finish(ctx):
        """Returns the stream by payload: its bytes if committed, b"" if not committed, None if it did not fit."""
        await ctx.tick().repeat(unit.latency + 1)
        taken = [(payload, commit and fit) for (payload, commit), fit in zip(payloads, fits, strict=True)]
        stream = bytearray()
        await link_bench.taking(unit.bytes, stream, count=sum(len(payload) for payload, kept in taken if kept))(ctx)
        assert ctx.get(unit.filled) == ctx.get(unit.used) == len(stream)
        parts, found = iter(stream), []
        for (payload, kept), fit in zip(taken, fits, strict=True):
            found.append(bytes(next(parts) for _ in payload) if kept else b"" if fit else None)
        await ctx.tick().repeat(3)
        assert not ctx.get(unit.bytes.valid)
        return found

    found = check(unit, payloads, give=give, finish=finish)
    assert None in found
    assert b"" in found


@pytest.mark.parametrize("stall", [0.0, 0.5, 0.9])
def test_a_long_stream_runs_around_the_ring(stall) -> None:
    """The stream runs around many times, and payloads come while others leave."""
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

    simulate(unit, process, background=(link_bench.taking(unit.bytes, found, chance, stall),), limit=60_000)
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
    """Returns operations that write records: in order, or with the first word last, or dropped before their end."""
    found: list[tuple[str, Any]] = []
    for _ in range(records):
        way = chance.choice(["plain", "filled", "dropped"])
        if way != "plain":
            found.append(("reserve", None))
        found += [("put", chance.randrange(256)) for _ in range(chance.randint(1, 6))]
        if way != "plain":
            found += [("fill", (at, chance.randrange(256))) for at in range(4 if way == "filled" else 2)]
        found.append(("drop" if way == "dropped" else "commit", None))
    return found


def filling(unit, steps, chance):
    """Returns a `give` for the operations. It gives a commit together with the byte before it, if there is one."""
    given = 0

    async def give(ctx, item):
        nonlocal given
        name, value = item
        given += 1
        while (name == "put" and ctx.get(unit.room) < 1) or (name == "reserve" and ctx.get(unit.room) < 4):
            await ctx.tick()
        if name in ("put", "fill"):
            at, byte = value if name == "fill" else (0, value)
            ctx.set(unit.byte, byte)
            ctx.set(unit.at, at)
            ctx.set(unit.fill, name == "fill")
            ctx.set(unit.commit, steps[given : given + 1] == [("commit", None)])
            await strobe(ctx, unit.put)
            ctx.set(unit.fill, 0)
            ctx.set(unit.commit, 0)
        elif name != "commit":
            await strobe(ctx, getattr(unit, name))
        while chance.random() < 0.2:
            await ctx.tick()

    return give


@pytest.mark.parametrize("seed", range(3))
def test_records_are_committed_whole(seed) -> None:
    """The reader follows byte by byte, and frees the bytes that it has read."""
    chance = random.Random(seed)
    steps = operations(chance, 400)
    unit, base, wanted = TransmitRing(size=SIZE), 0, False

    def take(ctx):
        """Returns the byte that was asked for in the cycle before, and asks for the next one, if there is one."""
        nonlocal base, wanted
        found = [ctx.get(unit.data)] if wanted else []
        base += len(found)
        ctx.set(unit.base, base)
        ctx.set(unit.address, base)
        wanted = base % (2 * SIZE) != ctx.get(unit.tail)
        return found

    stream = check(unit, steps, give=filling(unit, steps, chance), take=take, limit=12_000)
    assert len(stream) > 50 * SIZE


def test_room_is_the_part_that_is_no_longer_needed() -> None:
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
