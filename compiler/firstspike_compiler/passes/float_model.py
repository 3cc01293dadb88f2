"""Float spike times of one layer on a fine grid: what quantisation is measured against.

Not a second arithmetic: `contract.evaluate` says what a compiled network does; this says what it was meant to do.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_compiler.ir import NetworkIR
from firstspike_contract import EventSet

__all__ = ["FloatLayer", "float_class", "input_times", "kernel_response", "layer_spikes"]

POINTS: Final = 256  # of the fine grid over t_max


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatLayer:
    """weights: float64 ``[n_in + P, n_out]``. threshold: > 0. constant_times ``[P]``, delays ``[n_out]``."""

    weights: NDArray[np.float64]
    threshold: float
    constant_times: NDArray[np.float64]
    delays: NDArray[np.float64]


def kernel_response(kernel: str, since: NDArray[np.float64], tau: float) -> NDArray[np.float64]:
    """Post-synaptic potential at a time `since` the spike, 0 before it (DESIGN section 2)."""
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
    """Spikes of one layer in one image.

    times: float64 ``[n_in]``, spikes of its sources in time units, inf where none.
    Returns spike times (delay included, inf where none before t_max), and V - threshold just past the crossing, or at
    t_max where there is none; float64 ``[n_out]`` each.
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
    """Crossings between grid points by linear interpolation, float64 ``[n_out]``."""
    column = np.arange(excess.shape[1])
    before = np.maximum(first - 1, 0)
    low, high = excess[before, column], excess[first, column]
    rise = np.where(high > low, high - low, 1.0)
    fraction = np.where((first > 0) & (len(grid) == POINTS), np.clip(-low / rise, 0.0, 1.0), 1.0)
    return grid[before] + fraction * (grid[first] - grid[before])


def input_times(ir: NetworkIR, events: EventSet, image: int, steps: int) -> NDArray[np.float64]:
    """Input spike times of an image whose events are on a grid of `steps`; float64 ``[addresses]``, inf where none."""
    times = np.full(ir.addresses, np.inf)
    taken = events.image(image)
    taken = taken[(taken["x"] < ir.addresses) & (taken["t"] < steps)][::-1]  # reversed: the first of an input wins
    times[taken["x"]] = taken["t"] * (ir.t_max / steps)
    return times + ir.input_delays


def float_class(spikes: NDArray[np.float64], excess: NDArray[np.float64]) -> int:
    """First output to spike, among several the largest excess; if none does, the largest excess at t_max."""
    rivals = np.flatnonzero(spikes == spikes.min())
    return int(rivals[excess[rivals].argmax()])
