"""Verifies the results of the passes. No network that keeps the rules can fail here unless a pass is wrong."""

from collections.abc import Iterable

import numpy as np

from firstspike_compiler.ir import NetworkIR
from firstspike_compiler.targets import Target
from firstspike_contract import WEIGHT_MAX, FirstspikeError, Network, check_network
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
    _verify(
        "grid",
        {
            f"{len(grid.input_delays)} input delays of {ir.addresses}": len(grid.input_delays) == ir.addresses,
            f"times of {len(grid.delays)} layers of {len(ir.layers)}": len(grid.delays) == len(ir.layers),
            "delays outside the window": _within([grid.input_delays, *grid.delays], grid.steps + 1),
            "constant inputs outside the window": _within(grid.constant_times, grid.steps),
        },
    )


def verify_integers(ir: NetworkIR, layers: tuple[IntegerLayer, ...]) -> None:
    """Checks that weights have the IR's shapes and lie in -127..127, and that thresholds are at least 1."""
    shapes = [layer.weights.shape for layer in layers]
    _verify(
        "quantise",
        {
            f"weights of shapes {shapes}": shapes == [layer.weights.shape for layer in ir.layers],
            "weights that are not int8": all(layer.weights.dtype == np.int8 for layer in layers),
            f"a weight below -{WEIGHT_MAX}": all((layer.weights >= -WEIGHT_MAX).all() for layer in layers),
            "a threshold below 1": all(layer.theta >= 1 for layer in layers),
        },
    )


def verify_network(layers: tuple[IntegerLayer, ...], rows: InputRows, network: Network) -> None:
    """Checks that arrays fit together, that no nonzero weight was dropped, and that tables have at most 17 bits."""
    lost = sum(int(np.count_nonzero(layer.weights)) for layer in layers)
    lost -= sum(int(np.count_nonzero(layer.weights)) for layer in network.layers)
    try:
        check_network(network)
        said = ""
    except FirstspikeError as error:
        said = str(error)
    _verify(
        "tables",
        {
            f"an inconsistent network: {said}": not said,
            f"{lost} nonzero weights out": lost == 0,
            "an input map that does not name its rows": network.layers[0].inputs == len(rows.kept),
            "an entry beyond 17 bits": all(max(layer.a.max(), layer.m.max()) <= TABLE_MAX for layer in network.layers),
        },
    )


def verify_bounds(bounds: tuple[Bounds, ...], target: Target) -> None:
    """Checks that no accumulator can overflow on the target."""
    wide = [need.bits for need in bounds if not fits(need, target)]
    _verify("bounds", {f"accumulators of {wide} bits": not wide})


def verify_geometry(stages: tuple[StageMap, ...] | None, target: Target) -> tuple[StageMap, ...]:
    """Checks that every layer has a stage, and returns the stages."""
    if stages is None:
        raise CompilerFault("geometry", f"no room for the weights on {target.name}")
    return stages


def _verify(name: str, holds: dict[str, bool]) -> None:
    """Raises CompilerFault with the first description whose condition is false."""
    for wrong, good in holds.items():
        if not good:
            raise CompilerFault(name, wrong)


def _within(codes: Iterable[np.ndarray], end: int) -> bool:
    return all(bool(((each >= 0) & (each < end)).all()) for each in codes)
