"""A design is identified by all that it is made from, and its text is generated only when it is read."""

from dataclasses import replace
from typing import Any

import pytest

from firstspike_contract import CONFIGS
from firstspike_hw.emit import designs
from firstspike_hw.silicon.pll import Pll

PLL = Pll(reference=1, feedback=4, output=6, mhz=100.0)
TINY = CONFIGS["tiny"]


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Returns a list of the arguments of all texts that are generated."""
    calls: list[tuple[Any, ...]] = []

    def emit(config: Any, *, family: str, pll: Pll) -> str:
        calls.append((config, family, pll))
        return f"text {len(calls)}"

    monkeypatch.setattr(designs, "emit_rtlil", emit)
    return calls


def test_a_text_is_generated_once_and_late(emitted: list[tuple[Any, ...]]) -> None:
    design = designs.core_in_chains(TINY, family="ice40", pll=PLL)
    assert emitted == []
    assert (design.rtlil, design.rtlil) == ("text 1", "text 1")
    assert emitted == [(TINY, "ice40", PLL)]


def test_whatever_changes_the_text_changes_the_identity(
    emitted: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def identity(config: Any = TINY, family: str = "ecp5", pll: Pll = PLL) -> str:
        return designs.core_in_chains(config, family=family, pll=pll).identity

    found = [
        identity(),
        identity(replace(TINY, boot=TINY.boot + 3)),
        identity(family="ice40"),
        identity(pll=replace(PLL, output=7)),
    ]
    assert identity() == found[0]
    monkeypatch.setattr(designs, "language_version", lambda: "another")
    found.append(identity())
    monkeypatch.setattr(designs, "gateware_sources", lambda: ["other sources"])
    found.append(identity())
    assert len(set(found)) == len(found)
    assert emitted == [], "the identity must not need the text"
