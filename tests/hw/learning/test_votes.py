# amaranth: UnusedElaboratable=no
"""The unit `Votes` equals the learning rule: up to one row a cycle, several rows for a neuron, neurons back to back."""

import random

import pytest
from unit_bench import check, offering, seen

from firstspike_hw.learning.votes import Votes


def as_bits(row):
    weights, deltas, last = row
    return {
        "negative": sum((w < 0) << k for k, w in enumerate(weights)),
        "moves": sum((d != 0) << k for k, d in enumerate(deltas)),
        "up": sum((d > 0) << k for k, d in enumerate(deltas)),
        "last": last,
    }


@pytest.mark.parametrize(("lanes", "rows"), [(1, 1), (10, 1), (10, 4), (33, 1), (70, 3)])
def test_sums_equal_the_model(lanes, rows) -> None:
    chance, unit = random.Random(lanes), Votes(lanes=lanes, rows=rows)
    given = []
    for n in range(40):
        busy = chance.choice([0.0, 0.1, 1.0])
        used = rows if n == 1 else 1 if n < 5 else chance.randint(1, rows)
        for row in range(used):
            deltas = [chance.choice([-1, 1]) if chance.random() < busy else 0 for _ in range(lanes)]
            weights = [chance.randint(-127, 127) for _ in range(lanes)]
            if n == 1:
                weights, deltas = [127] * lanes, [1] * lanes  # the largest sum
            given.append((weights, deltas, row == used - 1))
    give = offering(unit.rows, as_bits, chance=chance, gap=0.2)
    sums = check(unit, given, give=give, take=seen(unit.sum), latency=unit.latency)
    assert max(sums) == lanes * rows
    assert len(sums) == 40


def test_the_model_is_the_rule_of_the_design() -> None:
    """up = popcount((s & plus) | (~s & minus)), down = popcount((s & minus) | (~s & plus)), delta = sign(up - down)."""
    chance, unit = random.Random(1), Votes(lanes=6, rows=1)
    for _ in range(300):
        weights = [chance.randint(-2, 2) for _ in range(6)]
        deltas = [chance.randint(-1, 1) for _ in range(6)]
        s, plus, minus = ([f(w, d) for w, d in zip(weights, deltas, strict=True)] for f in (
            lambda w, d: w >= 0, lambda w, d: d > 0, lambda w, d: d < 0
        ))  # fmt: skip
        up = sum((a and p) or (not a and q) for a, p, q in zip(s, plus, minus, strict=True))
        down = sum((a and q) or (not a and p) for a, p, q in zip(s, plus, minus, strict=True))
        assert unit.model([(weights, deltas, True)]) == [up - down]
