"""Block memories in the text of an iCE40 bitstream are read and written."""

import numpy as np
import pytest

from firstspike_hw.silicon.ice40 import Ice40

FAMILY = Ice40()


def text(blocks) -> bytes:
    """Returns a bitstream as text, with the blocks between other tiles."""
    lines = [".device 5k", ".logic_tile 1 1", "0101"]
    for (column, row), words in blocks.items():
        lines.append(f".ram_data {column} {row}")
        for k in range(16):
            lines.append("".join(f"{word:04x}" for word in reversed(words[16 * k : 16 * k + 16].tolist())))
        lines.append("")
    return "\n".join([*lines, ".io_tile 0 1", "11", ""]).encode()


@pytest.fixture
def words():
    random = np.random.default_rng(2)
    return {place: random.integers(0, 1 << 16, 256).astype(np.uint16) for place in ((6, 1), (19, 21))}


def test_entries_are_words_of_two_bits(words) -> None:
    read = FAMILY.read_blocks(text(words))
    assert list(read) == [6 << 8 | 1, 19 << 8 | 21]
    first = words[6, 1][7]
    assert read[6 << 8 | 1][8 * 7 + 0] == (first >> 0 & 1) | (first >> 8 & 1) << 1
    assert read[6 << 8 | 1][8 * 7 + 1] == (first >> 4 & 1) | (first >> 12 & 1) << 1
    assert read[6 << 8 | 1][8 * 7 + 7] == (first >> 7 & 1) | (first >> 15 & 1) << 1


def test_other_contents_change_their_lines_only(words) -> None:
    before = text(words)
    read = FAMILY.read_blocks(before)
    assert FAMILY.with_blocks(before, read) == before
    other = text({**words, (19, 21): np.arange(256, dtype=np.uint16) * 11})
    after = FAMILY.with_blocks(before, {19 << 8 | 21: FAMILY.read_blocks(other)[19 << 8 | 21]})
    assert after == other
    assert FAMILY.without_blocks(after) == FAMILY.without_blocks(before)
    assert FAMILY.without_blocks(after.replace(b"0101", b"0111")) != FAMILY.without_blocks(before)
