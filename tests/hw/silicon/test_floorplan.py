"""Sites of the block memories: every block has one of its own, neighbours lie side by side, the rest in the middle."""

import copy
import random
from itertools import pairwise

import pytest

from firstspike_hw.silicon.floorplan import MANY, SITES, planned

ROWS = sorted({row for _, row in SITES})
PLACES = {name: site for site, name in SITES.items()}


def cells(count: int, name: str, deep: int = 1) -> dict:
    """deep: blocks that make one memory."""
    names = [f"{name}{k // deep}.0.{k % deep}" for k in range(count)]
    blocks = {name: {"type": "DP16KD", "attributes": {}} for name in names}
    return {"cells": {**blocks, "gate": {"type": "LUT4"}}}


def netlist(groups: int, slices: int, others: int = 8, last: int = 5, deep: int = 1) -> dict:
    """A design of two stages, the first of so many groups of blocks, in any order."""
    modules = {f"top.core.stage0.weights$7.group{k}": cells(slices, "slice", deep) for k in range(groups)}
    modules["top.core.stage1.weights$9.group0"] = cells(last, "slice")
    top = cells(others, "queue")
    top["cells"] |= {f"instance{k}": {"type": path} for k, path in enumerate(modules)}
    items = [*modules.items(), ("top", top)]
    random.Random(3).shuffle(items)
    return dict(items)


def sites_of(modules: dict) -> dict[str, list[tuple[int, int]]]:
    """Sites by module, in the order of the blocks' numbers."""
    return {
        path: [PLACES[cell["attributes"]["BEL"]] for cell in module["cells"].values() if "attributes" in cell]
        for path, module in modules.items()
    }


@pytest.mark.parametrize(("groups", "slices", "deep"), [(34, 4, 1), (4, 32, 4), (10, 17, 1), (6, 32, 2)])
def test_every_block_has_a_site_of_its_own(groups, slices, deep) -> None:
    """The last nearly fills the device, but blocks that are alike need a plan."""
    modules = netlist(groups, slices, others=3, deep=deep)
    count = groups * slices + 8
    assert planned(modules) == count
    assert len({site for sites in sites_of(modules).values() for site in sites}) == count


def test_a_stage_is_spread_in_order_and_the_rest_lies_in_the_middle() -> None:
    modules = netlist(34, 4)
    planned(modules)
    sites = sites_of(modules)
    order = [site for k in range(34) for site in sites[f"top.core.stage0.weights$7.group{k}"]]
    assert [row for row in ROWS for _ in range(sum(site[1] == row for site in order))] == [site[1] for site in order]
    for (x, row), (other, below) in pairwise(order):
        assert abs(x - other) <= 40  # over the middle
        assert (x < other) == (ROWS.index(row) % 2 == 0) or row != below
    share = [sum(site[1] == row for site in order) for row in ROWS]
    assert share[0] > share[1] > share[2]  # as much as there is device around
    for x, row in sites["top"] + sites["top.core.stage1.weights$9.group0"]:
        assert row == 46
        assert 45 <= x <= 80


def test_the_plan_does_not_depend_on_the_order_of_the_netlist() -> None:
    one, other = netlist(34, 4), dict(reversed(netlist(34, 4).items()))
    planned(one)
    planned(other)
    assert sites_of(one) == {path: sites_of(other)[path] for path in one}


def test_no_plan_where_it_is_not_wanted_or_impossible() -> None:
    few, many, twice = netlist(8, (MANY - 14) // 8), netlist(34, 6), netlist(34, 4)
    full = netlist(11, 16)  # `fast`: 189 of 208 sites
    twice["top"]["cells"]["again"] = {"type": "top.core.stage0.weights$7.group3"}
    for modules in (few, many, twice, full):
        before = copy.deepcopy(modules)
        assert planned(modules) == 0
        assert modules == before
