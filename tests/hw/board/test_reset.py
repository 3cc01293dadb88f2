"""Compares power-on reset with its model, for clocks that are locked for lengths around the limit and lost again."""

import random

from unit_bench import check

from firstspike_hw.board.reset import PowerOnReset


def test_a_design_is_in_reset_until_its_clock_has_been_stable() -> None:
    unit, chance = PowerOnReset(), random.Random(1)
    levels = [False] * 3
    for _ in range(30):
        high = unit.cycles + chance.choice([-14, -1, 0, 1, 20])
        levels += [True] * high + [False] * chance.choice([1, 2, 30])

    async def give(ctx, level):
        ctx.set(unit.locked, level)
        await ctx.tick()

    reset = check(unit, levels, give=give, read=lambda ctx, _: [bool(ctx.get(unit.reset))], latency=unit.latency)
    assert 0 < sum(reset) < len(reset)
