"""The memory geometry gives the figures of DESIGN section 3 and of a search by hand."""

from dataclasses import replace

import pytest

from firstspike_compiler.passes.geometry import map_stages, stage_options
from firstspike_compiler.targets import load_target

ULX3S = load_target("ulx3s-85f")


@pytest.mark.parametrize(
    ("inputs", "outputs", "rows", "blocks", "block"),
    [
        (676, 600, 3, 178, "2048x9"),  # 200 lanes, 2,028 words of 1,600 bits
        (392, 600, 2, 134, "1024x18"),  # 300 lanes, 784 words of 2,400 bits
        (600, 10, 1, 5, "1024x18"),
    ],
)
def test_known_shapes(inputs, outputs, rows, blocks, block):
    option = next(o for o in stage_options(ULX3S, "linear", inputs, outputs) if o.rows == rows)
    assert (option.lanes, option.words, option.blocks, option.block) == (outputs // rows, inputs * rows, blocks, block)


def test_six_hundred_lanes_of_one_row_where_there_is_room():
    wide = replace(ULX3S, lanes={"linear": 600})
    option = stage_options(wide, "linear", 392, 600)[0]
    assert (option.rows, option.blocks, option.block) == (1, 134, "512x36")


def test_the_network_that_ships_fills_the_budget():
    stages = map_stages(ULX3S, "linear", [(676, 600), (600, 10)])
    assert [(s.lanes, s.rows, s.blocks) for s in stages] == [(200, 3, 178), (10, 1, 5)]
    assert map_stages(replace(ULX3S, blocks=176), "linear", [(676, 600), (600, 10)]) is None


def test_fewer_lanes_for_kernels_with_multipliers():
    rows = {kernel: map_stages(ULX3S, kernel, [(392, 600), (600, 10)])[0].rows for kernel in ULX3S.lanes}
    assert rows == {"linear": 2, "step": 2, "exponential": 4, "alpha": 4, "lif-2to1": 8}


def test_lanes_are_shared_by_the_stages():
    stages = map_stages(ULX3S, "linear", [(100, 300), (300, 300), (300, 10)])
    assert sum(stage.lanes for stage in stages) <= 312
    assert max(stage.rows for stage in stages) == 2


def test_no_layout_with_too_many_neurons():
    assert stage_options(ULX3S, "linear", 1, 312 * 16 + 1) == []
    assert len(stage_options(ULX3S, "linear", 1, 312 * 16)) == 1
