"""Pass: chooses the fraction bits K of the kernel tables, and builds the integer network.

Tested by tests/compiler/test_pipeline.py.
"""

import numpy as np

from firstspike_compiler.ir import NetworkIR
from firstspike_compiler.targets import Target
from firstspike_contract import Layer, Network
from firstspike_contract.arithmetic.bounds import LayerPlan, largest_fraction_bits
from firstspike_contract.arithmetic.tables import TABLE_BITS, kernel_tables

from .drop_inputs import InputRows
from .grid import Grid
from .quantise import IntegerLayer

__all__ = ["build_layer", "build_network", "choose_fraction_bits", "explain_tables", "own_fraction_bits"]


def own_fraction_bits(ir: NetworkIR, grid: Grid) -> int | None:
    """Returns K that the network was trained with; None if it has none or T is not its own, so that K is chosen."""
    return ir.fraction_bits if grid.steps == ir.steps else None


def choose_fraction_bits(
    ir: NetworkIR, grid: Grid, layers: tuple[IntegerLayer, ...], rows: InputRows, target: Target
) -> int:
    """Returns K that the network was trained with, or else the largest K that tables and accumulators hold."""
    own = own_fraction_bits(ir, grid)
    if own is not None:
        return own
    plans = []
    pre_delays = grid.input_delays[rows.kept]
    for layer in layers:
        plans.append(
            LayerPlan(
                weights=layer.weights, theta=layer.theta, constant_times=layer.constant_times, pre_delays=pre_delays
            )
        )
        pre_delays = layer.delays
    return largest_fraction_bits(
        ir.kernel,
        steps=grid.steps,
        tau_steps=grid.tau_steps,
        layers=plans,
        a_bits=target.a_bits,
        v_bits=target.v_bits,
    )


def build_layer(ir: NetworkIR, grid: Grid, k: int, layer: IntegerLayer, fraction_bits: int) -> Layer:
    """Returns layer k with its tables. Raises FirstspikeError if they need more than 17 bits."""
    tables = kernel_tables(
        ir.kernel, steps=grid.steps, tau_steps=grid.tau_steps, theta=layer.theta, fraction_bits=fraction_bits
    )
    return Layer(
        weights=np.ascontiguousarray(layer.weights),
        a=tables.a,
        m=tables.m,
        th=tables.th,
        constant_times=layer.constant_times,
        delays=layer.delays,
        source_inputs=len(ir.layers[k].weights) - layer.constants,
    )


def build_network(
    ir: NetworkIR, grid: Grid, layers: tuple[IntegerLayer, ...], rows: InputRows, fraction_bits: int
) -> Network:
    """Returns the integer network."""
    return Network(
        kernel=ir.kernel,
        steps=grid.steps,
        input_map=rows.input_map,
        input_delays=grid.input_delays[rows.kept],
        layers=tuple(build_layer(ir, grid, k, layer, fraction_bits) for k, layer in enumerate(layers)),
    )


def explain_tables(ir: NetworkIR, grid: Grid, network: Network, fraction_bits: int) -> list[str]:
    """Returns lines that say K, why it has this value, and how large the entries of the tables are."""
    origin = "none are needed" if ir.kernel in ("linear", "step") else "the largest number that fits"
    if own_fraction_bits(ir, grid) is not None and fraction_bits:
        origin = "as it was trained"
    largest = max(int(max(layer.a.max(), layer.m.max())) for layer in network.layers)
    return [
        f"{fraction_bits} fraction bits: {origin}",
        f"entries of a and m up to {largest}, in {TABLE_BITS} bits; thresholds from "
        + ", ".join(str(int(layer.th[0])) for layer in network.layers),
    ]
