"""Tables of every kind of lanes: entries as the stage reads them, and words as the host reads them back."""

import random

import pytest
from unit_bench import as_plain, check

from firstspike_contract import TABLE_BITS
from firstspike_contract.core.memories import TABLE_WORD
from firstspike_hw.stage.lanes import LANES
from firstspike_hw.stage.step_tables import StepTables

STEPS = 16


def random_word(chance, v_bits):
    return {
        "gain": chance.getrandbits(TABLE_BITS),
        "rise": chance.getrandbits(TABLE_BITS),
        "threshold_change": chance.randint(-(2 ** (v_bits - 1)) + 1, 2 ** (v_bits - 1) - 1),
    }


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("lanes", LANES)
def test_entries_and_words_equal_the_model(lanes, wide) -> None:
    unit, chance = StepTables(lanes=lanes, v_bits=36, steps=STEPS, wide=wide), random.Random(1)
    inputs: list[tuple] = [("write", t, random_word(chance, 36)) for t in range(STEPS)]
    inputs += [(chance.choice(["read", "show"]), chance.choice([0, STEPS - 1, 5, 6])) for _ in range(60)]

    async def give(ctx, item):
        name, t, *values = item
        ctx.set(unit.host.write, name == "write")
        ctx.set(unit.host.active, name == "show")
        ctx.set(unit.t if name == "read" else unit.host.address, t)
        if values:
            ctx.set(unit.host.word, TABLE_WORD.pack(**values[0]) % 2**TABLE_WORD.bits)
        await ctx.tick()
        if name == "show":  # the host waits for its word, and `active` stays 1
            await ctx.tick().repeat(unit.latency + wide - 1)
            return [TABLE_WORD.unpack(ctx.get(unit.host.data))]
        return None

    def read(ctx, item):
        return [as_plain(ctx.get(unit.table))] if item[0] == "read" else []

    check(unit, inputs, give=give, read=read, latency=unit.latency)
