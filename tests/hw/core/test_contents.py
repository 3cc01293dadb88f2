"""A loading plan becomes bits of the gateware's memories, and these bits give the network back."""

import numpy as np
import pytest
from core_configs import BUILT, small_config
from networks import random_network

from firstspike_contract import load_plan
from firstspike_contract.core.unloading import memory_beats, network_from
from firstspike_hw.board.chains import CORE, emit_rtlil
from firstspike_hw.core.contents import contents_of, loaded_from
from firstspike_hw.silicon.netlist import block_memories
from firstspike_hw.silicon.pll import pll_for

PLL = pll_for("ecp5", 25, 100)


@pytest.mark.parametrize("ring", [False, True])
@pytest.mark.parametrize("kernel", BUILT)
def test_a_network_comes_back_from_the_memories(kernel, ring) -> None:
    config = small_config(kernels=(kernel,), ring=ring, boot=192)
    network = random_network(3, kernel=kernel, sizes=(14, 7, 5, 3))
    plan = load_plan(network, config)
    registers, beats = loaded_from(contents_of(plan, config, CORE), config, CORE)
    back = network_from(config, registers, beats)
    assert back.kernel == kernel
    assert back.steps == network.steps
    assert np.array_equal(back.input_map, network.input_map)
    assert np.array_equal(back.input_delays, network.input_delays)
    for mine, layer in zip(back.layers, network.layers, strict=True):
        order = np.argsort(layer.constant_times, kind="stable")  # the core keeps constant inputs in time order
        assert np.array_equal(mine.weights[: layer.inputs], layer.weights[: layer.inputs])
        assert np.array_equal(mine.weights[layer.inputs :], layer.weights[layer.inputs :][order])
        assert np.array_equal(mine.constant_times, np.sort(layer.constant_times))
        assert np.array_equal(mine.th, layer.th)
        assert np.array_equal(mine.delays, layer.delays)
        assert np.array_equal(mine.a, layer.a)
        assert np.array_equal(np.diff(mine.m), np.diff(layer.m))
    for block in plan.memories:
        assert np.array_equal(beats[block.kind, block.stage][: len(block.beats)], block.beats)
    assert {key: len(words) for key, words in beats.items()} == memory_beats(config)


@pytest.mark.parametrize("kernel", BUILT)
def test_the_contents_are_those_of_the_memories_of_the_design(kernel) -> None:
    config = small_config(kernels=(kernel,), boot=192)
    plan = load_plan(random_network(3, kernel=kernel), config)
    shapes = {path: bits.shape for path, bits in contents_of(plan, config, CORE).items()}
    made = {
        memory.path: (memory.depth, memory.width)
        for memory in block_memories(emit_rtlil(config, family="ecp5", pll=PLL))
    }
    assert shapes == made
