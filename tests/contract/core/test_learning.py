"""Tests learning on a core at its limits: accumulators, registers, and unordered constant inputs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import layer_of, network_of

from firstspike_contract import CoreConfig, FirstspikeError, LearnSettings, Network, StageConfig, load_plan
from firstspike_contract.core.learning import check_core_learns, learning_registers, with_learnt
from firstspike_contract.core.register_map import Memory, write_of

NETWORK = network_of(
    layer_of([[1, 2], [3, 4], [5, 6], [7, 8]], theta=3, constant_times=(9, 2)), layer_of([[1, 1], [1, 1]], theta=3)
)
SETTINGS = LearnSettings(margin=2, late=7, chances=(1, 3), seed=99)


def core(*, stages: int = 2, learning: bool = True, **changed: Any) -> CoreConfig:
    how = {"depth": 16, "max_rows": 1, "inputs": 8, "constants": 2, "a_bits": 20, "v_bits": 30} | changed
    stage = StageConfig(lanes=2, learning=learning, **how)
    return CoreConfig(stages=(stage,) * stages, addresses=8, max_steps=16)


def refusal(network: Network, config: CoreConfig) -> str:
    with pytest.raises(FirstspikeError) as error:
        check_core_learns(network, config)
    return str(error.value)


def test_a_core_without_learning_is_refused() -> None:
    check_core_learns(NETWORK, core())
    assert refusal(NETWORK, core(learning=False)) == (
        "this core was built without learning; take one that has it, such as sim:learning, or "
        "StageConfig(learning=True) in every stage; or let the model learn: --board model:"
    )


@pytest.mark.parametrize(("a_bits", "v_bits", "good"), [(10, 14, True), (9, 14, False), (10, 13, False)])
def test_accumulators_must_hold_the_largest_weights(a_bits: int, v_bits: int, good: bool) -> None:
    """Two inputs and two constant inputs of weight 127 make A reach 508, and V reach 127 (2 x 15 + 6 + 13)."""
    config = core(a_bits=a_bits, v_bits=v_bits)
    load_plan(NETWORK, config)  # with its present weights the network fits
    if good:
        check_core_learns(NETWORK, config)
        return
    assert refusal(NETWORK, config) == (
        f"stage 0 has accumulators of {a_bits} and {v_bits} bits; the layer needs 10 and 14 once all weights may "
        "become +-127; use fewer inputs or steps"
    )


@pytest.mark.parametrize("count", [None, 0, 2**32 - 1])
def test_registers_of_learning(count: int | None) -> None:
    """A network of two layers on three stages leaves the second stage unused."""
    assert learning_registers(NETWORK, core(stages=3), SETTINGS, count) == (
        write_of("LEARN", margin=2, late=7),
        write_of("LEARN_SEED", value=99),
        *(() if count is None else (write_of("LEARN_COUNT", value=count),)),
        write_of("CHANCE", 0, p=1),
        write_of("CHANCE", 2, p=3),
    )


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(FirstspikeError):
        learning_registers(NETWORK, core(), replace(SETTINGS, chances=(1,)))


def test_learnt_weights_come_back_to_their_rows() -> None:
    """The core holds the constant input of step 2 before that of step 9."""
    config = core(stages=3)
    changed = replace(NETWORK, layers=tuple(replace(layer, weights=-layer.weights) for layer in NETWORK.layers))
    plan = load_plan(changed, config)
    memories = {block.stage: block.beats for block in plan.memories if block.kind == Memory.WEIGHTS}
    found = with_learnt(NETWORK, config, memories)
    for mine, own in zip(found.layers, changed.layers, strict=True):
        np.testing.assert_array_equal(mine.weights, own.weights)
    assert found.layers[0].constant_times is NETWORK.layers[0].constant_times
