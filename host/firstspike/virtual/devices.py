"""The far ends that a virtual board can have, by name."""

from typing import Final

from firstspike_contract import CONFIGS
from firstspike_contract.common.progress import Progress, unheard

from .core_model import warm
from .line import Device
from .model_board import ModelBoard

__all__ = ["make_device"]

_CLOCK: Final = 48_000_000


def make_device(backend: str, core: str, *, baudrate: int | None = None, progress: Progress = unheard) -> Device:
    """backend: model, or rtl for the simulated gateware. core: of CONFIGS. baudrate: what a model says of its line.

    Raises UsageError if rtl is wanted and Verilator or a compiler is missing.
    """
    if backend == "rtl":
        from firstspike_sim.rtl.board import RtlBoard

        return RtlBoard(CONFIGS[core], progress=progress)
    warm(learns=CONFIGS[core].learns)
    divisor = max(1, round(_CLOCK / baudrate)) if baudrate else 4
    return ModelBoard(CONFIGS[core], clock=_CLOCK, divisor=divisor)
