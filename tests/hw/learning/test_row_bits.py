# amaranth: UnusedElaboratable=no
"""The gateware's random bits equal the contract's for images and layers, with one row in each cycle."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from unit_bench import check, strobe

from firstspike_contract.arithmetic.random_bits import STATE_ROUNDS
from firstspike_hw.learning.plastic_lanes import turned
from firstspike_hw.learning.row_bits import RowBits, row_bits_layout


@pytest.mark.parametrize(("inputs", "layers"), [(1, 1), (24, 3), (1024, 2), (1040, 4)])
def test_rows_equal_the_contract(inputs, layers) -> None:
    chance, unit = random.Random(inputs), RowBits(inputs=inputs, layers=layers)
    images = [(0, 0), (2**32 - 1, 2**32 - 1)] + [(chance.getrandbits(32), chance.getrandbits(32)) for _ in range(2)]
    given: list[tuple] = []
    for seed, count in images:
        given.append(("image", seed, count))
        rows = [chance.choice([0, inputs - 1, chance.randrange(inputs)]) for _ in range(30)]
        given += [("row", chance.randrange(layers), row) for row in rows]

    async def give(ctx, item):
        name, *values = item
        if name == "row":
            ctx.set(unit.layer, values[0])
            ctx.set(unit.row, values[1])
            await ctx.tick()
            return
        await ctx.tick().repeat(unit.latency)  # until the rows before have their bits
        ctx.set(unit.seed, values[0])
        ctx.set(unit.count, values[1])
        await strobe(ctx, unit.start)
        cycles = 1
        while not ctx.get(unit.ready):
            await ctx.tick()
            cycles += 1
        assert cycles == STATE_ROUNDS + 1

    def read(ctx, item):
        return [(ctx.get(unit.bits.u), ctx.get(unit.bits.v))] if item[0] == "row" else []

    check(unit, given, give=give, read=read, latency=unit.latency)


def test_more_rows_or_layers_than_there_are_keys_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^RowBits: inputs is a whole number in 1..65536, not 65537$"):
        RowBits(inputs=65537, layers=2)
    with pytest.raises(ValueError, match=r"^RowBits: 16 rows in 17 layers are too many; 65536 rows in 16 layers fit$"):
        RowBits(inputs=16, layers=17)


class Turn(wiring.Component):
    """A circuit that turns the random bits of one row of `lanes` lanes into those of the next row."""

    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__({"bits": In(row_bits_layout()), "after": Out(row_bits_layout())})

    def elaborate(self, platform):
        m = Module()
        u, v = turned(self.bits, self.lanes)
        m.d.comb += [self.after.u.eq(u), self.after.v.eq(v)]
        return m


@pytest.mark.parametrize("lanes", [1, 10, 64, 63, 200])
def test_the_next_row_sees_the_bits_of_its_own_neurons(lanes) -> None:
    unit, chance = Turn(lanes), random.Random(lanes)
    simulator = Simulator(unit)

    async def check(ctx):
        words = chance.getrandbits(64), chance.getrandbits(63)
        ctx.set(unit.bits, dict(zip("uv", words, strict=True)))
        await ctx.delay(1e-9)
        after = ctx.get(unit.after.u), ctx.get(unit.after.v)
        for word, later, count in zip(words, after, (64, 63), strict=True):
            assert all(later >> i & 1 == word >> (i + lanes) % count & 1 for i in range(count))

    simulator.add_testbench(check)
    simulator.run()
