"""The boot program: register writes that a core performs by itself after reset, so that no host needs to load it.

A bitstream holds the contents of block memories. It does not hold the sizes of the network and the times of constant
inputs; the boot program writes these.

    word 3 n      BOOT_WRITE: the register, and a flag that says that there is a write
    word 3 n + 1  BOOT_DATA, low half
    word 3 n + 2  BOOT_DATA, high half

The program ends at the first word 3 n without that flag, or at the end of the memory.

Tested by tests/hw/core/test_boot.py.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.common.errors import FirstspikeError

from .memories import BOOT_DATA, BOOT_WRITE

__all__ = ["WORDS_PER_WRITE", "boot_writes", "pack_boot"]

WORDS_PER_WRITE: Final = 3


def pack_boot(writes: Iterable[tuple[int, int]], words: int) -> NDArray[np.uint32]:
    """Returns the contents of a boot memory, uint32 ``[words]``, 16 bits used.

    writes: (byte offset, value) in order.

    Raises FirstspikeError if there are more writes than the memory holds.
    """
    flat: list[int] = []
    for at, value in writes:
        flat += [BOOT_WRITE.pack(register=at // 4, write=1), *BOOT_DATA.unpack(value).values()]
    if len(flat) > words:
        raise FirstspikeError(
            f"the boot memory holds {words // WORDS_PER_WRITE} register writes, the network needs "
            f"{len(flat) // WORDS_PER_WRITE}; use fewer constant inputs"
        )
    return np.array(flat + [0] * (words - len(flat)), np.uint32)


def boot_writes(words: Sequence[int]) -> list[tuple[int, int]]:
    """Returns the writes of a core whose boot memory has these words: (byte offset, value) in order."""
    writes = []
    for n in range(0, len(words) - WORDS_PER_WRITE + 1, WORDS_PER_WRITE):
        first, low, high = (int(word) for word in words[n : n + WORDS_PER_WRITE])
        head = BOOT_WRITE.unpack(first)
        if not head["write"]:
            break
        writes.append((4 * head["register"], BOOT_DATA.pack(low=low, high=high)))
    return writes
