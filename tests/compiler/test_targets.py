"""Shipped target files and a user's own are read; a bad target file is refused with the reason."""

from importlib import resources

import pytest

from firstspike_compiler.estimate.resources import resources as needed
from firstspike_compiler.targets import DEFAULT_TARGET, list_targets, load_target
from firstspike_contract import CONFIGS, KERNELS
from firstspike_contract.common.errors import FirstspikeError, UsageError
from firstspike_hw.silicon.pll import pll_for

TARGETS = ["ecpix5-85f", "generic", "icebreaker", "icepi-zero", "ulx3s-85f", "verilog"]


def test_shipped_targets():
    assert list(list_targets()) == TARGETS
    for name in TARGETS:
        assert load_target(name).name == name
    for name in ("generic", "ulx3s-85f", "ecpix5-85f", "verilog"):
        assert set(load_target(name).lanes) == set(KERNELS)


@pytest.mark.parametrize("name", TARGETS)
def test_the_cores_of_a_target_fit_its_device_and_its_limits(name):
    target = load_target(name)
    if target.device is None:
        assert set(target.verilog_cores) <= set(CONFIGS)
        return
    board = resources.files("firstspike_hw").joinpath("board/pins")
    assert any(board.joinpath(f"{target.device.board}.{ending}").is_file() for ending in ("lpf", "pcf"))
    for core in target.device.cores:
        config = CONFIGS[core]
        needs = needed(config, target.device.family)
        assert needs.lut <= target.device.lut
        assert needs.bram <= target.device_blocks
        assert needs.dsp <= target.device.dsp
        assert config.boot
        assert pll_for(target.device.family, target.device.clock_mhz, target.device.cores[core]).mhz > 0


def test_the_cores_of_the_verilog_target_fit_its_limits():
    target = load_target("verilog")
    assert target.verilog_cores
    assert max(len(CONFIGS[core].stages) for core in target.verilog_cores) <= target.stages
    assert max(CONFIGS[core].addresses for core in target.verilog_cores) <= target.addresses


def test_the_default_board():
    target = load_target(DEFAULT_TARGET)
    assert (target.blocks, target.steps, target.stages) == (183, 256, 3)
    assert target.lanes == {"linear": 312, "step": 312, "exponential": 156, "alpha": 156, "lif-2to1": 78}


def test_unknown_target():
    with pytest.raises(UsageError) as error:
        load_target("ulx3s-45f")
    assert str(error.value) == (
        "unknown target 'ulx3s-45f', did you mean ulx3s-85f? "
        "known: ecpix5-85f, generic, icebreaker, icepi-zero, ulx3s-85f, verilog"
    )


FILE = """
name: mine
description: a board of mine
limits: {steps: 16, stages: 2, addresses: 64, rows: 4, a_bits: 24, v_bits: 32}
lanes: {linear: 8}
memory: {blocks: 10, for_weights: 8, shapes: [[512, 36]]}
"""


def test_own_target(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(FILE)
    assert load_target(str(path)).shapes == ((512, 36),)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "steps: 16",
            "steps: 17",
            "target.limits.steps does not follow the schema: 17 is not one of [16, 32, 64, 128, 256]",
        ),
        (
            "{linear: 8}",
            "{linear: 0}",
            "target.lanes.linear does not follow the schema: 0 is less than the minimum of 1",
        ),
        ("stages: 2, ", "", "target.limits does not follow the schema: 'stages' is a required property"),
    ],
)
def test_bad_target(old, new, message, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(FILE.replace(old, new))
    with pytest.raises(FirstspikeError) as error:
        load_target(str(path))
    assert str(error.value) == f"{path}: {message}"


def test_a_planned_core_that_the_target_does_not_list_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    device = "device: {family: ecp5, part: X-85F, options: [], lut: 9, dsp: 0, cores: {tiny: 60}, planned: [wide], "
    path.write_text(f"{FILE}{device}clock_mhz: 25, board: ulx3s, loader: []}}\n")
    with pytest.raises(FirstspikeError) as error:
        load_target(str(path))
    assert str(error.value) == (
        f"{path}: target.device.planned names wide, which is none of its cores; use one of tiny"
    )


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_bytes(b"name: \xff")
    with pytest.raises(FirstspikeError) as error:
        load_target(str(path))
    assert str(error.value) == f"{path}: not text in UTF-8; copy a shipped one, e.g. ulx3s-85f.yaml"


@pytest.mark.parametrize("text", ["a: [", "a: &a [x]\nb: [*a, *a]"])
def test_a_file_that_is_not_plain_yaml_is_refused(text, tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(text)
    with pytest.raises(FirstspikeError) as error:
        load_target(str(path))
    assert str(error.value) == f"{path}: not readable as YAML; copy a shipped one, e.g. ulx3s-85f.yaml"
