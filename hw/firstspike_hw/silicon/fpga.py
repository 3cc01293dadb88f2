"""The device that a design is placed on."""

from dataclasses import dataclass

__all__ = ["Fpga"]


@dataclass(frozen=True, kw_only=True)
class Fpga:
    """A device on a board.

    family:         `ecp5` or `ice40`.
    part:           as it is sold, for messages.
    options:        nextpnr's for it.
    oscillator_mhz: of the board.
    constraints:    text of the board's constraint file: which pad is where.
    """

    family: str
    part: str
    options: tuple[str, ...]
    oscillator_mhz: float
    constraints: str
