"""Windows of every width equal their model: they gather, clear and show beats, each after its latency."""

import random

import pytest
from unit_bench import check

from firstspike_contract.core.config import WIDE
from firstspike_hw.fabric.window import GROUP, Window, WindowGroup, beat_bits_for


def operations(chance, *, beats, width, clears, count=60):
    """Returns writes to beats in random order, with shows of random words and clears between them."""
    found = []
    for _ in range(count):
        name = chance.choice(["write", "write", "show", "clear" if clears else "show"])
        beat = chance.choice([beats[0], beats[-1], chance.choice(beats)])
        if name == "clear":
            found.append(("clear",))
        else:
            found.append((name, beat, chance.getrandbits(32 if name == "write" else width)))
    return found


def giving(unit, *, write_latency, clear_latency):
    """Returns a `give` that reads the answer to an operation after exactly its latency.

    After a write or a clear it also checks that the answer does not come earlier.
    """

    async def settled(ctx, port, cycles, before):
        await ctx.tick()
        for strobe in ("write", "clear") if unit.clears else ("write",):
            ctx.set(getattr(unit, strobe), 0)
        for _ in range(cycles - 1):
            assert before is None or ctx.get(port) == before, "the answer comes before its latency"
            await ctx.tick()
        return [ctx.get(port)]

    async def give(ctx, item):
        name, *values = item
        gathered = ctx.get(unit.gathered)
        if name == "clear":
            ctx.set(unit.clear, 1)
            return await settled(ctx, unit.gathered, clear_latency, gathered)
        ctx.set(unit.beat, values[0])
        ctx.set(unit.word if name == "write" else unit.data, values[1])
        if name == "write":
            ctx.set(unit.write, 1)
            return await settled(ctx, unit.gathered, write_latency, gathered)
        return await settled(ctx, unit.shown, unit.latency, None)

    return give


@pytest.mark.parametrize("clears", [False, True])
@pytest.mark.parametrize("width", [1, 32, 72, 32 * GROUP, 32 * GROUP + 8, 32 * 17, 8 * WIDE + 8])
def test_a_window_equals_its_model(width, clears) -> None:
    unit = Window(width=width, beat_bits=beat_bits_for([width]), clears=clears)
    chance = random.Random(width)
    inputs = operations(chance, beats=range(unit.beats), width=width, clears=clears)
    give = giving(unit, write_latency=unit.write_latency, clear_latency=2)
    assert len(set(check(unit, inputs, give=give))) > 20 or width == 1


@pytest.mark.parametrize(("first", "count"), [(0, 1), (0, GROUP), (GROUP, 3)])
def test_a_group_equals_its_model(first, count) -> None:
    """A group also ignores writes to the beats of other groups."""
    unit = WindowGroup(first=first, count=count, beat_bits=4, clears=True)
    chance = random.Random(first + count)
    inputs = operations(chance, beats=range(first, first + count), width=32 * count, clears=True)
    inputs += [("write", beat, chance.getrandbits(32)) for beat in range(16)]
    check(unit, inputs, give=giving(unit, write_latency=unit.latency, clear_latency=1))
