"""The source text that identifies cached results contains every file of the gateware, in a fixed order."""

from pathlib import Path

import pytest

import firstspike_contract
import firstspike_hw
from firstspike_hw.emit.sources import gateware_sources


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replaces the contract and hw packages by a few files; returns their folder."""
    for package, name in ((firstspike_contract, "contract"), (firstspike_hw, "hw")):
        root = tmp_path / name
        (root / "board").mkdir(parents=True)
        (root / "__init__.py").write_text(f"{name} itself")
        (root / "board" / "pins.lpf").write_text(f"{name} pins")
        (root / "board" / "notes.txt").write_text("no gateware")
        monkeypatch.setattr(package, "__file__", str(root / "__init__.py"))
    return tmp_path


def test_all_sources_and_pins_count_and_nothing_else(packages: Path) -> None:
    assert gateware_sources() == ["contract itself", "contract pins", "hw itself", "hw pins"]
    (packages / "hw" / "board" / "a.pcf").write_text("ice40 pins")
    assert gateware_sources() == ["contract itself", "contract pins", "hw itself", "ice40 pins", "hw pins"]


def test_the_real_sources_are_found() -> None:
    found = gateware_sources()
    for package in (firstspike_contract, firstspike_hw):
        assert Path(str(package.__file__)).read_text() in found
    assert any("class Engine" in text for text in found)
    assert any("LOCATE COMP" in text for text in found), "the pins of an ECP5 board are missing"
