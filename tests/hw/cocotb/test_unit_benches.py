"""Runs each unit of core and link by itself in simulators and compares it with its `model()`."""

import pytest
from bench_runs import SIMULATORS, run_bench
from bench_units import LINK_UNITS, UNITS, emit_units


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_units(tmp_path, simulator) -> None:
    modules = ["unit_intake", "unit_stage", "unit_outputs"]
    said = run_bench(emit_units(UNITS), modules, simulator=simulator, top="units", folder=tmp_path, settings={})
    assert {name: text for name, text in said.items() if text} == {}


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_units_of_the_link(tmp_path, simulator) -> None:
    text = emit_units(LINK_UNITS)
    said = run_bench(text, ["unit_link"], simulator=simulator, top="units", folder=tmp_path, settings={})
    assert {name: text for name, text in said.items() if text} == {}
