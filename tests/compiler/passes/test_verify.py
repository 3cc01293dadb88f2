"""A wrong result of each pass is found and reported as a fault of firstspike."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import grid_network

from firstspike_compiler.passes.bounds import layer_bounds
from firstspike_compiler.passes.drop_inputs import drop_inputs
from firstspike_compiler.passes.grid import lay_grid
from firstspike_compiler.passes.quantise import round_layer
from firstspike_compiler.passes.tables import build_network
from firstspike_compiler.passes.verify import (
    CompilerFault,
    verify_bounds,
    verify_geometry,
    verify_grid,
    verify_integers,
    verify_network,
)
from firstspike_compiler.targets import load_target

TARGET = load_target("generic")
IR = grid_network()
GRID = lay_grid(IR, 16)
LAYERS = tuple(round_layer(IR, GRID, k, 1 / 64) for k in range(2))
FIRST, ROWS = drop_inputs(LAYERS[0])
NETWORK = build_network(IR, GRID, (FIRST, LAYERS[1]), ROWS, 0)
BOUNDS = layer_bounds(NETWORK)


def layers(k: int, **changed: Any) -> Any:
    return tuple(replace(layer, **(changed if n == k else {})) for n, layer in enumerate(LAYERS))


def weights(value: int, dtype: type = np.int8) -> Any:
    changed = LAYERS[1].weights.astype(dtype)
    changed[0, 0] = value
    return changed


def network(k: int, **changed: Any) -> Any:
    return replace(
        NETWORK,
        layers=tuple(replace(layer, **(changed if n == k else {})) for n, layer in enumerate(NETWORK.layers)),
    )


def fewer_weights() -> Any:
    changed = NETWORK.layers[1].weights.copy()
    changed[0, np.flatnonzero(changed[0])[0]] = 0
    return changed


def test_good_results_pass() -> None:
    verify_grid(IR, GRID)
    verify_integers(IR, LAYERS)
    verify_network(LAYERS, ROWS, NETWORK)
    verify_bounds(BOUNDS, TARGET)
    verify_grid(IR, replace(GRID, input_delays=np.full(4, 16)))  # T means never


@pytest.mark.parametrize(
    ("check", "name", "wrong"),
    [
        (
            lambda: verify_grid(IR, replace(GRID, input_delays=GRID.input_delays[1:])),
            "grid",
            "3 input delays of 4",
        ),
        (lambda: verify_grid(IR, replace(GRID, delays=GRID.delays[1:])), "grid", "times of 1 layers of 2"),
        (
            lambda: verify_grid(IR, replace(GRID, input_delays=np.full(4, 17))),
            "grid",
            "delays outside the window",
        ),
        (
            lambda: verify_grid(IR, replace(GRID, delays=(np.full(8, -1), GRID.delays[1]))),
            "grid",
            "delays outside the window",
        ),
        (
            lambda: verify_grid(IR, replace(GRID, constant_times=(np.array([16]), np.zeros(0, np.int64)))),
            "grid",
            "constant inputs outside the window",
        ),
        (
            lambda: verify_integers(IR, layers(0, weights=LAYERS[0].weights[1:])),
            "quantise",
            "weights of shapes [(3, 8), (8, 3)]",
        ),
        (
            lambda: verify_integers(IR, layers(1, weights=weights(1, np.int16))),
            "quantise",
            "weights that are not int8",
        ),
        (lambda: verify_integers(IR, layers(1, weights=weights(-128))), "quantise", "a weight below -127"),
        (lambda: verify_integers(IR, layers(1, theta=0)), "quantise", "a threshold below 1"),
        (
            lambda: verify_network(LAYERS, ROWS, network(1, delays=np.array([0, 0, 1]))),
            "tables",
            "an inconsistent network: layer 1: output delays must be 0",
        ),
        (lambda: verify_network(LAYERS, ROWS, network(1, weights=fewer_weights())), "tables", "1 nonzero weights out"),
        (
            lambda: verify_network(LAYERS, replace(ROWS, kept=ROWS.kept[1:]), NETWORK),
            "tables",
            "an input map that does not name its rows",
        ),
        (
            lambda: verify_network(LAYERS, ROWS, network(0, a=np.full(16, 2**17))),
            "tables",
            "an entry beyond 17 bits",
        ),
        (
            lambda: verify_bounds(BOUNDS, replace(TARGET, a_bits=2)),
            "bounds",
            f"accumulators of {[need.bits for need in BOUNDS]} bits",
        ),
        (lambda: verify_geometry(None, TARGET), "geometry", "no room for the weights on generic"),
    ],
)
def test_a_planted_fault_is_named(check: Callable[[], Any], name: str, wrong: str) -> None:
    with pytest.raises(CompilerFault) as error:
        check()
    assert str(error.value) == (
        f"the pass {name!r} has left {wrong}; this is a fault of firstspike, please report it with the network"
    )


def test_the_largest_entries_pass() -> None:
    verify_network(LAYERS, ROWS, network(0, a=np.full(16, 2**17 - 1)))
    narrow = replace(TARGET, a_bits=max(b.a_bits for b in BOUNDS), v_bits=max(b.v_bits for b in BOUNDS))
    verify_bounds(BOUNDS, narrow)
    assert verify_geometry((), TARGET) == ()
