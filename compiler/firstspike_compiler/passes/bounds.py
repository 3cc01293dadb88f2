"""Pass: computes the exact worst case of every layer's accumulators, over all admissible spike times."""

from firstspike_compiler.ir import NetworkIR
from firstspike_compiler.targets import Target
from firstspike_contract import Network
from firstspike_contract.arithmetic.bounds import Bounds, worst_case

from .grid import Grid
from .quantise import IntegerLayer
from .tables import build_layer, own_fraction_bits

__all__ = ["explain_bounds", "fits", "layer_bounds", "needed"]


def layer_bounds(network: Network) -> tuple[Bounds, ...]:
    """Returns the worst case of every layer."""
    pre_delays = (network.input_delays, *(layer.delays for layer in network.layers[:-1]))
    return tuple(
        worst_case(layer, network.kernel, delays) for layer, delays in zip(network.layers, pre_delays, strict=True)
    )


def needed(ir: NetworkIR, grid: Grid, k: int, layer: IntegerLayer) -> Bounds:
    """Returns the narrowest accumulators that hold layer k.

    The tables are those with the K that the network was trained with, or else the coarsest ones (K = 0).

    layer: integer layer with a row for every input. Rows of dropped inputs may stay, since zeros change no bound.

    Raises FirstspikeError if the tables cannot hold the layer's numbers.
    """
    pre_delays = grid.delays[k - 1] if k else grid.input_delays
    return worst_case(build_layer(ir, grid, k, layer, own_fraction_bits(ir, grid) or 0), ir.kernel, pre_delays)


def fits(need: Bounds, target: Target) -> bool:
    """Returns whether the target's accumulators are at least that wide."""
    return need.a_bits <= target.a_bits and need.v_bits <= target.v_bits


def explain_bounds(layers: tuple[IntegerLayer, ...], bounds: tuple[Bounds, ...], target: Target) -> list[str]:
    """Returns a line for each layer."""
    return [
        f"{layer.name}: A takes {need.a_bits} of {target.a_bits} bits, V takes {need.v_bits} of {target.v_bits}"
        for layer, need in zip(layers, bounds, strict=True)
    ]
