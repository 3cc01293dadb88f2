"""Unloading reverses loading: core configuration and network are restored from registers and memories."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstspike_contract import CONFIGS, CoreConfig, FirstspikeError, Network, StageConfig, load_plan
from firstspike_contract.core.register_map import Memory, offset_of
from firstspike_contract.core.unloading import IDENTITY, config_from, identity, memory_beats, network_from
from firstspike_sim.rtl.fuzz import CORES
from firstspike_sim.rtl.random_cases import random_case


def placed(seed: int) -> tuple[Network, CoreConfig]:
    """Returns a random network and a core configuration that holds it."""
    network = random_case(seed).network
    for config in CORES.values():
        with contextlib.suppress(FirstspikeError):
            load_plan(network, config)
            return network, config
    raise AssertionError(f"no core holds the network of seed {seed}")


def contents(network: Network, config: CoreConfig) -> tuple[dict[int, int], dict[tuple[Memory, int], np.ndarray]]:
    plan = load_plan(network, config)
    memories = {key: np.zeros(beats, np.uint32) for key, beats in memory_beats(config).items()}
    for block in plan.memories:
        memories[block.kind, block.stage][: len(block.beats)] = block.beats
    return dict(plan.registers), memories


@pytest.mark.parametrize("name", CONFIGS)
def test_the_identity_registers_give_the_core_configuration(name: str) -> None:
    config = CONFIGS[name]
    shown = identity(config)
    assert {*IDENTITY[0], *IDENTITY[1]} <= {register for register, _ in shown}
    assert config_from(lambda register, k: shown[register, k]) == config


def test_the_identity_registers_give_learning_and_every_capacity() -> None:
    stage = StageConfig(lanes=3, depth=7, max_rows=2, inputs=5, constants=1, a_bits=9, v_bits=17, learning=True)
    config = CoreConfig(stages=(stage, stage), addresses=12, max_steps=16)
    shown = identity(config)
    assert config_from(lambda register, k: shown[register, k]) == config


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_network_comes_back_as_it_was_loaded(seed: int) -> None:
    own, config = placed(seed)
    network = network_from(config, *contents(own, config))
    plan, again = load_plan(own, config), load_plan(network, config)
    assert plan.registers == again.registers
    for block, other in zip(plan.memories, again.memories, strict=True):
        assert (block.kind, block.stage) == (other.kind, other.stage)
        assert (block.beats == other.beats).all()
    assert (network.input_map == own.input_map).all()


def test_impossible_contents_are_refused() -> None:
    network, config = placed(3)
    registers, memories = contents(network, config)
    last = len(config.stages) - 1
    with pytest.raises(
        FirstspikeError, match=r"^registers STEPS and ADDRESSES hold 17 and \d+; this core can have no such network"
    ):
        network_from(config, registers | {offset_of("STEPS"): 17}, memories)
    with pytest.raises(
        FirstspikeError, match=rf"^stage {last} does not hold a layer of \d+ \+ \d+ inputs and 0 neurons$"
    ):
        network_from(config, registers | {offset_of("OUTPUTS", last): 0}, memories)
    memories[Memory.INPUT_MAP, 0][0] = 1 << 31 | 0xFFFF
    with pytest.raises(FirstspikeError, match=r"^the input map names a row that the first layer does not have$"):
        network_from(config, registers, memories)
