"""Makes the far end of a virtual board: the model or the simulated gateware."""

from firstspike_contract import CONFIGS
from firstspike_contract.common.progress import Progress, unheard
from firstspike_contract.link.timing import CLOCK_HZ, LEAST_DIVISOR

from .core_model import warm
from .line import Device
from .model_board import ModelBoard

__all__ = ["make_device"]


def make_device(backend: str, core: str, *, baudrate: int | None = None, progress: Progress = unheard) -> Device:
    """Makes the far end of a virtual board.

    backend:  ``model``, or ``rtl`` for the simulated gateware.
    core:     a name in CONFIGS.
    baudrate: the line speed that a model reports in its register DIVISOR.

    Raises UsageError if the backend is ``rtl`` and Verilator or a C++ compiler is missing.
    """
    if backend == "rtl":
        from firstspike_sim.rtl.board import RtlBoard

        return RtlBoard(CONFIGS[core], progress=progress)
    warm(learns=CONFIGS[core].learns)
    divisor = max(1, round(CLOCK_HZ / baudrate)) if baudrate else LEAST_DIVISOR
    return ModelBoard(CONFIGS[core], divisor=divisor)
