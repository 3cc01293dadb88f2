"""COBS: equal to the package `cobs` in every byte, at the boundaries of its groups and on anything else."""

import random

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st
from link_bench import giving, taking
from unit_bench import simulate

from firstspike_hw.link.cobs import Decoder, Encoder

BOUNDARIES = (0, 1, 2, 252, 253, 254, 255, 256, 507, 508, 509, 510, 1038)


def frames() -> list[bytes]:
    """Around the boundaries of groups, without zeros, ending in one, all zeros, and mixed."""
    chance = random.Random(1)
    found = [bytes(chance.randrange(1, 256) for _ in range(n)) for n in BOUNDARIES]
    found += [bytes([*frame[:-1], 0]) for frame in found if 0 < len(frame) < 600]
    found += [bytes(n) for n in (1, 2, 255)]
    found += [bytes(chance.choice([0, 1, 255, chance.randrange(256)]) for _ in range(40)) for _ in range(10)]
    found += [b"\x01" * 254 + b"\0", b"\x01" * 254 + b"\0\0", b"\0" + b"\x01" * 254, b"\x01" * 254 + b"\0" + b"\x02"]
    return found


@given(st.binary(max_size=600) | st.lists(st.sampled_from([0, 1, 255]), max_size=600).map(bytes))
def test_the_models_are_the_package(data) -> None:
    assert Encoder.model(data) == cobs.encode(data) + b"\0"
    assert Decoder.model(Encoder.model(data)) == [(data, False)]


@given(st.binary(max_size=40))
def test_the_model_finds_damaged_what_the_package_refuses(data) -> None:
    pieces = [piece for piece in (data + b"\0").split(b"\0") if piece]
    found = Decoder.model(data + b"\0")
    assert len(found) == len(pieces)
    for piece, (plain, damaged) in zip(pieces, found, strict=True):
        try:
            assert (cobs.decode(piece), False) == (plain, damaged)
        except cobs.DecodeError:
            assert damaged


@pytest.mark.parametrize(("gap", "stall"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.7)])
def test_frames_are_encoded(gap, stall) -> None:
    data = frames()[:: 1 if gap == stall else 4]
    expected = b"".join(cobs.encode(frame) + b"\0" for frame in data)
    unit, found, chance = Encoder(), [], random.Random(2)
    tokens = [{"data": byte, "end": end} for frame in data for byte, end in (*((byte, 0) for byte in frame), (0, 1))]
    simulate(
        unit,
        giving(unit.tokens, tokens, chance, gap),
        taking(unit.bytes, found, chance, stall, len(expected)),
        limit=100_000,
    )
    assert bytes(found) == expected


def test_a_slow_line_holds_the_encoder_back_and_loses_nothing() -> None:
    """A byte in forty cycles, as at the quickest line: the ring fills, and never runs over."""
    data = [bytes(300), bytes([7]) * 600, bytes(range(256)) * 2]
    expected, unit, found = b"".join(map(Encoder.model, data)), Encoder(), []
    tokens = [{"data": byte, "end": end} for frame in data for byte, end in (*((byte, 0) for byte in frame), (0, 1))]

    async def line(ctx):
        held_back = False
        while len(found) < len(expected):
            await ctx.tick().repeat(5)
            ctx.set(unit.bytes.ready, 1)
            if ctx.get(unit.bytes.valid):
                found.append(ctx.get(unit.bytes.payload))
            await ctx.tick()
            ctx.set(unit.bytes.ready, 0)
            held_back |= bool(ctx.get(unit.tokens.valid) and not ctx.get(unit.tokens.ready))
        assert held_back

    simulate(unit, giving(unit.tokens, tokens), line, limit=20_000)
    assert bytes(found) == expected


def test_a_group_leaves_as_soon_as_it_is_complete() -> None:
    unit, taken, left = Encoder(), [], []

    async def process(ctx):
        ctx.set(unit.bytes.ready, 1)
        ctx.set(unit.tokens.valid, 1)
        cycle = 0
        for byte in (5, 6, 0):
            ctx.set(unit.tokens.payload, {"data": byte, "end": 0})
            ready = 0
            while not ready:
                *_, ready = await ctx.tick().sample(unit.tokens.ready)
                cycle += 1
            taken.append(cycle)
        ctx.set(unit.tokens.valid, 0)
        await ctx.tick().repeat(20)

    async def watch(ctx):
        cycle = 0
        async for *_, valid, byte in ctx.tick().sample(unit.bytes.valid, unit.bytes.payload):
            cycle += 1
            if valid:
                left.append((cycle, byte))

    simulate(unit, process, background=(watch,))
    first = taken[-1] + unit.latency
    assert taken == [2, 3, 4]  # a cycle before the first, to open the group
    assert left == [(first, 3), (first + 1, 5), (first + 2, 6)]


@pytest.mark.parametrize("gap", [0, 1])
def test_frames_are_decoded_and_damage_is_seen(gap) -> None:
    chance = random.Random(3)
    pieces = [cobs.encode(frame) for frame in frames()[:: 1 + 3 * gap]]
    pieces += [piece[:-1] for piece in pieces if len(piece) > 1]  # cut off
    pieces += [bytes(chance.randrange(1, 256) for _ in range(chance.randint(1, 30))) for _ in range(80)]
    chance.shuffle(pieces)
    line = b"\0" + b"\0\0".join(pieces) + b"\0"
    unit, found, piece = Decoder(), [], bytearray()

    async def process(ctx):
        for byte in line:
            ctx.set(unit.bytes.payload, byte)
            ctx.set(unit.bytes.valid, 1)
            if ctx.get(unit.data.valid):
                piece.append(ctx.get(unit.data.payload))
            if ctx.get(unit.end):
                found.append((bytes(piece), bool(ctx.get(unit.damaged))))
                piece.clear()
            await ctx.tick()
            ctx.set(unit.bytes.valid, 0)
            for _ in range(gap):
                await ctx.tick()

    simulate(unit, process, limit=200_000)
    assert found == Decoder.model(line)
    assert len(found) == len(pieces)
    assert 0 < sum(damaged for _, damaged in found) < len(found)
