"""Input map and weight memory alone; the intake around the map is tested with the whole core."""

import random

import pytest
from unit_bench import simulate

from firstspike_contract.core.memories import slice_width
from firstspike_hw.fabric.weights import WeightMemory
from firstspike_hw.spikes.input_map import InputMap


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_every_event_is_filed_dropped_or_refused_as_the_model_says(seed, ordered) -> None:
    chance = random.Random(seed)
    unit, steps, addresses = InputMap(addresses=64, entries=64, steps=16), 16, 50
    rows = chance.sample(range(64), addresses)
    entries = [(row, chance.choice([0, 0, 3, 16])) if chance.random() < 0.8 else None for row in rows]
    images = [[(chance.randrange(18), chance.randrange(55)) for _ in range(60)] for _ in range(3)]
    seen = []

    async def process(ctx):
        ctx.set(unit.steps, steps)
        ctx.set(unit.addresses, addresses)
        ctx.set(unit.ordered, ordered)
        for x, entry in enumerate(entries):
            row, delay = entry or (0, 0)
            ctx.set(unit.host.address, x)
            ctx.set(unit.host.word, row | delay << 16 | (entry is not None) << 31)
            ctx.set(unit.host.write, 1)
            await ctx.tick()
        ctx.set(unit.host.write, 0)
        for image in images:
            ctx.set(unit.clean, 1)
            await ctx.tick()
            ctx.set(unit.clean, 0)
            filed, dropped, refused = [], 0, 0
            for cycle in range(len(image) + unit.latency):
                ctx.set(unit.events.valid, cycle < len(image))
                if cycle < len(image):
                    ctx.set(unit.events.payload, dict(zip("tx", image[cycle], strict=True)))
                out = unit.mapped.payload
                assert ctx.get(unit.mapped.valid) == (cycle >= unit.latency)
                if ctx.get(unit.mapped.valid):
                    dropped, refused = dropped + ctx.get(out.dropped), refused + ctx.get(out.refused)
                    if ctx.get(out.filed):
                        filed.append((ctx.get(out.event.t), ctx.get(out.event.x)))
                await ctx.tick()
            seen.append((filed, dropped, refused))

    simulate(unit, process)
    assert seen == [InputMap.model(image, entries, steps, ordered) for image in images]


@pytest.mark.parametrize("depth", [32, 600, 1500])
def test_a_weight_word_returns_whole_through_its_slices(depth) -> None:
    unit, chance = WeightMemory(width=8 * 7, depth=depth), random.Random(depth)
    words = {chance.randrange(depth): chance.getrandbits(56) for _ in range(20)}

    async def process(ctx):
        ctx.set(unit.write, 1)
        for address, word in words.items():
            ctx.set(unit.write_address, address)
            await ctx.tick()
            ctx.set(unit.write_data, word)  # a cycle later
        ctx.set(unit.write, 0)
        for address, word in words.items():
            ctx.set(unit.address, address)
            await ctx.tick().repeat(unit.latency)
            assert ctx.get(unit.data) == word

    simulate(unit, process)


def test_the_fast_core_takes_the_blocks_that_it_should() -> None:
    assert [slice_width(depth) for depth in (512, 513, 1024, 1025, 2048, 4096)] == [36, 18, 18, 9, 9, 9]
    assert WeightMemory.blocks(200 * 8, 2048) == 178
    assert WeightMemory.blocks(10 * 8, 1024) == 5
    assert WeightMemory.blocks(64 * 8, 4096) == 114
