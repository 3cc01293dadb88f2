"""Tests load plans at the limits of a core: stages of layers, words to write, and every refusal with its message."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from networks import layer_of, network_of, random_network

from firstspike_contract import CONFIGS, DROPPED, CoreConfig, FirstspikeError, Network, StageConfig
from firstspike_contract.core.loading import boot_program, core_for, load_plan, place
from firstspike_contract.core.memories import MAP_ENTRY, TABLE_WORD
from firstspike_contract.core.register_map import Memory, offset_of, write_of


def core(*lanes: int, **changed: Any) -> CoreConfig:
    """Returns a core of small stages; `changed` changes every stage."""
    how = {"depth": 16, "max_rows": 2, "inputs": 8, "constants": 2, "a_bits": 20, "v_bits": 30} | changed
    return CoreConfig(stages=tuple(StageConfig(lanes=count, **how) for count in lanes), addresses=8, max_steps=16)


def net(*sizes: int, **how: Any) -> Network:
    """Returns a network of these sizes whose weights are all 1."""
    return network_of(*(layer_of(np.ones((a, b)), theta=3, **how) for a, b in pairwise(sizes)))


@pytest.mark.parametrize(
    ("network", "lanes", "stages"),
    [
        (net(4, 2), (2,), (0,)),
        (net(4, 2), (2, 2, 2), (2,)),  # the output layer takes the last stage
        (net(4, 3, 2), (2, 2, 2), (0, 2)),  # a hidden layer takes the first stage that holds it
        (net(4, 8, 2), (2, 4, 2), (1, 2)),  # the first stage has 4 neurons
        (net(8, 4, 2), (2, 2), (0, 1)),  # 8 inputs and 2 rows of neurons need all 16 words
    ],
)
def test_the_stages_that_layers_take(network: Network, lanes: tuple[int, ...], stages: tuple[int, ...]) -> None:
    assert place(network, core(*lanes)) == stages


@pytest.mark.parametrize(
    ("network", "config", "message"),
    [
        (net(9, 2), core(2), "the core has 8 addresses, the network needs 9"),
        (net(4, 2, steps=32), core(2), "the core walks 16 steps, the network needs 32"),
        (net(4, 2, 2), core(2), "layers of 4 x 2, 2 x 2 do not fit the stages of the core: 2 lanes x 2 rows, 16 words"),
        (net(4, 5), core(2), "layers of 4 x 5 do not fit the stages of the core: 2 lanes x 2 rows, 16 words"),
        (
            net(8, 4),
            core(2, depth=15),
            "layers of 8 x 4 do not fit the stages of the core: 2 lanes x 2 rows, 15 words",
        ),
        (
            network_of(layer_of(np.ones((5, 2)), 3, constant_times=(0, 1, 2))),
            core(2),
            "layers of 5 x 2 do not fit the stages of the core: 2 lanes x 2 rows, 16 words",
        ),
        (
            network_of(layer_of(np.ones((4, 2)), 3, "step"), kernel="step"),
            core(2, kernels=("linear", "alpha")),
            "stage 0 is built for linear, alpha; the network's kernel is step",
        ),
        (
            net(4, 2),
            core(2, a_bits=3),
            "stage 0 has accumulators of 3 and 30 bits, the layer needs 4 and 7 in the worst case",
        ),
        (
            net(4, 2),
            core(2, v_bits=6),
            "stage 0 has accumulators of 20 and 6 bits, the layer needs 4 and 7 in the worst case",
        ),
    ],
)
def test_what_does_not_fit_is_refused(network: Network, config: CoreConfig, message: str) -> None:
    with pytest.raises(FirstspikeError) as error:
        load_plan(network, config)
    assert str(error.value) == message


def test_what_just_fits_is_planned() -> None:
    load_plan(net(4, 2), core(2, a_bits=4, v_bits=7))
    load_plan(network_of(layer_of(np.ones((6, 2)), 3, constant_times=(0, 15))), core(2))


@pytest.mark.parametrize(
    ("kernel", "table", "fixed"),
    [
        ("linear", "a", "a = 1, m = t and one threshold"),
        ("linear", "m", "a = 1, m = t and one threshold"),
        ("linear", "th", "a = 1, m = t and one threshold"),
        ("step", "a", "a = 1 and m = 0"),
        ("step", "m", "a = 1 and m = 0"),
        ("exponential", "a", "a = 1"),
        ("alpha", "m", "m = t"),
    ],
)
def test_tables_that_the_kernel_does_not_have_are_refused(kernel: Any, table: str, fixed: str) -> None:
    good = layer_of(np.ones((4, 2)), theta=3, kernel=kernel)
    load_plan(network_of(good, kernel=kernel), core(2))
    changed = getattr(good, table).copy()
    changed[-1] += 1
    with pytest.raises(FirstspikeError) as error:
        load_plan(network_of(replace(good, **{table: changed}), kernel=kernel), core(2))
    assert str(error.value) == f"the kernel {kernel} requires {fixed}; the tables of this network differ"


def test_the_plan_holds_the_network() -> None:
    """Four neurons on three lanes are two rows. Constant inputs are loaded in time order, too long delays as T."""
    weights = np.arange(1, 17).reshape(4, 4)
    network = network_of(
        layer_of(weights, theta=9, constant_times=(5, 2), delays=(0, 1, 15, 99)),
        layer_of(np.ones((4, 2)), theta=3),
        input_map=(1, DROPPED, 0),
        input_delays=(3, 400),
    )
    config = core(3, 2)
    plan = load_plan(network, config)
    assert plan.stages == (0, 1)
    assert plan.registers == (
        write_of("STEPS", value=16),
        write_of("ADDRESSES", value=3),
        write_of("ACTIVE", value=3),
        *(write_of(name, 0, value=n) for name, n in (("INPUTS", 2), ("CONSTANTS", 2), ("OUTPUTS", 4), ("ROWS", 2))),
        *(write_of(name, 1, value=n) for name, n in (("INPUTS", 4), ("CONSTANTS", 0), ("OUTPUTS", 2), ("ROWS", 1))),
    )
    blocks = {(block.kind, block.stage): block.beats for block in plan.memories}
    assert list(blocks) == [
        (Memory.INPUT_MAP, 0),
        *((kind, 0) for kind in (Memory.WEIGHTS, Memory.TABLES, Memory.DELAYS, Memory.CONSTANTS)),
        *((kind, 1) for kind in (Memory.WEIGHTS, Memory.TABLES)),  # no constant inputs; no delays of outputs
    ]
    entries = [MAP_ENTRY.unpack(int(beat)) for beat in blocks[Memory.INPUT_MAP, 0]]
    assert [(entry["kept"], entry["row"], entry["delay"]) for entry in entries] == [(1, 1, 16), (0, 0, 0), (1, 0, 3)]
    rows = weights[[0, 1, 3, 2]]  # the constant input of step 2 comes before that of step 5
    words = blocks[Memory.WEIGHTS, 0].view(np.int8).reshape(2, 4, 4)
    np.testing.assert_array_equal(words[0], np.pad(rows[:, :3], ((0, 0), (0, 1))))
    np.testing.assert_array_equal(words[1], np.pad(rows[:, 3:], ((0, 0), (0, 3))))
    tables = blocks[Memory.TABLES, 0].view(TABLE_WORD.dtype)
    assert tables["gain"].tolist() == [1] * 16
    assert tables["rise"].tolist() == [0] + [1] * 15
    assert tables["threshold_change"].tolist() == [9] + [0] * 15
    assert blocks[Memory.DELAYS, 0].tolist() == [0, 1, 15, 16]
    assert blocks[Memory.CONSTANTS, 0].tolist() == [2, 5]


def test_a_boot_program_writes_registers_and_constants_and_starts_the_core() -> None:
    network = network_of(layer_of(np.ones((6, 2)), theta=3, constant_times=(7, 4)))
    plan = load_plan(network, core(2))
    assert boot_program(plan) == (
        *plan.registers,
        write_of("MEM_SELECT", kind=Memory.CONSTANTS, stage=0),
        write_of("MEM_ADDRESS", value=0),
        (offset_of("MEM_DATA"), 4),
        (offset_of("MEM_DATA"), 7),
        write_of("CONTROL", run=1),
    )
    plain = load_plan(net(4, 2), core(2))
    assert boot_program(plain) == (*plain.registers, write_of("CONTROL", run=1))


def test_the_first_core_that_holds_a_network_is_taken() -> None:
    assert core_for(net(4, 2)) == ("fast", CONFIGS["fast"])
    assert core_for(net(4, 2), "small") == ("small", CONFIGS["small"])
    with pytest.raises(FirstspikeError) as error:
        core_for(net(2000, 2), "small")
    assert str(error.value) == (
        "the network fits none of the cores; small: the core has 1024 addresses, the network needs 2000"
    )
    with pytest.raises(FirstspikeError) as error:
        core_for(random_network(1, sizes=(2000, 3)))
    assert [line.partition(": ")[0] for line in str(error.value).split("; ")[1:]] == list(CONFIGS)
