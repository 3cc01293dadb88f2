"""Memory words at the limits of beats and of block memories."""

import pytest

from firstspike_contract import StageConfig
from firstspike_contract.core.memories import (
    BOOT_DATA,
    GROUP_BITS,
    MAP_ENTRY,
    TABLE_WORD,
    beats_per_word,
    slice_width,
    weight_slices,
)
from firstspike_contract.core.register_map import Memory


@pytest.mark.parametrize(("lanes", "beats"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3), (200, 50)])
def test_a_word_of_weights_fills_whole_beats(lanes: int, beats: int) -> None:
    stage = StageConfig(lanes=lanes, depth=16, max_rows=1)
    assert beats_per_word(Memory.WEIGHTS, stage) == beats


@pytest.mark.parametrize("kind", [kind for kind in Memory if kind != Memory.WEIGHTS])
def test_other_words_have_one_beat_and_tables_four(kind: Memory) -> None:
    stage = StageConfig(lanes=9, depth=16, max_rows=1)
    assert beats_per_word(kind, stage) == (4 if kind == Memory.TABLES else 1)
    assert (TABLE_WORD.bits, MAP_ENTRY.bits, BOOT_DATA.bits) == (128, 32, 32)


@pytest.mark.parametrize(("depth", "width"), [(1, 36), (512, 36), (513, 18), (1024, 18), (1025, 9), (2048, 9)])
def test_a_slice_is_as_wide_as_a_block_memory_of_that_depth(depth: int, width: int) -> None:
    assert slice_width(depth) == width


@pytest.mark.parametrize("depth", [512, 1024, 2048])
@pytest.mark.parametrize("lanes", [1, 2, 18, 19, 36, 37, 200])
def test_slices_cover_every_bit_once(lanes: int, depth: int) -> None:
    slices = weight_slices(lanes, depth)
    assert [bit for piece in slices for bit in range(piece.first, piece.end)] == list(range(8 * lanes))
    assert all(0 < piece.end - piece.first <= slice_width(depth) for piece in slices)
    assert all(piece.group == piece.first // GROUP_BITS == (piece.end - 1) // GROUP_BITS for piece in slices)
    groups = [[piece.number for piece in slices if piece.group == group] for group in {p.group for p in slices}]
    assert all(numbers == list(range(len(numbers))) for numbers in groups)
