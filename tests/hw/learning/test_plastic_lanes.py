"""Plastic lanes: every weight in every direction, and random operations against the model."""

import random

import pytest
from amaranth.hdl import Cat, Elaboratable, Module, Signal
from unit_bench import simulate

from firstspike_contract.arithmetic.random_bits import CHANCE_MAX, chances, row_state
from firstspike_hw.learning.plastic_lanes import PlasticLanes, taps
from firstspike_hw.learning.row_bits import row_bits_layout


def as_bytes(weights: list[int]) -> int:
    return int.from_bytes(bytes(w & 0xFF for w in weights), "little")


def as_weights(word: int, lanes: int) -> list[int]:
    return [b - 256 if b > 127 else b for b in word.to_bytes(lanes, "little")]


def test_every_weight_moves_by_one_and_stays_in_range() -> None:
    unit = PlasticLanes(lanes=3, rows=1)
    weights = list(range(-127, 128))
    expected, seen = [[unit.model(w, d, [], 0) for d in (1, -1, 0)] for w in weights], []

    async def process(ctx):
        for lane, delta in ((0, {"moves": 1, "up": 1}), (1, {"moves": 1, "up": 0}), (2, {"moves": 0, "up": 1})):
            ctx.set(unit.operation, {"mark": 1, "delta": delta})
            await ctx.tick()
            ctx.set(unit.high, 1 << lane)
            ctx.set(unit.low, 0b111)
        for cycle in range(len(weights) + unit.latency):
            weight = weights[min(cycle, len(weights) - 1)]
            ctx.set(unit.operation, {"learn": 1})
            ctx.set(unit.weights, as_bytes([weight] * 3))
            if cycle >= unit.latency:
                seen.append(as_weights(ctx.get(unit.word), 3))
            await ctx.tick()

    simulate(unit, process)
    assert seen == expected
    assert seen[0] == [-126, -127, -127]
    assert seen[-1] == [127, 126, 127]


def as_bits(values) -> int:
    return sum(bool(value) << k for k, value in enumerate(values))


def chosen_by(chance: random.Random, lanes: int, lane: int | None) -> dict[str, int]:
    """`high` and `low`, both 1 for this lane alone."""
    high, low = chance.getrandbits(lanes), chance.getrandbits(lanes)
    mine = 0 if lane is None else 1 << lane
    return {"high": high | mine, "low": low & ~high | mine}


@pytest.mark.parametrize(("lanes", "rows"), [(5, 1), (18, 3), (4, 16)])
def test_random_operations_equal_the_model(lanes, rows) -> None:
    chance, unit, p, every = random.Random(lanes), PlasticLanes(lanes=lanes, rows=rows), 2, 2**lanes - 1
    deltas = [[0] * lanes for _ in range(rows)]
    inputs = [{"operation": {"clear": 1, "row": row}, "high": every, "low": every} for row in range(rows)]
    signs: list = [None] * rows
    words: list = [None] * rows
    for _ in range(300):
        row, kind = chance.randrange(rows), chance.random()
        step: dict = {"operation": {}, "weights": chance.getrandbits(8 * lanes)}
        sign, word = {"negative": 0, "moves": 0, "up": 0}, [0] * lanes
        if kind < 0.4:  # one lane is marked, or none of this group
            chosen = chance.choice([*range(lanes), None])
            delta = chance.choice([-1, 0, 1])
            if chosen is not None:
                deltas[row][chosen] = delta
            value = {"moves": delta != 0, "up": delta > 0}
            step |= {"operation": {"mark": 1, "row": row, "delta": value}}
            step |= chosen_by(chance, lanes, chosen)
        elif kind < 0.45:
            deltas[row] = [0] * lanes
            step |= {"operation": {"clear": 1, "row": row}, "high": every, "low": every}
        elif kind < 0.95:
            weights = [chance.choice([-127, -1, 0, 1, 127, chance.randint(-127, 127)]) for _ in range(lanes)]
            u, v = chance.getrandbits(lanes * CHANCE_MAX), chance.getrandbits(lanes * CHANCE_MAX)
            hits = [[(u ^ v) >> CHANCE_MAX * k + n & 1 for n in range(CHANCE_MAX)] for k in range(lanes)]
            now = deltas[row]
            step |= {"operation": {"learn": 1, "row": row}, "weights": as_bytes(weights), "u": u, "v": v}
            word = [unit.model(w, d, h, p) for w, d, h in zip(weights, now, hits, strict=True)]
            sign = {
                "negative": as_bits(w < 0 for w in weights),
                "moves": as_bits(d != 0 for d in now),
                "up": as_bits(d > 0 for d in now),
            }
        inputs.append(step)
        signs.append(sign)
        words.append(word)
    seen_signs, seen_words = [], []

    async def process(ctx):
        ctx.set(unit.chance, 2**p - 1)
        for cycle in range(len(inputs) + unit.latency):
            step = inputs[cycle] if cycle < len(inputs) else {"operation": {}}
            ctx.set(unit.operation, step["operation"])
            ctx.set(unit.weights, step.get("weights", 0))
            if 1 <= cycle <= len(inputs):  # these come a cycle later
                for name in ("high", "low", "u", "v"):
                    ctx.set(getattr(unit, name), inputs[cycle - 1].get(name, 0))
            if unit.known <= cycle < len(inputs) + unit.known:
                moves = ctx.get(unit.moves)
                seen_signs.append({"negative": ctx.get(unit.negative), "moves": moves, "up": ctx.get(unit.up) & moves})
            if cycle >= unit.latency:
                seen_words.append(as_weights(ctx.get(unit.word), lanes))
            await ctx.tick()

    simulate(unit, process)
    assert seen_signs[rows:] == signs[rows:]
    assert seen_words[rows:] == words[rows:]


def test_the_host_writes_through_it() -> None:
    unit = PlasticLanes(lanes=4, rows=2)

    async def process(ctx):
        for _ in range(unit.latency):  # nothing to learn
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
