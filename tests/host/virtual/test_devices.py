"""The far ends of virtual boards: a model with the divisor of its speed, or the simulated gateware."""

from typing import Any

import pytest

from firstspike.virtual.devices import make_device
from firstspike.virtual.model_board import ModelBoard
from firstspike_contract import CONFIGS
from firstspike_contract.common.progress import unheard


@pytest.mark.parametrize(
    ("baudrate", "divisor"), [(None, 4), (3_000_000, 16), (12_000_000, 4), (115_200, 417), (96_000_001, 1)]
)
def test_a_model_tells_the_divisor_of_its_speed(
    baudrate: int | None, divisor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is 48 MHz; a line without a speed has the smallest divisor that the gateware could have."""
    warmed: list[bool] = []
    monkeypatch.setattr("firstspike.virtual.devices.warm", lambda *, learns: warmed.append(learns))
    device = make_device("model", "learning", baudrate=baudrate)
    assert isinstance(device, ModelBoard)
    assert device.dispatcher.counters["DIVISOR"] == divisor
    assert warmed == [True], "compiled before a host waits"


def test_gateware_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(
        "firstspike_sim.rtl.board.RtlBoard", lambda config, *, progress: made.append((config, progress)) or "board"
    )
    assert make_device("rtl", "small") == "board"  # type: ignore[comparison-overlap]
    assert made == [(CONFIGS["small"], unheard)]
