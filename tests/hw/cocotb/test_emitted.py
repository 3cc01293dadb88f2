"""The file that `python -m firstspike_hw.emit.verilog` writes passes lint and the benches of the core."""

import subprocess
import sys

import pytest
from bench_runs import run_bench

from firstspike_sim.rtl.toolchain import find_verilator, runs

# Warnings about the style of the generator, not about the design: values at declaration, unused bits of wide words,
# widths of intermediate results, incomplete cases, and all modules in one file.
WAIVED = ("DECLFILENAME", "PROCASSINIT", "UNUSEDSIGNAL", "WIDTHEXPAND", "WIDTHTRUNC", "CASEINCOMPLETE")

# Warnings whose causes are to be repaired: vectors without bits (`which` of the serialiser with one group of lanes,
# padding in `fetched` of the register file), and the memory `map` inside the instance `map` of the intake.
KNOWN = ("ASCRANGE", "VARHIDDEN")

pytestmark = pytest.mark.skipif(runs() is not None, reason=str(runs()))


# These cores contain every unit and both ways of keeping the state of neurons. The others differ in sizes and kernels.
@pytest.fixture(
    scope="module", params=["small", *(pytest.param(core, marks=pytest.mark.slow) for core in ("fast", "general"))]
)
def emitted(request, tmp_path_factory):
    """Emits a shipped core; returns its name and its file."""
    path = tmp_path_factory.mktemp("emitted") / "firstspike_core.v"
    subprocess.run([sys.executable, "-m", "firstspike_hw.emit.verilog", request.param, "-o", path], check=True)
    return request.param, path


def test_lint_finds_nothing_but_waived_warnings(emitted) -> None:
    verilator = find_verilator()
    words = [verilator.binary, "--lint-only", "-Wall", *(f"-Wno-{name}" for name in (*WAIVED, *KNOWN))]
    done = subprocess.run(
        [*words, "--top-module", "firstspike_core", emitted[1]],
        env=verilator.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_lint_would_find_a_latch(tmp_path) -> None:
    """The lint command finds the latch in a file that has one."""
    path = tmp_path / "latch.v"
    path.write_text("module firstspike_core(input a, input b, output reg c);\nalways @* if (a) c = b;\nendmodule\n")
    verilator = find_verilator()
    words = [verilator.binary, "--lint-only", "-Wall", *(f"-Wno-{name}" for name in WAIVED)]
    done = subprocess.run([*words, path], env=verilator.environment, capture_output=True, text=True, check=False)
    assert "%Warning-LATCH" in done.stderr


@pytest.mark.parametrize("emitted", ["small"], indirect=True)  # the other cores take minutes to build
def test_the_file_passes_the_core_benches(tmp_path, emitted) -> None:
    core, path = emitted
    said = run_bench(
        path.read_text(),
        ["core_random", "core_directed", "core_control"],
        simulator="verilator",
        top="firstspike_core",
        folder=tmp_path,
        settings={"FIRSTSPIKE_CORE": core, "FIRSTSPIKE_COUNT": "4"},
    )
    assert {name: text for name, text in said.items() if text} == {}
