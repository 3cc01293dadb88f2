"""The estimated resources of a core, compared with counts by hand and with the figures of synthesis and routing."""

import json
from collections import Counter

import pytest

from firstspike_compiler.estimate.resources import blocks, resources
from firstspike_contract import CONFIGS
from firstspike_hw.board.chains import emit_rtlil
from firstspike_hw.silicon.netlist import prepared
from firstspike_hw.silicon.pll import pll_for
from firstspike_hw.silicon.synthesis import synthesise

# Figures of synthesis with pyosys 0.70: look-up tables, flip-flops, block memories, multipliers. A carry cell of two
# bits counts as 2 tables, a memory of 16 x 4 bits as 6.
SYNTHESISED = {
    "tiny": (9249, 7125, 10, 12),
    "micro": (4043, 3602, 4, 0),
}
# Figures of place and route with nextpnr 0.11.1: cells, flip-flops, block memories, multipliers. Logic takes 4 % more
# than after synthesis, because the ends of carry chains need cells of their own.
ROUTED = {
    ("tiny", "ecp5"): (9652, 7095, 10, 12),
    ("fast", "ecp5"): (34810, 47897, 192, 0),
    ("wide", "ecp5"): (45773, 49130, 147, 0),
    ("exponential", "ecp5"): (41730, 21341, 194, 110),
    ("step", "ecp5"): (26444, 28840, 192, 0),
    ("alpha", "ecp5"): (28409, 14078, 129, 48),
    ("lif", "ecp5"): (29600, 18039, 131, 144),
    ("learning", "ecp5"): (30658, 44924, 192, 0),
    ("micro", "ice40"): (4598, 4598, 11, 0),
}


@pytest.mark.parametrize(
    ("width", "depth", "family", "count"),
    [
        (36, 512, "ecp5", 1),
        (37, 512, "ecp5", 2),
        (9, 2048, "ecp5", 1),
        (9, 2049, "ecp5", 2),
        (4, 4096, "ecp5", 1),
        (16, 1024, "ecp5", 1),
        (16, 256, "ice40", 1),
        (8, 512, "ice40", 1),
        (18, 16, "ice40", 2),
    ],
)
def test_blocks_in_the_cheapest_shape(width, depth, family, count) -> None:
    assert blocks(width, depth, family) == count


@pytest.mark.parametrize("core", SYNTHESISED)
def test_the_estimate_is_near_synthesis(core) -> None:
    lut, ff, bram, dsp = SYNTHESISED[core]
    found = resources(CONFIGS[core])
    assert (found.bram, found.dsp) == (bram, dsp)
    assert abs(found.lut / (1.04 * lut) - 1) < 0.1
    assert abs(found.ff / ff - 1) < 0.2


@pytest.mark.parametrize(("core", "family"), ROUTED)
def test_the_estimate_is_near_place_and_route(core, family) -> None:
    lut, ff, bram, dsp = ROUTED[core, family]
    found = resources(CONFIGS[core], family)
    assert (found.bram, found.dsp) == (bram, dsp)
    assert abs(found.lut / lut - 1) < 0.2
    assert abs(found.ff / ff - 1) < 0.2


def test_weights_take_the_blocks_that_the_shipped_network_was_planned_with() -> None:
    fast, wide = CONFIGS["fast"].stages[0], CONFIGS["wide"].stages[0]
    assert blocks(9, fast.depth) * -(-8 * fast.lanes // 9) == 178
    assert blocks(36, wide.depth) * -(-8 * wide.lanes // 36) == 134


@pytest.mark.long
def test_synthesis_of_this_gateware_gives_what_is_estimated(tmp_path) -> None:
    """Synthesises the smallest core anew, so that this test fails when the recorded figures no longer hold."""
    config = CONFIGS["micro"]
    design, netlist = tmp_path / "design.il", tmp_path / "design.json"
    design.write_text(prepared(emit_rtlil(config, family="ecp5", pll=pll_for("ecp5", 25, 50)), "ecp5"))
    synthesise(design, netlist, "ecp5", tmp_path / "log")
    cells = counted(json.loads(netlist.read_text())["modules"], "top")
    found = resources(config)
    assert (found.bram, found.dsp) == (cells["DP16KD"], cells["MULT18X18D"])
    tables = cells["LUT4"] + 2 * cells["CCU2C"] + 6 * cells["TRELLIS_DPR16X4"]
    assert abs(found.lut / (1.04 * tables) - 1) < 0.2


def counted(modules, name) -> Counter:
    """Counts the cells of a module, submodules included, by type."""
    cells: Counter = Counter()
    for cell in modules[name]["cells"].values():
        kind = cell["type"]
        made = modules.get(kind, {"attributes": {"blackbox": 1}})
        cells += Counter({kind: 1}) if "blackbox" in made["attributes"] else counted(modules, kind)
    return cells
