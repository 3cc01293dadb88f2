"""The port by which the host reaches a memory inside the core: whole words, while the core is idle.

Tested by tests/hw/core/test_core.py.
"""

from typing import Final

import numpy as np
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from .sizes import check_sizes

__all__ = ["APART", "IN_BLOCKS", "IN_LOGIC", "Contents", "MemoryPort"]

Contents = NDArray[np.uint8]  # bits of a memory, [depth, width], the lowest of each word first

# Attributes that tell synthesis where a memory lies. Memories that the host loads lie in block memories, whose contents
# a bitstream can be given without place and route. APART promises that a word read in the cycle in which it is written
# is never used; synthesis then adds no logic behind a block to make that case behave as in simulation.
APART: Final = {"read_and_written_apart": 1}
IN_BLOCKS: Final = {"ram_style": "block", **APART}
IN_LOGIC: Final = {"ram_style": "distributed"}


class MemoryPort(wiring.Signature):
    """Ports of a memory for the host; directions are the host's.

    active:  out, 1 bit. The host has the read port, and reads `address`.
    address: out, `address_bits` bits. Word address.
    write:   out, strobe. Writes `word` to `address`.
    word:    out, `width` bits. Valid with `write`; stays for another cycle.
    data:    in, `width` bits. The word read, at most `latency` cycles after `active` and `address` (in a wide stage
             one more); stays as long as they do.
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
