"""Plastic lanes: every weight moves in every direction, and random operations equal the model."""

import random

import pytest
from amaranth.hdl import Cat, Elaboratable, Module, Signal
from unit_bench import check, simulate

from firstspike_contract.arithmetic.random_bits import CHANCE_MAX, chances, row_state
from firstspike_hw.learning.plastic_lanes import PlasticLanes, taps
from firstspike_hw.learning.row_bits import row_bits_layout


def as_bytes(weights: list[int]) -> int:
    return int.from_bytes(bytes(w & 0xFF for w in weights), "little")


def as_weights(word: int, lanes: int) -> list[int]:
    return [b - 256 if b > 127 else b for b in word.to_bytes(lanes, "little")]


def driving(unit):
    """Returns the arguments of `check` for the operations of the model, each of which takes one cycle."""
    lanes, every, later, signs = unit.lanes, 2**unit.lanes - 1, {}, []

    async def finish(ctx):
        """Sets the ports whose values belong to the operation of the cycle before."""
        for port in ("high", "low", "u", "v"):
            ctx.set(getattr(unit, port), later.get(port, 0))
        later.clear()
        return []

    async def give(ctx, item):
        name, *values = item
        await finish(ctx)
        if name == "set":
            ctx.set(unit.chance, 2 ** values[0]["p"] - 1)
        operation = {name: 1, "row": values[0]} if name != "set" else {}
        if name == "clear":
            later.update(high=every, low=every)
        elif name == "mark":
            operation["delta"] = {"moves": values[2] != 0, "up": values[2] > 0}
            later.update(chosen_by(random.Random(lanes), lanes, values[1]))
        elif name == "learn":
            ctx.set(unit.weights, as_bytes(values[1]))
            hits, other = sum(as_bits(h) << CHANCE_MAX * k for k, h in enumerate(values[2])), 0x5A5A5A
            later.update(u=hits ^ other, v=other)
        ctx.set(unit.operation, operation)
        await ctx.tick()

    def take(ctx):
        """Keeps `negative`, `moves` and `up` of the two latest cycles; they come a cycle before the weights."""
        signs[:] = [*signs[-1:], tuple(ctx.get(port) for port in (unit.negative, unit.moves, unit.up))]
        return []

    def read(ctx, item):
        (negative, moves, up), word = signs[0], as_weights(ctx.get(unit.word), lanes)
        if item[0] != "learn":
            assert (moves, word) == (0, [0] * lanes), "without a learn nothing moves"
            return []
        assert negative == as_bits(weight < 0 for weight in item[2])
        deltas = [(moves >> k & 1) * (1 if up >> k & 1 else -1) for k in range(lanes)]
        return [(deltas, word)]

    return {"give": give, "finish": finish, "take": take, "read": read, "latency": unit.latency}


def test_every_weight_moves_by_one_and_stays_in_range() -> None:
    unit = PlasticLanes(lanes=3, rows=1)
    hits = [[0] * CHANCE_MAX] * 3
    given: list[tuple] = [("set", {"p": 0}), ("clear", 0), ("mark", 0, 0, 1), ("mark", 0, 1, -1)]
    given += [("learn", 0, [weight] * 3, hits) for weight in range(-127, 128)]
    learnt = check(unit, given, **driving(unit))
    assert learnt[0] == ([1, -1, 0], [-126, -127, -127])
    assert learnt[-1] == ([1, -1, 0], [127, 126, 127])


def as_bits(values) -> int:
    return sum(bool(value) << k for k, value in enumerate(values))


def chosen_by(chance: random.Random, lanes: int, lane: int | None) -> dict[str, int]:
    """Returns random `high` and `low`, both of which are 1 for this lane alone."""
    high, low = chance.getrandbits(lanes), chance.getrandbits(lanes)
    mine = 0 if lane is None else 1 << lane
    return {"high": high | mine, "low": low & ~high | mine}


@pytest.mark.parametrize(("lanes", "rows"), [(5, 1), (18, 3), (4, 16)])
def test_random_operations_equal_the_model(lanes, rows) -> None:
    chance, unit = random.Random(lanes), PlasticLanes(lanes=lanes, rows=rows)
    given: list[tuple] = [("set", {"p": 2}), *(("clear", row) for row in range(rows))]
    for _ in range(300):
        row, kind = chance.randrange(rows), chance.random()
        if kind < 0.4:  # one lane is marked, or none of this group
            given.append(("mark", row, chance.choice([*range(lanes), None]), chance.choice([-1, 0, 1])))
        elif kind < 0.45:
            given.append(("clear", row))
        else:
            weights = [chance.choice([-127, -1, 0, 1, 127, chance.randint(-127, 127)]) for _ in range(lanes)]
            hits = [[chance.getrandbits(1) for _ in range(CHANCE_MAX)] for _ in range(lanes)]
            given.append(("learn", row, weights, hits))
    check(unit, given, **driving(unit))


def test_words_of_the_host_pass_unchanged() -> None:
    unit = PlasticLanes(lanes=4, rows=2)

    async def process(ctx):
        for _ in range(unit.latency):  # until nothing is being learnt
            await ctx.tick()
        ctx.set(unit.host_word, as_bytes([-127, 0, 127, 5]))
        await ctx.tick()
        assert as_weights(ctx.get(unit.word), 4) == [-127, 0, 127, 5]

    simulate(unit, process)


class Tapped(Elaboratable):
    """Lanes first .. first + lanes - 1 of a stage, with their taps of the random bits."""

    def __init__(self, first: int, lanes: int) -> None:
        self.first, self.bits = first, Signal(row_bits_layout())
        self.unit = PlasticLanes(lanes=lanes, rows=1)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.unit = self.unit
        u, v = zip(*(taps(self.bits, self.first + k) for k in range(self.unit.lanes)), strict=True)
        m.d.comb += [self.unit.u.eq(Cat(u)), self.unit.v.eq(Cat(v))]
        return m


@pytest.mark.parametrize("p", range(CHANCE_MAX + 1))
def test_the_random_bits_are_those_of_the_contract(p) -> None:
    lanes, first = 40, 50
    tapped, bits = Tapped(first, lanes), row_state((p, 12345), 0, 3)
    unit, expected = tapped.unit, chances(bits, p, first + lanes)[first:]

    async def process(ctx):
        ctx.set(unit.chance, 2**p - 1)
        ctx.set(unit.operation, {"mark": 1, "delta": {"moves": 1, "up": 1}})
        await ctx.tick()
        ctx.set(unit.high, 2**lanes - 1)
        ctx.set(unit.low, 2**lanes - 1)
        ctx.set(unit.operation, {"learn": 1})
        ctx.set(unit.weights, 0)
        ctx.set(tapped.bits, {"u": bits[0], "v": bits[1]})
        for _ in range(unit.latency):
            await ctx.tick()
        assert as_weights(ctx.get(unit.word), lanes) == expected.astype(int).tolist()

    simulate(tapped, process)
