"""Runs the benches of the whole core on the emitted Verilog in Verilator and Icarus."""

import pytest
from bench_cores import CORES
from bench_runs import SIMULATORS, run_bench

from firstspike_hw.emit.verilog import emit

# Icarus is a hundred times slower. It runs only the random cases on both cores, and most of its runs are long tests.
BOTH = [
    pytest.param(core, *simulator.values, marks=simulator.marks, id=f"{core}-{simulator.values[0]}")
    for core in ("both", "linear")
    for simulator in SIMULATORS
]
DIRECTED = [case for case in BOTH if case.values != ("both", "icarus")]


def unless_long(cases):
    """Returns the cases, with those of Icarus marked as long."""
    return [
        pytest.param(*case.values, marks=[*case.marks, pytest.mark.long], id=case.id)
        if "icarus" in case.values
        else case
        for case in cases
    ]


def run(tmp_path, simulator, core, modules, **settings):
    return run_bench(
        emit(CORES[core]),
        modules,
        simulator=simulator,
        top="firstspike_core",
        folder=tmp_path,
        settings={"FIRSTSPIKE_CORE": core, **settings},
    )


@pytest.mark.parametrize(("core", "simulator"), unless_long(BOTH))
def test_random_cases(tmp_path, simulator, core) -> None:
    count = {"verilator": 12, "icarus": 2}[simulator]
    said = run(tmp_path, simulator, core, ["core_random"], FIRSTSPIKE_COUNT=str(count))
    assert {name: text for name, text in said.items() if text} == {}


@pytest.mark.parametrize(("core", "simulator"), DIRECTED)
def test_directed_cases(tmp_path, simulator, core) -> None:
    said = run(tmp_path, simulator, core, ["core_directed"])
    assert {name: text for name, text in said.items() if text} == {}


@pytest.mark.parametrize(("core", "simulator"), unless_long(DIRECTED))
def test_streams_resets_and_registers(tmp_path, simulator, core) -> None:
    said = run(tmp_path, simulator, core, ["core_control"])
    assert {name: text for name, text in said.items() if text} == {}
