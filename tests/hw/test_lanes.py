"""Kernel lanes against the one-neuron model, operation by operation."""

import random

import pytest
from unit_bench import simulate

from firstspike_hw.lanes import ExponentialLanes, LinearLanes, lanes_for


@pytest.mark.parametrize("kind", [LinearLanes, ExponentialLanes])
@pytest.mark.parametrize("rows", [1, 3])
def test_any_order_of_operations_equals_the_model(kind, rows) -> None:
    lanes, chance = 5, random.Random(rows)
    unit = kind(lanes=lanes, rows=rows, a_bits=16, v_bits=32)
    neurons = [[{"a": 0, "v": 0, "fired": 0} for _ in range(lanes)] for _ in range(rows)]
    operations, expected = [], []
    theta = 400
    for row in range(rows):
        operations.append(({"clear": 1, "row": row}, [0] * lanes))
        operations.append(({"walk": 1, "row": row, "rise": 1, "fall": -theta}, [0] * lanes))
    for _ in range(200):
        row = chance.randrange(rows)
        if chance.random() < 0.6:
            operations.append(({"drive": 1, "row": row}, [chance.randint(-127, 127) for _ in range(lanes)]))
        elif kind is LinearLanes:
            operations.append(({"walk": 1, "row": row, "rise": 1, "fall": 0}, [0] * lanes))
        else:
            change = {"rise": chance.randint(0, 99), "fall": -chance.randint(0, 99)}
            operations.append(({"walk": 1, "row": row, **change}, [0] * lanes))
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
    assert lanes_for(("exponential",)) is ExponentialLanes
    assert lanes_for(("exponential", "linear")) is ExponentialLanes
    with pytest.raises(ValueError, match=r"^no lanes serve alpha, linear; there are linear; linear, exponential$"):
        lanes_for(("alpha", "linear"))
