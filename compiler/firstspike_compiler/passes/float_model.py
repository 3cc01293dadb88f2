"""Computes float spike times of one layer on a fine grid, against which quantisation is measured.

This model is no second definition of the arithmetic: `contract.evaluate` says what a compiled network does, and this
model says what the float network was meant to do.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_compiler.ir import NetworkIR
from firstspike_contract import EventSet

__all__ = ["FloatLayer", "float_class", "input_times", "kernel_response", "layer_spikes"]

POINTS: Final = 256  # points of the fine grid over t_max


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatLayer:
    """The parameters of one layer in float.

    weights:        float64 ``[n_in + P, n_out]``, constant inputs last.
    threshold:      > 0.
    constant_times: float64 ``[P]``, in time units.
    delays:         float64 ``[n_out]``, in time units.
    """

    weights: NDArray[np.float64]
    threshold: float
    constant_times: NDArray[np.float64]
    delays: NDArray[np.float64]


def kernel_response(kernel: str, since: NDArray[np.float64], tau: float) -> NDArray[np.float64]:
    """Returns the post-synaptic potential at the times `since` after the spike; it is 0 before (DESIGN section 2)."""
    if kernel == "step":
        return (since >= 0).astype(np.float64)
    u = np.maximum(since, 0.0)
    if kernel == "linear":
        return u
    u = u / tau
    if kernel == "exponential":
        return -np.expm1(-u)
    return u * np.exp(-u) if kernel == "alpha" else np.exp(-u / 2) - np.exp(-u)


def layer_spikes(
    ir: NetworkIR, layer: FloatLayer, times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Computes the spikes of one layer for one image.

    times: float64 ``[n_in]``, input spike times in time units, inf for an input that does not spike.

    Returns two arrays, float64 ``[n_out]``: the spike times (delay included, inf for a neuron that does not spike
    before t_max), and V - threshold at the first grid point past the crossing (at the last one if V does not cross).
    """
    every = np.concatenate([times, layer.constant_times])
    active = np.flatnonzero(every < ir.t_max)
    grid: NDArray[np.float64] = np.linspace(ir.t_max / POINTS, ir.t_max, POINTS)
    if ir.kernel == "step":
        grid = np.unique(every[active]) if len(active) else grid[:1]  # V moves at spikes only
    response = kernel_response(ir.kernel, grid[:, None] - every[None, active], ir.tau)
    excess = response @ layer.weights[active] - layer.threshold  # [points, n_out]
    fired = excess >= 0
    first = fired.argmax(axis=0)
    spikes = np.where(fired.any(axis=0), _refine(grid, excess, first), np.inf) + layer.delays
    peak = np.where(fired.any(axis=0), excess[first, np.arange(excess.shape[1])], excess[-1])
    return np.where(spikes < ir.t_max, spikes, np.inf), peak


def _refine(grid: NDArray[np.float64], excess: NDArray[np.float64], first: NDArray[np.intp]) -> NDArray[np.float64]:
    """Returns the times of the crossings, interpolated linearly between grid points, float64 ``[n_out]``."""
    column = np.arange(excess.shape[1])
    before = np.maximum(first - 1, 0)
    low, high = excess[before, column], excess[first, column]
    rise = np.where(high > low, high - low, 1.0)
    fraction = np.where((first > 0) & (len(grid) == POINTS), np.clip(-low / rise, 0.0, 1.0), 1.0)
    return grid[before] + fraction * (grid[first] - grid[before])


def input_times(ir: NetworkIR, events: EventSet, image: int, steps: int) -> NDArray[np.float64]:
    """Returns the input spike times of an image whose events are on a grid of `steps`.

    The array is float64 ``[addresses]`` in time units, inf for an input that does not spike.
    """
    times = np.full(ir.addresses, np.inf)
    taken = events.image(image)
    taken = taken[(taken["x"] < ir.addresses) & (taken["t"] < steps)][::-1]  # reversed: an input's first event wins
    times[taken["x"]] = taken["t"] * (ir.t_max / steps)
    return times + ir.input_delays


def float_class(spikes: NDArray[np.float64], excess: NDArray[np.float64]) -> int:
    """Returns the output that spikes first, and among several the one with the largest excess.

    If no output spikes, the largest excess at t_max decides.
    """
    rivals = np.flatnonzero(spikes == spikes.min())
    return int(rivals[excess[rivals].argmax()])
