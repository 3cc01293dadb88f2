"""Each unit of the core by itself against the model beside it, in simulators."""

import pytest
from bench_runs import SIMULATORS, run_bench
from bench_units import emit_units


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_units(tmp_path, simulator) -> None:
    modules = ["unit_intake", "unit_stage", "unit_outputs"]
    said = run_bench(emit_units(), modules, simulator=simulator, top="units", folder=tmp_path, settings={})
    assert {name: text for name, text in said.items() if text} == {}
