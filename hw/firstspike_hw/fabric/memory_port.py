"""How the host reaches a memory inside the core: whole words, while the core is idle."""

from typing import Final

import numpy as np
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from .sizes import check_sizes

__all__ = ["APART", "IN_BLOCKS", "IN_LOGIC", "Contents", "MemoryPort"]

Contents = NDArray[np.uint8]  # of a memory, [depth, width]: its bits, the lowest of each word first

# Where a memory is to lie, for synthesis. What the host loads lies in block memories, whose contents a bitstream can be
# given without place and route. A word is never used that was read while it was written, where it says so: then
# nothing has to be added behind a block to make that case as in simulation.
APART: Final = {"read_and_written_apart": 1}
IN_BLOCKS: Final = {"ram_style": "block", **APART}
IN_LOGIC: Final = {"ram_style": "distributed"}


class MemoryPort(wiring.Signature):
    """Out is from the host's side.

    active:  the host has the read port: `address` is read, `data` follows at most `latency` cycles later (of a wide
             stage one more), and stays.
    write:   strobe: `word`, which stays for another cycle, goes to `address`.
    """

    latency = 2

    def __init__(self, *, width: int, address_bits: int = 16) -> None:
        check_sizes(self, width=width, address_bits=address_bits)
        self.width = width
        super().__init__(
            {
                "active": Out(1),
                "address": Out(address_bits),
                "write": Out(1),
                "word": Out(width),
                "data": In(width),
            }
        )
