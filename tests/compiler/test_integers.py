"""An integer network becomes network IR with the right rows, names and units; tables that no kernel has are refused."""

from dataclasses import replace

import numpy as np
import pytest
from networks import layer_of, network_of

from firstspike_compiler.integers import network_to_ir
from firstspike_compiler.ir import Encoding
from firstspike_contract import DROPPED, Kernel
from firstspike_contract.common.errors import FirstspikeError

NETWORK = network_of(
    layer_of([[1, 2], [3, 4], [5, 6]], theta=7, constant_times=(3,), delays=(0, 2)),
    layer_of([[1], [1]], theta=9),
    input_map=(DROPPED, 1, DROPPED, 0),
    input_delays=(4, 5),
)


def test_rows_return_to_their_addresses() -> None:
    ir = network_to_ir(NETWORK, scales=(1.0, 0.5))
    first, second = ir.layers
    assert first.weights.tolist() == [[0, 0], [3, 4], [0, 0], [1, 2], [5, 6]]
    assert ir.input_delays.tolist() == [0, 5, 0, 4]
    assert (first.constant_times.tolist(), first.delays.tolist()) == ([3], [0, 2])
    assert (first.threshold, second.threshold) == (7, 4.5)
    assert second.weights.tolist() == [[0.5], [0.5]]
    assert [layer.name for layer in ir.layers] == ["hidden1", "readout"]
    assert (ir.t_max, ir.tau, ir.encoding, ir.fraction_bits) == (16.0, 1.0, Encoding(), 0)


def test_times_are_in_units_of_the_window() -> None:
    ir = network_to_ir(NETWORK, t_max=4.0, names=("a", "b"), encoding=Encoding(name="binary"))
    assert ir.input_delays.tolist() == [0, 1.25, 0, 1.0]
    assert (ir.layers[0].constant_times.tolist(), ir.layers[0].delays.tolist()) == ([0.75], [0, 0.5])
    assert ir.layers[0].threshold == 7 / 64 / 4
    assert [layer.name for layer in ir.layers] == ["a", "b"]
    assert ir.encoding.name == "binary"


@pytest.mark.parametrize(
    ("kernel", "threshold"),
    [("linear", 5 / 64), ("exponential", 5 / 64), ("lif-2to1", 5 / 64), ("alpha", 5 / 64 / 6.5), ("step", 5 / 64)],
)
@pytest.mark.parametrize("bits", [0, 1, 8])
def test_the_threshold_of_each_kernel(kernel: Kernel, threshold: float, bits: int) -> None:
    fraction = 0 if kernel in ("linear", "step") else bits
    layer = layer_of([[1], [2]], theta=5, kernel=kernel, tau_steps=6.5, fraction_bits=fraction)
    ir = network_to_ir(network_of(layer, kernel=kernel), tau_steps=6.5)
    assert ir.fraction_bits == fraction
    assert ir.layers[0].threshold == pytest.approx(threshold)


@pytest.mark.parametrize(
    ("kernel", "table", "first"), [("exponential", "m", 3), ("lif-2to1", "m", 0), ("alpha", "a", 6)]
)
def test_a_table_that_is_not_of_the_kernel_is_refused(kernel: Kernel, table: str, first: int) -> None:
    layer = layer_of([[1]], theta=5, kernel=kernel)
    wrong = getattr(layer, table).copy()
    wrong[0] = first
    with pytest.raises(FirstspikeError) as error:
        network_to_ir(network_of(replace(layer, **{table: wrong}), kernel=kernel))
    assert str(error.value) == (f"table {table} begins with {first}, not with a power of two: not a {kernel} table")
    assert np.issubdtype(wrong.dtype, np.integer)
