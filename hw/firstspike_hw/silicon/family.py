"""What differs between families of devices: what a bitstream is made of, and which of its bits are block RAM."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from .blocks import Blocks, Geometry
from .ecp5 import Ecp5
from .ice40 import Ice40
from .pll import Pll
from .tools import ECPPACK, NEXTPNR_ICE40, YOSYS, Tool

__all__ = ["FAMILIES", "Family", "tools_of"]


class Family(Protocol):
    """geometry: of a block RAM. routed: nextpnr's file. constraints: ending of the pins' file. bitstream: its name.

    clock_is_routed: the core's clock is fixed at place and route; otherwise it is set afterwards.
    `data` is that form of a bitstream in which contents are read and written.
    """

    geometry: ClassVar[Geometry]
    routed: ClassVar[str]
    constraints: ClassVar[str]
    bitstream: ClassVar[str]
    clock_is_routed: ClassVar[bool]

    def template(self, folder: Path, pll: Pll) -> bytes:
        """Data of the design that was routed in a folder, with that clock."""
        ...

    def write(self, data: bytes, out: Path) -> None:
        """The bitstream into a folder."""
        ...

    def read(self, bitstream: Path) -> bytes:
        """Data of a bitstream."""
        ...

    def read_blocks(self, data: bytes) -> Blocks:
        """Contents of all blocks."""
        ...

    def with_blocks(self, data: bytes, blocks: Mapping[int, NDArray[np.uint16]]) -> bytes:
        """The same with other contents of those blocks."""
        ...

    def without_blocks(self, data: bytes) -> bytes:
        """All that is not contents of blocks."""
        ...


FAMILIES: Final[dict[str, Family]] = {"ecp5": Ecp5(), "ice40": Ice40()}


def tools_of(family: str) -> tuple[Tool, ...]:
    """The tools that a build needs."""
    return (YOSYS, ECPPACK if family == "ecp5" else NEXTPNR_ICE40)
