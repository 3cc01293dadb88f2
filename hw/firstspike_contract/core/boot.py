"""The boot program: register writes that a core performs by itself after reset, so that it needs no host to be loaded.

What distinguishes networks lies in block RAM; sizes and the times of constant inputs do not, and are written by this.

    word 3 n      write [15]   address of the register / 4 [9:0]
    word 3 n + 1  data, low half
    word 3 n + 2  data, high half

The program ends at the first word 3 n without bit 15, or with the memory.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.common.errors import FirstspikeError

__all__ = ["BOOT_WRITE", "WORDS_PER_WRITE", "boot_writes", "pack_boot"]

BOOT_WRITE: Final = 1 << 15
WORDS_PER_WRITE: Final = 3


def pack_boot(writes: Iterable[tuple[int, int]], words: int) -> NDArray[np.uint32]:
    """(byte offset, value) in order -> contents of a boot memory, uint32 ``[words]``, 16 bits used.

    Raises FirstspikeError if there are more writes than the memory holds.
    """
    flat = [part for at, value in writes for part in (BOOT_WRITE | at >> 2, value & 0xFFFF, value >> 16)]
    if len(flat) > words:
        raise FirstspikeError(
            f"the boot memory holds {words // WORDS_PER_WRITE} register writes, the network needs "
            f"{len(flat) // WORDS_PER_WRITE}; use fewer constant inputs"
        )
    return np.array(flat + [0] * (words - len(flat)), np.uint32)


def boot_writes(words: Sequence[int]) -> list[tuple[int, int]]:
    """What a core does with those words after reset: (byte offset, value) in order."""
    writes = []
    for n in range(0, len(words) - WORDS_PER_WRITE + 1, WORDS_PER_WRITE):
        first, low, high = (int(word) for word in words[n : n + WORDS_PER_WRITE])
        if not first & BOOT_WRITE:
            break
        writes.append(((first & 0x3FF) << 2, low | high << 16))
    return writes
