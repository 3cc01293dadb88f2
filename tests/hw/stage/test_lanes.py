"""Kernel lanes against the one-neuron model, operation by operation, with either way of keeping the state."""

import random

import pytest
from unit_bench import simulate

from firstspike_hw.stage.lanes import LANES, AlphaLanes, ExponentialLanes, LifLanes, LinearLanes, StepLanes, lanes_for


def random_pass(kind, chance, *, theta, first):
    """One operation on all rows: what every row has in common, and whether rows have weights."""
    if first:
        return {"walk": 1, "rise": 0, "fall": -theta}
    if chance.random() < 0.6:
        return {"drive": 1, "gain": chance.randint(0, 99) if "gain" in kind.reads else 1}
    rise = chance.randint(0, 99) if "rise" in kind.reads else 1
    return {"walk": 1, "rise": rise, "fall": 0 if kind in (LinearLanes, StepLanes) else -chance.randint(0, 99)}


@pytest.mark.parametrize("ring", [False, True])
@pytest.mark.parametrize("kind", LANES)
@pytest.mark.parametrize("rows", [1, 3])
def test_operations_equal_the_model(kind, rows, ring) -> None:
    lanes, chance = 5, random.Random(rows)
    unit = kind(lanes=lanes, rows=rows, a_bits=28, v_bits=40, ring=ring)
    neurons = [[{"a": 0, "v": 0, "fired": 0} for _ in range(lanes)] for _ in range(rows)]
    operations, expected = [], []
    for image in range(2):
        operations += [({"clear": 1, "row": row}, [0] * lanes) for row in range(rows)]
        for n in range(90):
            common = random_pass(kind, chance, theta=100, first=n == 0)
            weights = [[chance.randint(-127, 127) for _ in range(lanes)] for _ in range(rows)]
            # memory: rows in any order; ring: in order, but for the last pass, which an image may break off
            order = list(range(rows)) if ring else chance.choices(range(rows), k=rows)
            for row in order[: 1 if image == 0 and n == 89 else rows]:
                operations.append(({**common, "row": row}, weights[row]))
    for operation, weights in operations:
        answers = [
            kind.model(state, operation, weight)
            for state, weight in zip(neurons[operation["row"]], weights, strict=True)
        ]
        expected.append(([f for f, _ in answers], [v for _, v in answers]) if operation.get("walk") else None)

    async def process(ctx):
        for cycle in range(len(operations) + unit.latency):
            if cycle < len(operations):
                operation, weights = operations[cycle]
                ctx.set(unit.operation, operation)
                ctx.set(unit.weights, weights)
            answered = cycle - unit.latency
            if answered >= 0 and expected[answered] is not None:
                fires, values = expected[answered]
                assert [ctx.get(unit.fires) >> k & 1 for k in range(lanes)] == fires, f"operation {answered}"
                assert [ctx.get(unit.values[k]) for k in range(lanes)] == values, f"operation {answered}"
            await ctx.tick()

    simulate(unit, process)
    assert any(e is not None and any(e[0]) for e in expected), "some neuron fires"


def test_the_smallest_lanes_that_serve() -> None:
    assert lanes_for(("linear",)) is LinearLanes
    assert lanes_for(("step",)) is StepLanes
    assert lanes_for(("exponential",)) is ExponentialLanes
    assert lanes_for(("exponential", "linear")) is ExponentialLanes
    assert lanes_for(("alpha",)) is AlphaLanes
    assert lanes_for(("alpha", "exponential")) is LifLanes
    with pytest.raises(
        ValueError,
        match=r"^no lanes serve step, linear; there are linear; step; linear, exponential; linear, alpha; "
        r"linear, exponential, alpha, lif-2to1$",
    ):
        lanes_for(("step", "linear"))
