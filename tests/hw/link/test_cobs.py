# amaranth: UnusedElaboratable=no
"""COBS: encoder and decoder equal the package `cobs` in every byte, at the boundaries of groups and elsewhere."""

import random

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st
from unit_bench import check, offering, simulate, strobe, taking

from firstspike_hw.link.cobs import Decoder, Encoder

ENCODER, DECODER = Encoder(), Decoder()  # for their models
BOUNDARIES = (0, 1, 2, 252, 253, 254, 255, 256, 507, 508, 509, 510, 1038)


def frames() -> list[bytes]:
    """Returns frames as long as groups, or nearly: without zeros, with a zero at the end, all zeros, and mixed."""
    chance = random.Random(1)
    found = [bytes(chance.randrange(1, 256) for _ in range(n)) for n in BOUNDARIES]
    found += [bytes([*frame[:-1], 0]) for frame in found if 0 < len(frame) < 600]
    found += [bytes(n) for n in (1, 2, 255)]
    found += [bytes(chance.choice([0, 1, 255, chance.randrange(256)]) for _ in range(40)) for _ in range(10)]
    found += [b"\x01" * 254 + b"\0", b"\x01" * 254 + b"\0\0", b"\0" + b"\x01" * 254, b"\x01" * 254 + b"\0" + b"\x02"]
    return found


def tokens_of(data: list[bytes]) -> list[tuple[int, int]]:
    """Returns the frames as tokens (data, end)."""
    return [token for frame in data for token in (*((byte, 0) for byte in frame), (0, 1))]


def token_fields(token):
    return dict(zip(("data", "end"), token, strict=True))


@given(st.binary(max_size=600) | st.lists(st.sampled_from([0, 1, 255]), max_size=600).map(bytes))
def test_the_models_are_the_package(data) -> None:
    coded = bytes(ENCODER.model(tokens_of([data])))
    assert coded == cobs.encode(data) + b"\0"
    assert DECODER.model(coded) == [(data, False)]


@given(st.binary(max_size=40))
def test_the_model_finds_damaged_what_the_package_refuses(data) -> None:
    pieces = [piece for piece in (data + b"\0").split(b"\0") if piece]
    found = DECODER.model(data + b"\0")
    assert len(found) == len(pieces)
    for piece, (plain, damaged) in zip(pieces, found, strict=True):
        try:
            assert (cobs.decode(piece), False) == (plain, damaged)
        except cobs.DecodeError:
            assert damaged


# The tests that compare whole lists of frames are slow tier: the Amaranth simulator needs a minute for them, and cocotb
# (tests/hw/cocotb/unit_link.py) sends frames of the same lengths through the same units in every run.
@pytest.mark.slow
@pytest.mark.parametrize(("gap", "stall"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.7)])
def test_frames_are_encoded(gap, stall) -> None:
    data, unit, chance = frames()[:: 1 if gap == stall else 4], Encoder(), random.Random(2)
    give = offering(unit.tokens, token_fields, chance=chance, gap=gap)
    take = taking(unit.bytes, chance=chance, stall=stall)
    coded = check(unit, tokens_of(data), give=give, take=take, limit=100_000)
    assert bytes(coded) == b"".join(cobs.encode(frame) + b"\0" for frame in data)


@pytest.mark.slow
def test_a_slow_line_holds_the_encoder_back_and_loses_nothing() -> None:
    """The line takes one byte in seven cycles, so the ring fills; it must never overflow."""
    data = [bytes(300), bytes([7]) * 600, bytes(range(256)) * 2]
    unit, held_back, cycle = Encoder(), False, 0

    def line(ctx):
        nonlocal held_back, cycle
        cycle += 1
        held_back |= bool(ctx.get(unit.tokens.valid) and not ctx.get(unit.tokens.ready))
        ready = cycle % 7 == 0
        ctx.set(unit.bytes.ready, ready)
        return [ctx.get(unit.bytes.payload)] if ready and ctx.get(unit.bytes.valid) else []

    check(unit, tokens_of(data), give=offering(unit.tokens, token_fields), take=line, limit=20_000)
    assert held_back


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
    assert taken == [2, 3, 4]  # the encoder opens the group in the cycle before the first byte
    assert left == [(first, 3), (first + 1, 5), (first + 2, 6)]


@pytest.mark.slow
@pytest.mark.parametrize("gap", [0, 1])
def test_frames_are_decoded_and_damage_is_seen(gap) -> None:
    chance = random.Random(3)
    pieces = [cobs.encode(frame) for frame in frames()[:: 1 + 3 * gap]]
    pieces += [piece[:-1] for piece in pieces if len(piece) > 1]  # cut off
    pieces += [bytes(chance.randrange(1, 256) for _ in range(chance.randint(1, 30))) for _ in range(80)]
    chance.shuffle(pieces)
    line = b"\0" + b"\0\0".join(pieces) + b"\0"
    unit, piece = Decoder(), bytearray()

    async def give(ctx, byte):
        ctx.set(unit.bytes.payload, byte)
        await strobe(ctx, unit.bytes.valid)
        for _ in range(gap):
            await ctx.tick()

    def take(ctx):
        if ctx.get(unit.data.valid):
            piece.append(ctx.get(unit.data.payload))
        if not ctx.get(unit.end):
            return []
        found = [(bytes(piece), bool(ctx.get(unit.damaged)))]
        piece.clear()
        return found

    found = check(unit, line, give=give, take=take, latency=None if gap else unit.latency, limit=200_000)
    assert len(found) == len(pieces)
    assert 0 < sum(damaged for _, damaged in found) < len(found)
