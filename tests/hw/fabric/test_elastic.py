"""The elastic register against its model, with pauses and stalls, and at full speed."""

import random

import pytest
from unit_bench import check, offering, taking

from firstspike_hw.fabric.elastic import Elastic


@pytest.mark.parametrize(("gap", "stall"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.4, 0.4)])
def test_items_pass_in_order(gap, stall) -> None:
    unit, chance = Elastic(16), random.Random(1)
    check(
        unit,
        [chance.getrandbits(16) for _ in range(200)],
        give=offering(unit.i, chance=chance, gap=gap),
        take=taking(unit.o, chance=chance, stall=stall),
        latency=None if stall else unit.latency,
    )
