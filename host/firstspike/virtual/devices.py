"""The far ends that a virtual board can have, by name."""

from firstspike_contract import CONFIGS
from firstspike_contract.common.progress import Progress, unheard
from firstspike_contract.link.timing import CLOCK_HZ, LEAST_DIVISOR

from .core_model import warm
from .line import Device
from .model_board import ModelBoard

__all__ = ["make_device"]


def make_device(backend: str, core: str, *, baudrate: int | None = None, progress: Progress = unheard) -> Device:
    """backend: model, or rtl for the simulated gateware. core: of CONFIGS. baudrate: what a model says of its line.

    Raises UsageError if rtl is wanted and Verilator or a compiler is missing.
    """
    if backend == "rtl":
        from firstspike_sim.rtl.board import RtlBoard

        return RtlBoard(CONFIGS[core], progress=progress)
    warm(learns=CONFIGS[core].learns)
    divisor = max(1, round(CLOCK_HZ / baudrate)) if baudrate else LEAST_DIVISOR
    return ModelBoard(CONFIGS[core], divisor=divisor)
