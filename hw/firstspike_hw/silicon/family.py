"""Families of devices: the files of a build, and access to the block RAM contents in a bitstream.

Tested by tests/host/cli/test_build.py.
"""

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
    """A family of devices.

    The methods call `data` the form of a bitstream in which they read and write contents of block RAM.

    geometry:    shape of a block RAM.
    routed:      name of nextpnr's output file.
    constraints: ending of the pin constraint file.
    bitstream:   name of the bitstream file.
    clock_is_routed: whether place and route fixes the core's clock; otherwise it is set afterwards.
    """

    geometry: ClassVar[Geometry]
    routed: ClassVar[str]
    constraints: ClassVar[str]
    bitstream: ClassVar[str]
    clock_is_routed: ClassVar[bool]

    def template(self, folder: Path, pll: Pll) -> bytes:
        """Returns the data of the design that was routed in `folder`, with the clock `pll`."""
        ...

    def write(self, data: bytes, out: Path) -> None:
        """Writes the bitstream into the folder `out`."""
        ...

    def read(self, bitstream: Path) -> bytes:
        """Returns the data of a bitstream file."""
        ...

    def read_blocks(self, data: bytes) -> Blocks:
        """Returns the contents of all blocks."""
        ...

    def with_blocks(self, data: bytes, blocks: Mapping[int, NDArray[np.uint16]]) -> bytes:
        """Returns `data` with new contents of the given blocks; other blocks stay."""
        ...

    def without_blocks(self, data: bytes) -> bytes:
        """Returns `data` without contents of blocks, to compare all the rest."""
        ...


FAMILIES: Final[dict[str, Family]] = {"ecp5": Ecp5(), "ice40": Ice40()}


def tools_of(family: str) -> tuple[Tool, ...]:
    """Returns one tool from each package that a build needs."""
    return (YOSYS, ECPPACK if family == "ecp5" else NEXTPNR_ICE40)
