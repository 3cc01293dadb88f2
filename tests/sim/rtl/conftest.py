"""Fixtures with a stand-in core, on which the harness is tested without the gateware; they need Verilator."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firstspike_contract import CONFIGS
from firstspike_sim.rtl import RtlCore, runs

STAND_IN = Path(__file__).parent / "stand_in.v"


@pytest.fixture(scope="session")
def stand_in() -> str:
    if reason := runs():
        pytest.skip(reason)
    return STAND_IN.read_text()


@pytest.fixture
def core_of(stand_in: str) -> Iterator[Callable[..., RtlCore]]:
    """Yields a function that simulates the stand-in core; `waves` is the file of a waveform to write."""
    made: list[RtlCore] = []

    def core_of(*, waves: Path | None = None) -> RtlCore:
        made.append(RtlCore(CONFIGS["small"], verilog=stand_in, waves=waves))
        return made[-1]

    yield core_of
    for core in made:
        core.close()
