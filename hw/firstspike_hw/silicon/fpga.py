"""The device for which a design is placed and routed.

Tested by tests/hw/silicon/test_tools.py.
"""

from dataclasses import dataclass

__all__ = ["Fpga"]


@dataclass(frozen=True, kw_only=True)
class Fpga:
    """A device on a board.

    family:         `ecp5` or `ice40`.
    part:           name under which it is sold, for messages.
    options:        nextpnr's options for it.
    oscillator_mhz: frequency of the board's oscillator in MHz.
    constraints:    text of the board's constraint file, which assigns ports to pads.
    """

    family: str
    part: str
    options: tuple[str, ...]
    oscillator_mhz: float
    constraints: str
