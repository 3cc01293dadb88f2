"""Times are tested at the limits of the grid: half steps round up, and times beyond the window mean never."""

from dataclasses import replace

import numpy as np
import pytest
from networks import grid_network

from firstspike_compiler.ir import Encoding
from firstspike_compiler.passes.grid import explain_grid, lay_grid, time_codes


@pytest.mark.parametrize(
    ("time", "code"),
    [(0.0, 0), (0.124, 0), (0.125, 1), (0.25, 1), (3.874, 15), (3.875, 16), (4.0, 16), (8.0, 32), (1e300, 32)],
)
def test_a_time_has_the_nearest_code(time: float, code: int) -> None:
    """16 steps over 4 time units make 0.25 time units a step."""
    assert time_codes(np.array([time]), 4.0, 16).tolist() == [code]


def test_no_times_have_no_codes() -> None:
    assert time_codes(np.zeros(0), 4.0, 16).dtype == np.int64


def delayed(*delays: float, constants: tuple[float, ...] = ()) -> object:
    ir = grid_network(inputs=len(delays), hidden=len(delays))
    weights = np.concatenate([ir.layers[0].weights, np.zeros((len(constants), len(delays)))])
    first = replace(ir.layers[0], weights=weights, delays=np.array(delays), constant_times=np.array(constants))
    return replace(ir, layers=(first, ir.layers[1]), input_delays=np.array(delays))


def test_delays_end_at_t_and_constant_inputs_do_not() -> None:
    grid = lay_grid(delayed(0.0, 3.8, 4.0, 99.0, constants=(0.5,)), 16)  # type: ignore[arg-type]
    assert grid.input_delays.tolist() == grid.delays[0].tolist() == [0, 15, 16, 16]
    assert [times.tolist() for times in grid.constant_times] == [[2], []]
    assert (grid.steps, grid.dt, grid.tau_steps, grid.late) == (16, 0.25, 4.0, 8)


def test_the_latest_spike_is_that_of_the_encoding() -> None:
    assert lay_grid(grid_network(encoding=Encoding(name="binary")), 16).late is None
    assert lay_grid(grid_network(encoding=Encoding(name="two-time", t_late=0.0)), 16).late == 0


@pytest.mark.parametrize(
    ("kernel", "unit"), [("linear", 0.25), ("alpha", 0.25), ("exponential", 1.0), ("lif-2to1", 1.0), ("step", 1.0)]
)
def test_the_unit_of_the_integer_kernel(kernel: str, unit: float) -> None:
    assert lay_grid(grid_network(), 16).kernel_unit(kernel) == unit


def test_the_pass_explains_what_it_did() -> None:
    ir = grid_network(encoding=Encoding(name="binary"))
    assert explain_grid(ir, lay_grid(ir, 16)) == [
        "16 steps of 0.25 time units",
        "no delays, and no constant inputs at times other than 0",
    ]
    ir = delayed(0.0, 0.3, 99.0)  # type: ignore[assignment]
    assert explain_grid(ir, lay_grid(ir, 32)) == [
        "32 steps of 0.125 time units, not the network's own 16",
        "4 delays and times of constant inputs that are not 0, moved by up to 0.4 steps; 2 delays go beyond the last "
        "step",
        "the latest input spike has the code 16",
    ]
