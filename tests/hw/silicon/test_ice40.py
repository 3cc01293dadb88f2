"""Contents in the text of an iCE40 bitstream."""

import numpy as np
import pytest

from firstspike_hw.silicon.ice40 import Ice40

FAMILY = Ice40()


def text(blocks) -> bytes:
    """The text of those blocks, word by word, among other tiles."""
    lines = [".device 5k", ".logic_tile 1 1", "0101"]
    for (column, row), words in blocks.items():
        lines.append(f".ram_data {column} {row}")
        for k in range(16):
            lines.append("".join(f"{word:04x}" for word in reversed(words[16 * k : 16 * k + 16].tolist())))
        lines.append("")
    return "\n".join([*lines, ".io_tile 0 1", "11", ""]).encode()


@pytest.fixture
def blocks():
    random = np.random.default_rng(2)
    return {place: random.integers(0, 1 << 16, 256).astype(np.uint16) for place in ((6, 1), (19, 21))}


def test_blocks_are_read_as_they_were_written(blocks) -> None:
    read = FAMILY.read_blocks(text(blocks))
    assert list(read) == [6 << 8 | 1, 19 << 8 | 21]
    assert all(np.array_equal(*pair) for pair in zip(read.values(), blocks.values(), strict=True))


def test_other_contents_change_their_lines_alone(blocks) -> None:
    before, other = text(blocks), np.arange(256, dtype=np.uint16) * 11
    after = FAMILY.with_blocks(before, {19 << 8 | 21: other})
    assert after == text({**blocks, (19, 21): other})
    assert FAMILY.without_blocks(after) == FAMILY.without_blocks(before)
    assert FAMILY.without_blocks(after.replace(b"0101", b"0111")) != FAMILY.without_blocks(before)
