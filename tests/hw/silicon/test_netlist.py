"""RTLIL before synthesis: memories are found by path, get first contents, and equal modules are kept once."""

import numpy as np
import pytest
from core_configs import small_config

from firstspike_hw.board.chains import emit_rtlil
from firstspike_hw.silicon.netlist import BlockMemory, block_memories, known_contents, share_modules, with_contents
from firstspike_hw.silicon.pll import pll_for


@pytest.fixture(scope="module")
def design() -> str:
    config = small_config(kernels=("linear",), stages=2, lanes=(40, 3), ring=True, boot=192)
    return emit_rtlil(config, family="ecp5", pll=pll_for("ecp5", 25, 100))


def test_first_contents_are_written_into_each_memory(design) -> None:
    memories = block_memories(design)
    assert len({memory.path for memory in memories}) == len(memories)
    changed = with_contents(design, known_contents)
    for memory in memories:
        bits = "".join(map(str, known_contents(memory)[::-1, ::-1].reshape(-1).tolist()))
        assert changed.count(f"{len(bits)}'{bits}\n") == 1
    assert with_contents(changed, lambda memory: np.zeros((memory.depth, memory.width), np.uint8)) == design


def test_known_contents_differ_between_memories() -> None:
    one, other = (known_contents(BlockMemory(path=path, width=9, depth=64)) for path in ("top.a", "top.b"))
    assert one.shape == (64, 9)
    assert not np.array_equal(one, other)
    assert np.array_equal(one, known_contents(BlockMemory(path="top.a", width=9, depth=64)))


def test_equal_groups_of_lanes_are_one_module(design) -> None:
    shared = share_modules(design)
    cells = [line.split()[1] for line in shared.splitlines() if line.startswith("  cell ") and ".lanes" in line]
    modules = [line.split()[1] for line in shared.splitlines() if line.startswith("module ") and ".lanes" in line]
    # The 40 lanes are two groups of 18 and one of 4; the output stage has one group of 3. Each has parts for A and V.
    assert sum(name.endswith(("lanes0", "lanes2")) for name in cells) == 4
    assert sum(name.endswith(("lanes0", "lanes2")) for name in modules) == 3
    assert not any(name.endswith("lanes1") for name in modules)
    assert share_modules(shared).count("\nmodule ") == shared.count("\nmodule ")
