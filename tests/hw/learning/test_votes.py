"""The delta unit against the rule: rows one a cycle, several rows to a neuron, neurons back to back."""

import random

import pytest
from unit_bench import simulate

from firstspike_hw.learning.votes import Votes


@pytest.mark.parametrize(("lanes", "rows"), [(1, 1), (10, 1), (10, 4), (33, 1), (70, 3)])
def test_signs_equal_the_model(lanes, rows) -> None:
    chance, unit = random.Random(lanes), Votes(lanes=lanes, rows=rows)
    neurons = []
    for n in range(40):
        busy = chance.choice([0.0, 0.1, 1.0])
        deltas = [chance.choice([-1, 1]) if chance.random() < busy else 0 for _ in range(lanes * rows)]
        if n == 1:
            deltas = [1] * (lanes * rows)  # the largest sum
        weights = [127 if n == 1 else chance.randint(-127, 127) for _ in deltas]
        neurons.append((weights, deltas, 1 if n < 5 else chance.randint(1, rows)))
    sums = []

    async def feed(ctx):
        for weights, deltas, used in neurons:
            for row in range(used):
                part = slice(row * lanes, (row + 1) * lanes)
                bits = {
                    "negative": sum((w < 0) << k for k, w in enumerate(weights[part])),
                    "moves": sum((d != 0) << k for k, d in enumerate(deltas[part])),
                    "up": sum((d > 0) << k for k, d in enumerate(deltas[part])),
                    "last": row == used - 1,
                }
                ctx.set(unit.rows.payload, bits)
                ctx.set(unit.rows.valid, 1)
                await ctx.tick()
            ctx.set(unit.rows.valid, 0)
            if chance.random() < 0.5:
                await ctx.tick()
        for _ in range(unit.latency):
            await ctx.tick()

    async def collect(ctx):
        while True:
            if ctx.get(unit.sum.valid):
                total = ctx.get(unit.sum.payload)
                sums.append((total > 0) - (total < 0))
            await ctx.tick()

    simulate(unit, feed, background=[collect])
    used = [(w[: n * lanes], d[: n * lanes]) for w, d, n in neurons]
    assert sums == [unit.model(weights, deltas) for weights, deltas in used]


def test_the_model_is_the_rule_of_the_design() -> None:
    """up = popcount((s & plus) | (~s & minus)), down = popcount((s & minus) | (~s & plus)), delta = sign(up - down)."""
    chance = random.Random(1)
    for _ in range(300):
        weights = [chance.randint(-2, 2) for _ in range(6)]
        deltas = [chance.randint(-1, 1) for _ in range(6)]
        s, plus, minus = ([f(w, d) for w, d in zip(weights, deltas, strict=True)] for f in (
            lambda w, d: w >= 0, lambda w, d: d > 0, lambda w, d: d < 0
        ))  # fmt: skip
        up = sum((a and p) or (not a and q) for a, p, q in zip(s, plus, minus, strict=True))
        down = sum((a and q) or (not a and p) for a, p, q in zip(s, plus, minus, strict=True))
        assert Votes.model(weights, deltas) == (up > down) - (up < down)
