"""Worst cases with delays between layers, and accumulators that are just wide enough."""

from dataclasses import replace

import pytest
from networks import grid_network, layer_of, network_of

from firstspike_compiler.passes.bounds import explain_bounds, fits, layer_bounds, needed
from firstspike_compiler.passes.grid import lay_grid
from firstspike_compiler.passes.quantise import round_layer
from firstspike_compiler.targets import load_target
from firstspike_contract import worst_case
from firstspike_contract.arithmetic.bounds import Bounds

GENERIC = load_target("generic")


def test_each_layer_is_bounded_with_the_delays_before_it() -> None:
    """A delay of 15 leaves an input no step in which it could count; a late input raises V less."""
    first, second = layer_of([[100], [100]], theta=3, delays=(15,)), layer_of([[100]], theta=3)
    late = layer_bounds(network_of(first, second, input_delays=(0, 14)))
    early = layer_bounds(network_of(replace(first, delays=first.delays * 0), second))
    assert late[0] == worst_case(first, "linear", network_of(first, input_delays=(0, 14)).input_delays)
    assert late[0].v_bits < early[0].v_bits
    assert late[1].v_bits < early[1].v_bits


@pytest.mark.parametrize(("a", "v", "good"), [(0, 0, True), (1, 1, True), (-1, 0, False), (0, -1, False)])
def test_accumulators_that_are_just_wide_enough(a: int, v: int, good: bool) -> None:
    (need,) = layer_bounds(network_of(layer_of([[127], [127]], theta=3)))
    assert fits(need, replace(GENERIC, a_bits=need.a_bits + a, v_bits=need.v_bits + v)) == good


def test_what_a_layer_needs_does_not_depend_on_dropped_rows() -> None:
    ir = grid_network()
    grid = lay_grid(ir, 16)
    layer = round_layer(ir, grid, 1, 1 / 64)
    found: Bounds = needed(ir, grid, 1, layer)
    assert found == layer_bounds(network_of(*(layer_of(one.weights, one.theta) for one in (layer,))))[0]
    assert explain_bounds((layer,), (found,), replace(GENERIC, a_bits=20, v_bits=30)) == [
        f"readout: A takes {found.a_bits} of 20 bits, V takes {found.v_bits} of 30"
    ]
