"""Trainable layers, the quantisation of weights, and the time grid.

Gradients pass straight through the rounding of weights and of times (straight-through estimator).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import WEIGHT_MAX

from . import causal

__all__ = ["Clock", "GroupedLayer", "SortedLayer", "quantised"]

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Conversions between time t in time units, transformed time u (see `causal`), and the time grid.

    exponential: whether the kernel is `exponential`; else it is `linear`.
    t_max:       length of the time window in time units.
    steps:       T.
    """

    exponential: bool
    t_max: float
    steps: int

    @property
    def tick(self) -> float:
        return self.t_max / self.steps

    @property
    def u_end(self) -> float:
        """Transformed time of the last step; no neuron fires after it."""
        return float(self.to_u(np.array((self.steps - 1) * self.tick)))

    def to_u(self, t: Array) -> Array:
        return np.exp(t) if self.exponential else t

    def to_t(self, u: Array) -> Array:
        return np.log(u) if self.exponential else u

    def dt_du(self, u: Array) -> Array:
        return np.where(np.isfinite(u), 1 / u, 0).astype(u.dtype) if self.exponential else np.ones_like(u)

    def on_grid(self, u: Array) -> Array:
        """Moves transformed times up to the next step, where the integer neuron fires; NEVER past the last step."""
        code = np.ceil(self.to_t(u) / self.tick - 1e-5)
        return np.where(code < self.steps, self.to_u(code * self.tick), causal.NEVER).astype(u.dtype)


def quantised(weights: Array, unit: int) -> Array:
    """Rounds weights to the int8 values of the hardware, in float: round(w * unit) / unit, clipped to +-127 / unit."""
    return np.clip(np.rint(weights * unit), -WEIGHT_MAX, WEIGHT_MAX) / weights.dtype.type(unit)


class SortedLayer:
    """A layer whose inputs may spike at any time; it handles events in time order."""

    def __init__(self, clock: Clock, clamp: float) -> None:
        self.clock, self.clamp = clock, clamp

    def forward(self, pre: Array, weights: Array) -> tuple[Array, Array]:
        """Computes transformed spike times and missing potentials, both ``[B, n_out]``.

        pre:     float ``[B, n_in]``, transformed input times.
        weights: float ``[n_in, n_out]``, in units of the threshold.
        """
        batch, n_out = len(pre), weights.shape[1]
        self.pre, self.weights = pre, weights
        self.order, used = np.empty(pre.shape, np.int32), np.empty(batch, np.int32)
        self.u, missing = np.empty((batch, n_out), pre.dtype), np.zeros((batch, n_out), pre.dtype)
        self.causal = np.empty((batch, n_out), np.int32)
        causal.forward(
            pre, weights, self.clock.exponential, self.clock.u_end, self.order, used, self.u, self.causal, missing
        )
        return self.u, missing

    def backward(self, g_u: Array, g_missing: Array) -> tuple[Array, Array]:
        """Returns the gradients of the weights ``[n_in, n_out]`` and of the input times ``[B, n_in]``.

        g_u:       float ``[B, n_out]``, dL/du of neurons that fired.
        g_missing: float ``[B, n_out]``, dL/d(missing potential) of the others.
        """
        g_weights, g_pre = np.zeros_like(self.weights), np.zeros_like(self.pre)
        causal.backward(
            self.pre, self.weights, self.clock.exponential, self.clock.u_end, self.order, self.u, self.causal,
            self.clamp, g_u, g_missing, g_weights, g_pre,
        )  # fmt: skip
        return g_weights, g_pre


class GroupedLayer:
    """A first layer whose inputs are bits; it needs matrix products only, no sorting.

    An input with bit 1 spikes at time 0. An input with bit 0 spikes at `late`, or never if `late` is None.
    """

    def __init__(self, clock: Clock, clamp: float, late: float | None) -> None:
        self.clock, self.clamp = clock, clamp
        self.u_early = float(clock.to_u(np.array(0.0)))
        self.u_late = None if late is None else float(clock.to_u(np.array(late)))

    def forward(self, bits: Array, weights: Array) -> tuple[Array, Array]:
        """Computes transformed spike times ``[B, n_out]``; the missing potentials it returns are zeros.

        bits:    float ``[B, n_in]``, 0 or 1.
        weights: float ``[n_in, n_out]``, in units of the threshold.
        """
        self.bits, self.weights = bits, weights
        threshold, gain = (0, 1) if self.clock.exponential else (1, 0)  # u = (threshold + Q) / (S - gain)
        total = bits @ weights
        moment = total * total.dtype.type(self.u_early)
        u = self._crossing(total, moment, threshold, gain, self.clock.u_end if self.u_late is None else self.u_late)
        self.early = np.isfinite(u)
        if self.u_late is not None:
            rest = weights.sum(0) - total
            total, moment = total + rest, moment + rest * rest.dtype.type(self.u_late)
            u = np.where(self.early, u, self._crossing(total, moment, threshold, gain, self.clock.u_end))
            self.slope = np.where(self.early, total - rest, total) - gain
        else:
            self.slope = total - gain
        self.u = u
        return u, np.zeros_like(u)

    def _crossing(self, total: Array, moment: Array, threshold: float, gain: float, until: float) -> Array:
        slope = total - total.dtype.type(gain)
        fires = (slope > 0) & (moment + threshold <= slope * until)
        return np.where(fires, (moment + threshold) / np.where(fires, slope, 1), causal.NEVER).astype(total.dtype)

    def backward(self, g_u: Array, g_missing: Array) -> tuple[Array, None]:
        """Returns the gradient of the weights ``[n_in, n_out]``, and None, as bits have no gradient."""
        fired = np.isfinite(self.u)
        u = np.where(fired, self.u, 0)
        g = np.where(fired, g_u, 0) / np.where(fired, np.maximum(self.slope, self.clamp), 1)
        g_early = g * (self.u_early - u)
        if self.u_late is None:
            return self.bits.T @ g_early, None
        g_late = np.where(self.early, 0, g * (self.u_late - u)).astype(g.dtype)
        return self.bits.T @ (g_early - g_late) + g_late.sum(0), None
