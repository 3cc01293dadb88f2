"""Emitted Verilog is kept until anything that it is made from changes, and a broken run leaves no half a file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firstspike_contract import CONFIGS
from firstspike_hw.emit import sources, verilog
from firstspike_sim.rtl import emitted as module
from firstspike_sim.rtl.emitted import emitted, emitted_board

TINY = CONFIGS["tiny"]


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were emitted rather than taken from the cache, which lies in a folder of its own."""
    made: list[str] = []

    def emit(*arguments: Any, **more: Any) -> str:
        made.append(f"text {len(made)}")
        return made[-1]

    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(verilog, "emit", emit)
    monkeypatch.setattr(verilog, "emit_board", emit)
    return made


def board(**changed: Any) -> str:
    return emitted_board(changed.pop("config", TINY), **{"clock": 10, "divisor": 4, "patience": None} | changed)


def test_a_text_is_emitted_once(texts: list[str], tmp_path: Path) -> None:
    assert [emitted(TINY), emitted(TINY), board(), board()] == ["text 0", "text 0", "text 1", "text 1"]
    assert texts == ["text 0", "text 1"]
    assert sorted(path.suffix for path in (tmp_path / "rtl").iterdir()) == [".v", ".v"]


@pytest.mark.parametrize(
    "change",
    [
        lambda: emitted(replace(TINY, boot=TINY.boot + 3)),
        lambda: board(config=replace(TINY, boot=TINY.boot + 3)),
        lambda: board(clock=11),
        lambda: board(divisor=5),
        lambda: board(patience=7),
    ],
)
def test_another_core_or_board_is_emitted_anew(texts: list[str], change: Callable[[], str]) -> None:
    before = [emitted(TINY), board()]
    assert change() == "text 2"
    assert [emitted(TINY), board()] == before


def test_other_sources_are_emitted_anew(texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    emitted(TINY)
    monkeypatch.setattr(sources, "gateware_sources", lambda: ["other sources"])
    assert emitted(TINY) == "text 1"
    monkeypatch.setattr("importlib.metadata.version", lambda name: "another version")
    assert emitted(TINY) == "text 2"


def test_what_fails_is_not_kept(texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(config: Any) -> str:
        raise ValueError("too wide")

    good = verilog.emit
    monkeypatch.setattr(verilog, "emit", fail)
    with pytest.raises(ValueError, match=r"^too wide$"):
        emitted(TINY)
    monkeypatch.setattr(verilog, "emit", good)
    assert emitted(TINY) == "text 0"
