"""Pass: the exact worst case of every layer's accumulators, over all admissible spike times."""

from firstspike_compiler.ir import NetworkIR
from firstspike_compiler.targets import Target
from firstspike_contract import Network
from firstspike_contract.arithmetic.bounds import Bounds, worst_case

from .grid import Grid
from .quantise import IntegerLayer
from .tables import build_layer, own_fraction_bits

__all__ = ["explain_bounds", "fits", "layer_bounds", "needed"]


def layer_bounds(network: Network) -> tuple[Bounds, ...]:
    """Of every layer."""
    pre_delays = (network.input_delays, *(layer.delays for layer in network.layers[:-1]))
    return tuple(
        worst_case(layer, network.kernel, delays) for layer, delays in zip(network.layers, pre_delays, strict=True)
    )


def needed(ir: NetworkIR, grid: Grid, k: int, layer: IntegerLayer) -> Bounds:
    """What layer k needs at least: with the tables that it was trained on, or else with the coarsest ones.

    layer: with a row for every input, so that it need not be known which rows stay: those that go are all zero.
    Raises FirstspikeError if the tables themselves cannot hold its numbers.
    """
    pre_delays = grid.delays[k - 1] if k else grid.input_delays
    return worst_case(build_layer(ir, grid, k, layer, own_fraction_bits(ir, grid) or 0), ir.kernel, pre_delays)


def fits(need: Bounds, target: Target) -> bool:
    """Whether the target's accumulators are as wide."""
    return need.a_bits <= target.a_bits and need.v_bits <= target.v_bits


def explain_bounds(layers: tuple[IntegerLayer, ...], bounds: tuple[Bounds, ...], target: Target) -> list[str]:
    """A line for each layer."""
    return [
        f"{layer.name}: A takes {need.a_bits} of {target.a_bits} bits, V takes {need.v_bits} of {target.v_bits}"
        for layer, need in zip(layers, bounds, strict=True)
    ]
