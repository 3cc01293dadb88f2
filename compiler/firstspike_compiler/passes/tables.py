"""Pass: the fraction bits K of the kernel tables, and the integer network."""

import numpy as np

from firstspike_compiler.ir import NetworkIR
from firstspike_compiler.targets import Target
from firstspike_contract import Layer, Network
from firstspike_contract.arithmetic.bounds import Bounds, LayerPlan, largest_fraction_bits, worst_case
from firstspike_contract.arithmetic.tables import kernel_tables
from firstspike_contract.common.errors import FirstspikeError

from .drop_inputs import InputRows
from .grid import Grid
from .quantise import IntegerLayer

__all__ = ["build_network", "choose_fraction_bits", "layer_bounds"]


def choose_fraction_bits(
    ir: NetworkIR, grid: Grid, layers: tuple[IntegerLayer, ...], rows: InputRows, target: Target
) -> int:
    """K: the one the network was trained on (on its own grid), or the largest that tables and accumulators hold.

    Raises FirstspikeError: no K fits. A trained K that does not fit shows in `layer_bounds`.
    """
    if ir.fraction_bits is not None and grid.steps == ir.steps:
        return ir.fraction_bits
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


def build_network(
    ir: NetworkIR, grid: Grid, layers: tuple[IntegerLayer, ...], rows: InputRows, fraction_bits: int
) -> Network:
    """The integer network. Raises FirstspikeError: tables wider than the core's."""
    built = []
    for k, layer in enumerate(layers):
        tables = kernel_tables(
            ir.kernel, steps=grid.steps, tau_steps=grid.tau_steps, theta=layer.theta, fraction_bits=fraction_bits
        )
        built.append(
            Layer(
                weights=np.ascontiguousarray(layer.weights),
                a=tables.a,
                m=tables.m,
                th=tables.th,
                constant_times=layer.constant_times,
                delays=layer.delays,
                source_inputs=len(ir.layers[k].weights) - layer.constants,
            )
        )
    return Network(
        kernel=ir.kernel,
        steps=grid.steps,
        input_map=rows.input_map,
        input_delays=grid.input_delays[rows.kept],
        layers=tuple(built),
    )


def layer_bounds(network: Network, target: Target) -> tuple[Bounds, ...]:
    """Exact worst case of every layer's accumulators. Raises FirstspikeError: wider than the target's."""
    bounds = []
    pre_delays = network.input_delays
    for k, layer in enumerate(network.layers):
        need = worst_case(layer, network.kernel, pre_delays)
        if need.a_bits > target.a_bits or need.v_bits > target.v_bits:
            raise FirstspikeError(
                f"layer {k} needs accumulators of {need.a_bits} and {need.v_bits} bits in the worst case, "
                f"{target.name} has {target.a_bits} and {target.v_bits}; use smaller weights or thresholds, "
                "fewer inputs, or fewer fraction bits"
            )
        bounds.append(need)
        pre_delays = layer.delays
    return tuple(bounds)
