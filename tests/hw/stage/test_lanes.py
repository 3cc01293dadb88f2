"""Kernel lanes equal their model, operation by operation, with the state in a memory and in a ring."""

import random

import pytest
from unit_bench import check

from firstspike_hw.stage.lanes import LANES, AlphaLanes, ExponentialLanes, LifLanes, LinearLanes, StepLanes, lanes_for


def random_pass(kind, chance, *, theta, first):
    """Returns the fields that the rows of neurons have in common in one operation on all of them."""
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
    operations = []
    for image in range(2):
        operations += [({"clear": 1, "row": row}, [0] * lanes) for row in range(rows)]
        for n in range(90):
            common = random_pass(kind, chance, theta=100, first=n == 0)
            weights = [[chance.randint(-127, 127) for _ in range(lanes)] for _ in range(rows)]
            # A memory takes the rows in any order, a ring in their order. The first image breaks off its last pass.
            order = list(range(rows)) if ring else chance.choices(range(rows), k=rows)
            for row in order[: 1 if image == 0 and n == 89 else rows]:
                operations.append(({**common, "row": row}, weights[row]))

    async def give(ctx, item):
        operation, weights = item
        ctx.set(unit.operation, operation)
        ctx.set(unit.weights, weights)
        await ctx.tick()

    def read(ctx, item):
        fires = [bool(ctx.get(unit.fires) >> k & 1) for k in range(lanes)]
        return [(fires, [ctx.get(unit.values[k]) for k in range(lanes)])] if item[0].get("walk") else []

    answers = check(unit, operations, give=give, read=read, latency=unit.latency)
    assert any(any(fires) for fires, _ in answers), "some neuron fires"


def test_kernels_get_the_smallest_lanes_that_serve_them() -> None:
    assert lanes_for(("linear",)) is LinearLanes
    assert lanes_for(("step",)) is StepLanes
    assert lanes_for(("exponential",)) is ExponentialLanes
    assert lanes_for(("exponential", "linear")) is ExponentialLanes
    assert lanes_for(("alpha",)) is AlphaLanes
    assert lanes_for(("alpha", "exponential")) is LifLanes
    with pytest.raises(
        ValueError,
        match=r"^no lanes serve all of step, linear; there are lanes that serve linear; step; linear, exponential; "
        r"linear, alpha; linear, exponential, alpha, lif-2to1$",
    ):
        lanes_for(("step", "linear"))
