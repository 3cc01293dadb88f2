"""Words of the memories that a core is loaded with (docs/core.md, memories), and their place in block memories."""

from typing import Final, NamedTuple

from firstspike_contract.common.layout import Field, Layout

from .config import StageConfig
from .register_map import Memory
from .stream_format import BEAT_BITS

__all__ = [
    "BOOT_DATA",
    "BOOT_WRITE",
    "GROUP_BITS",
    "LANE_GROUP",
    "MAP_ENTRY",
    "TABLE_WORD",
    "beats_per_word",
    "slice_width",
    "weight_slices",
]

# One entry for each external address.
MAP_ENTRY: Final = Layout(
    "Word of the input map",
    Field(name="row", bits=16, doc="weight row"),
    Field(name="delay", bits=15, doc="steps; with max_steps no event is in time"),
    Field(name="kept", bits=1, doc="1: the address has a row"),
)

# One word for each step. The differences are to the step before; at step 0 that of `m` is 0, and that of `th` is th[0].
TABLE_WORD: Final = Layout(
    "Word of the tables",
    Field(name="gain", bits=32, doc="a[t]"),
    Field(name="rise", bits=32, doc="m[t] - m[t-1]"),
    Field(name="threshold_change", bits=64, doc="th[t] - th[t-1]", signed=True),
)

# A boot program (core.boot) has three words for each register write.
BOOT_WRITE: Final = Layout(
    "First word of a boot write",
    Field(name="register", bits=10, doc="address of the register / 4"),
    Field(name="write", bits=1, doc="0: the program ends here", lsb=15),
)
BOOT_DATA: Final = Layout(
    "Data of a boot write",
    Field(name="low", bits=16, doc="second word"),
    Field(name="high", bits=16, doc="third word"),
)

GROUP_BITS: Final = 144  # bits of a weight word whose 16, 8 or 4 blocks share a copy of the addresses
LANE_GROUP: Final = GROUP_BITS // 8  # lanes beside such a group, which share a copy of the operation


def slice_width(depth: int) -> int:
    """Returns how many bits of a weight word one block memory of that depth holds: a nine-bit block is used in full.

    A DP16KD of the ECP5 is 512 x 36, 1024 x 18 or 2048 x 9.
    """
    return 36 if depth <= 512 else 18 if depth <= 1024 else 9


class WeightSlice(NamedTuple):
    """Bits first .. end - 1 of a weight word in a block memory of their own: slice `number` of group `group`."""

    group: int
    number: int
    first: int
    end: int


def weight_slices(lanes: int, depth: int) -> list[WeightSlice]:
    """Returns the slices of a weight word of `lanes` weights for block memories of `depth`, in groups of GROUP_BITS."""
    step, width = slice_width(depth), 8 * lanes
    return [
        WeightSlice(group, number, first, min(first + step, lsb + GROUP_BITS, width))
        for group, lsb in enumerate(range(0, width, GROUP_BITS))
        for number, first in enumerate(range(lsb, min(lsb + GROUP_BITS, width), step))
    ]


def beats_per_word(kind: Memory, stage: StageConfig) -> int:
    """Returns the number of 32-bit beats of one memory word."""
    if kind == Memory.WEIGHTS:
        return -(-stage.lanes * 8 // BEAT_BITS)
    return TABLE_WORD.bits // BEAT_BITS if kind == Memory.TABLES else 1
