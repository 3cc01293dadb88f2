"""Pass: rounds float weights to int8 with the scale per layer that shifts spikes least; trained integers stay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_compiler.ir import LayerIR, NetworkIR
from firstspike_contract import WEIGHT_MAX, EventSet
from firstspike_contract.arithmetic.tables import integer_threshold

from .float_model import FloatLayer, input_times, layer_spikes
from .grid import Grid

__all__ = ["IntegerLayer", "dequantised", "explain_quantise", "is_integer", "quantise", "round_layer"]

Holds = Callable[[int, "IntegerLayer"], bool]  # (k, layer) -> whether the target holds layer k with these integers

# Weights saturate beyond these fractions of the layer's largest weight; one scale is tried for each fraction.
CLIPS: Final = (1.0, 0.85, 0.7, 0.55, 0.4, 0.3, 0.2)
IMAGES: Final = 32  # largest number of images on which the scales are chosen


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerLayer:
    """A layer in integers, before its tables are made.

    name:           name of the layer in the IR.
    weights:        int8 ``[n_in + P, n_out]``, constant inputs last.
    theta:          integer threshold, as `contract.kernel_tables` takes it.
    scale:          float weight of one least significant bit.
    constant_times: int64 ``[P]``, time codes.
    delays:         int64 ``[n_out]``, in steps.
    changed:        number of weights that rounding or saturation changed.
    saturated:      number of weights beyond +-127 times the scale.
    error:          mean shift of spikes, in time steps, for which the scale was chosen; None for trained integers.
    """

    name: str
    weights: NDArray[np.int8]
    theta: int
    scale: float
    constant_times: NDArray[np.int64]
    delays: NDArray[np.int64]
    changed: int = 0
    saturated: int = 0
    error: float | None = None

    @property
    def constants(self) -> int:
        return len(self.constant_times)


def is_integer(layer: LayerIR) -> bool:
    """Returns whether every weight is an integer in -127..127 times the layer's own scale."""
    if layer.scale is None:
        return False
    units = layer.weights / layer.scale
    return bool((np.abs(units - np.rint(units)) <= 1e-4).all() and (np.abs(np.rint(units)) <= WEIGHT_MAX).all())


def quantise(
    ir: NetworkIR, grid: Grid, events: EventSet, holds: Holds = lambda k, layer: True
) -> tuple[IntegerLayer, ...]:
    """Returns all layers in integers.

    events: images on `grid`, on which scales are tried. The spikes into a layer come from the quantised layers before.
    holds:  tells whether the target holds a layer; other integers are not tried. The coarsest scale is always tried,
            because `rules` made sure that the target holds it.
    """
    images = range(min(IMAGES, len(events)))
    spikes = [input_times(ir, events, n, grid.steps) for n in images]
    result: list[IntegerLayer] = []
    for k, layer in enumerate(ir.layers):
        if is_integer(layer):
            assert layer.scale is not None
            result.append(round_layer(ir, grid, k, layer.scale))
        else:
            result.append(_best_scale(ir, grid, k, spikes, holds))
        if k + 1 < len(ir.layers) and not all(map(is_integer, ir.layers[k + 1 :])):
            trial = dequantised(ir, grid, k, result[-1])
            spikes = [layer_spikes(ir, trial, times)[0] for times in spikes]
    return tuple(result)


def round_layer(ir: NetworkIR, grid: Grid, k: int, scale: float) -> IntegerLayer:
    """Returns layer k, rounded with that scale."""
    layer = ir.layers[k]
    units = layer.weights / scale
    rounded = np.rint(units)
    off = np.abs(units - rounded) > 1e-4
    saturated = np.abs(rounded) > WEIGHT_MAX
    return IntegerLayer(
        name=layer.name,
        weights=np.clip(rounded, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8),
        theta=integer_threshold(layer.threshold / (scale * grid.kernel_unit(ir.kernel))),
        scale=scale,
        constant_times=grid.constant_times[k],
        delays=grid.delays[k],
        changed=int((off | saturated).sum()),
        saturated=int(saturated.sum()),
    )


def dequantised(ir: NetworkIR, grid: Grid, k: int, layer: IntegerLayer) -> FloatLayer:
    """Returns an integer layer in the units of the float network."""
    return FloatLayer(
        weights=layer.weights.astype(np.float64) * layer.scale,
        threshold=layer.theta * layer.scale * grid.kernel_unit(ir.kernel),
        constant_times=ir.layers[k].constant_times,
        delays=ir.layers[k].delays,
    )


def _best_scale(ir: NetworkIR, grid: Grid, k: int, spikes: Sequence[NDArray[np.float64]], holds: Holds) -> IntegerLayer:
    """Returns layer k with the scale for which its spikes shift least against the float layer, on average."""
    layer = ir.layers[k]
    exact = FloatLayer(
        weights=layer.weights, threshold=layer.threshold, constant_times=layer.constant_times, delays=layer.delays
    )
    wanted = [layer_spikes(ir, exact, times)[0] for times in spikes]
    largest = float(np.abs(layer.weights).max()) or 1.0
    unit = grid.kernel_unit(ir.kernel)
    best: IntegerLayer | None = None
    best_error = np.inf
    for clip in CLIPS:
        scale = clip * largest / WEIGHT_MAX
        # The scale is made a little coarser, so that the threshold is a whole number of units and needs no rounding.
        scale = layer.threshold / unit / max(1, int(layer.threshold / unit / scale))
        trial = round_layer(ir, grid, k, scale)
        if best is not None and not holds(k, trial):
            break  # the integers grow from clip to clip, so the target holds none of the following either
        got = [layer_spikes(ir, dequantised(ir, grid, k, trial), times)[0] for times in spikes]
        error = _mean_shift(wanted, got, ir.t_max) / grid.dt
        if error < best_error:
            best, best_error = trial, error
    assert best is not None
    return IntegerLayer(**{**best.__dict__, "error": best_error})


def _mean_shift(wanted: list[NDArray[np.float64]], got: list[NDArray[np.float64]], t_max: float) -> float:
    """Returns the mean |difference| of spike times; a missing spike counts as one at t_max."""
    if not wanted:
        return 0.0
    return float(
        np.mean([np.abs(np.minimum(a, t_max) - np.minimum(b, t_max)).mean() for a, b in zip(wanted, got, strict=True)])
    )


def explain_quantise(layers: tuple[IntegerLayer, ...]) -> list[str]:
    """Returns a line for each layer."""
    lines = []
    for layer in layers:
        found = f"{layer.name}: scale {layer.scale:.6g}, threshold {layer.theta}; "
        if layer.error is None:
            lines.append(f"{found}trained integers, {layer.changed} of {layer.weights.size} weights changed")
        else:
            lines.append(
                f"{found}{layer.changed} of {layer.weights.size} weights rounded, {layer.saturated} saturated, "
                f"spikes shift by {layer.error:.3g} steps on average"
            )
    return lines
