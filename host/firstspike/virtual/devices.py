"""The far ends that a virtual board can have, by name."""

from firstspike_hw.contract import CONFIGS

from .core_model import warm
from .line import Device
from .model_board import ModelBoard

__all__ = ["make_device"]

_CLOCK = 48_000_000


def make_device(backend: str, core: str, *, baudrate: int | None = None) -> Device:
    """backend: model. core: of CONFIGS. baudrate: what it says of its line."""
    warm()
    divisor = max(1, round(_CLOCK / baudrate)) if baudrate else 4
    return ModelBoard(CONFIGS[core], clock=_CLOCK, divisor=divisor)
