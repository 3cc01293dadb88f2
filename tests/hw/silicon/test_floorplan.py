"""Every block memory gets a site of its own, neighbours lie side by side, and the rest lies in the middle."""

import copy
import random
from itertools import pairwise

import pytest

from firstspike_contract import FirstspikeError
from firstspike_hw.silicon.floorplan import PATIENCE, SITES, give_sites
from firstspike_hw.silicon.synthesis import synthesise

PART = "LFE5U-85F-6BG381C"
ROWS = sorted({row for _, row in SITES})
PLACES = {name: site for site, name in SITES.items()}


def cells(count: int, name: str) -> dict:
    blocks = {f"{name}{k}.0.0": {"type": "DP16KD", "attributes": {}} for k in range(count)}
    return {"cells": {**blocks, "gate": {"type": "LUT4"}}}


def netlist(groups: int, slices: int, others: int = 8, last: int = 5) -> dict:
    """Returns the modules, shuffled, of a design of two stages, the first with `groups` groups of `slices` blocks."""
    modules = {f"top.core.stage0.weights$7.group{k}": cells(slices, "slice") for k in range(groups)}
    modules["top.core.stage1.weights$9.group0"] = cells(last, "slice")
    top = cells(others, "queue")
    top["cells"] |= {f"instance{k}": {"type": path} for k, path in enumerate(modules)}
    items = [*modules.items(), ("top", top)]
    random.Random(3).shuffle(items)
    return dict(items)


def sites_of(modules: dict) -> dict[str, list[tuple[int, int]]]:
    """Returns module -> sites, in the order of the blocks' numbers."""
    return {
        path: [PLACES[cell["attributes"]["BEL"]] for cell in module["cells"].values() if "attributes" in cell]
        for path, module in modules.items()
    }


@pytest.mark.parametrize(("groups", "slices"), [(34, 4), (4, 32), (11, 16), (6, 32), (1, 1)])
def test_every_block_has_a_site_of_its_own(groups, slices) -> None:
    modules = netlist(groups, slices, others=3)
    give_sites(modules, PART)
    assert len({site for sites in sites_of(modules).values() for site in sites}) == groups * slices + 8


def test_a_stage_is_spread_in_order_and_the_rest_lies_in_the_middle() -> None:
    modules = netlist(34, 4)
    give_sites(modules, PART)
    sites = sites_of(modules)
    order = [site for k in range(34) for site in sites[f"top.core.stage0.weights$7.group{k}"]]
    assert [row for row in ROWS for _ in range(sum(site[1] == row for site in order))] == [site[1] for site in order]
    for (x, row), (other, below) in pairwise(order):
        assert abs(x - other) <= 40  # at most across the middle
        assert (x < other) == (ROWS.index(row) % 2 == 0) or row != below
    share = [sum(site[1] == row for site in order) for row in ROWS]
    assert share[0] > share[1] > share[2]  # the rows have decreasing numbers of blocks
    for x, row in sites["top"] + sites["top.core.stage1.weights$9.group0"]:
        assert row == 46
        assert 45 <= x <= 80


def test_the_plan_does_not_depend_on_the_order_of_the_netlist() -> None:
    one, other = netlist(34, 4), dict(reversed(netlist(34, 4).items()))
    give_sites(one, PART)
    give_sites(other, PART)
    assert sites_of(one) == {path: sites_of(other)[path] for path in one}


def test_the_router_is_told_to_be_patient() -> None:
    modules = netlist(4, 4)
    give_sites(modules, PART)
    assert modules["top"]["settings"] == PATIENCE


def test_a_part_without_known_sites_is_refused_before_synthesis(tmp_path) -> None:
    for family, part in (("ecp5", "LFE5U-25F-6BG256C"), ("ice40", "iCE40UP5K-SG48")):
        with pytest.raises(FirstspikeError, match=f"not for {part}$"):
            synthesise(tmp_path / "none.il", tmp_path / "out.json", family, tmp_path / "log", sites_of=part)


def test_designs_without_enough_sites_are_refused_and_left_unchanged() -> None:
    twice = netlist(34, 4)
    twice["top"]["cells"]["again"] = {"type": "top.core.stage0.weights$7.group3"}
    for modules, part, message in (
        (netlist(34, 6), PART, f"the design needs 217 block memories, {PART} has 208; use a smaller core"),
        (twice, PART, "top.core.stage0.weights$7.group3 is used 2 times, so its blocks cannot have a site each"),
        (
            netlist(4, 4),
            "LFE5U-25F-6BG256C",
            "sites of block memories are known for parts such as LFE5U-85F, not for LFE5U-25F-6BG256C",
        ),
    ):
        before = copy.deepcopy(modules)
        with pytest.raises(FirstspikeError) as refused:
            give_sites(modules, part)
        assert str(refused.value) == message
        assert modules == before
