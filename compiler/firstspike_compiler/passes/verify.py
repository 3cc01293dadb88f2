"""Verifies the results of the passes. No network that keeps the rules can fail here unless a pass is wrong."""

from collections.abc import Iterable

import numpy as np

from firstspike_compiler.ir import NetworkIR
from firstspike_compiler.targets import Target
from firstspike_contract import WEIGHT_MAX, FirstspikeError, Layer, Network, check_network
from firstspike_contract.arithmetic.bounds import Bounds
from firstspike_contract.arithmetic.tables import TABLE_MAX

from .bounds import fits
from .drop_inputs import InputRows
from .geometry import StageMap
from .grid import Grid
from .quantise import IntegerLayer

__all__ = ["CompilerFault", "verify_bounds", "verify_geometry", "verify_grid", "verify_integers", "verify_network"]


class CompilerFault(FirstspikeError):
    """The error of a wrong result of a pass: a fault of firstspike, not of the network."""

    def __init__(self, name: str, wrong: str) -> None:
        super().__init__(
            f"the pass {name!r} has left {wrong}; this is a fault of firstspike, please report it with the network"
        )


def verify_grid(ir: NetworkIR, grid: Grid) -> None:
    """Checks that every time has a code, constant inputs lie in 0..T-1 and delays in 0..T (T means never)."""
    count = len(grid.input_delays)
    _require("grid", count == ir.addresses, f"{count} input delays of {ir.addresses}")
    _require("grid", len(grid.delays) == len(ir.layers), f"times of {len(grid.delays)} layers of {len(ir.layers)}")
    delays = [grid.input_delays, *grid.delays]
    _require("grid", _within(delays, grid.steps + 1), "delays outside the window")
    _require("grid", _within(grid.constant_times, grid.steps), "constant inputs outside the window")


def verify_integers(ir: NetworkIR, layers: tuple[IntegerLayer, ...]) -> None:
    """Checks that weights have the IR's shapes and lie in -127..127, and that thresholds are at least 1."""
    shapes = [layer.weights.shape for layer in layers]
    wanted = [layer.weights.shape for layer in ir.layers]
    _require("quantise", shapes == wanted, f"weights of shapes {shapes}")
    for layer in layers:
        _require("quantise", layer.weights.dtype == np.int8, "weights that are not int8")
        _require("quantise", bool((layer.weights >= -WEIGHT_MAX).all()), f"a weight below -{WEIGHT_MAX}")
        _require("quantise", layer.theta >= 1, "a threshold below 1")


def verify_network(layers: tuple[IntegerLayer, ...], rows: InputRows, network: Network) -> None:
    """Checks that arrays fit together, that no nonzero weight was dropped, and that tables have at most 17 bits."""
    try:
        check_network(network)
    except FirstspikeError as error:
        raise CompilerFault("tables", f"an inconsistent network: {error}") from None
    lost = _nonzero(layers) - _nonzero(network.layers)
    _require("tables", lost == 0, f"{lost} nonzero weights out")
    _require("tables", network.layers[0].inputs == len(rows.kept), "an input map that does not name its rows")
    for layer in network.layers:
        _require("tables", max(layer.a.max(), layer.m.max()) <= TABLE_MAX, "an entry beyond 17 bits")


def verify_bounds(bounds: tuple[Bounds, ...], target: Target) -> None:
    """Checks that no accumulator can overflow on the target."""
    wide = [need.bits for need in bounds if not fits(need, target)]
    _require("bounds", not wide, f"accumulators of {wide} bits")


def verify_geometry(stages: tuple[StageMap, ...] | None, target: Target) -> tuple[StageMap, ...]:
    """Checks that every layer has a stage, and returns the stages."""
    if stages is None:
        raise CompilerFault("geometry", f"no room for the weights on {target.name}")
    return stages


def _require(name: str, holds: bool, wrong: str) -> None:
    """Raises CompilerFault with `wrong`, what the pass has left, unless the condition holds."""
    if not holds:
        raise CompilerFault(name, wrong)


def _nonzero(layers: Iterable[IntegerLayer | Layer]) -> int:
    return sum(int(np.count_nonzero(layer.weights)) for layer in layers)


def _within(codes: Iterable[np.ndarray], end: int) -> bool:
    return all(bool(((each >= 0) & (each < end)).all()) for each in codes)
