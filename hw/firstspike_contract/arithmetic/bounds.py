"""Exact worst case of the accumulators over all admissible spike times, and the widths and fraction bits that follow.

A pre-synaptic neuron spikes at any one code in delay .. T-1 or never; a constant input spikes at its time. Events may
be added one by one in any order, so the worst case covers every partial sum too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.common.errors import FirstspikeError

from .network import WEIGHT_MAX, Kernel, Layer
from .tables import TABLE_BITS, Tables, kernel_tables

__all__ = ["Bounds", "LayerPlan", "largest_fraction_bits", "worst_case"]


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Exact extremes over neurons, steps and admissible spike times; the initial 0 is included.

    a_min, a_max: of the accumulator A.
    v_min, v_max: of the accumulator V and of V - th together.
    """

    a_min: int
    a_max: int
    v_min: int
    v_max: int

    @property
    def a_bits(self) -> int:
        """Signed width that A needs."""
        return _signed_bits(self.a_min, self.a_max)

    @property
    def v_bits(self) -> int:
        """Signed width that V and V - th need."""
        return _signed_bits(self.v_min, self.v_max)

    @property
    def bits(self) -> tuple[int, int]:
        """The pair (a_bits, v_bits)."""
        return self.a_bits, self.v_bits


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerPlan:
    """A layer whose tables are not chosen yet.

    weights:        int8 ``[n_in + P, n_out]``, constant inputs last.
    theta:          integer threshold of the layer, see `kernel_tables`.
    constant_times: int64 ``[P]``.
    pre_delays:     int64 ``[n_in]``, delays of the pre-synaptic neurons in steps.
    """

    weights: NDArray[np.int8]
    theta: int
    constant_times: NDArray[np.int64]
    pre_delays: NDArray[np.int64]


def worst_case(layer: Layer, kernel: Kernel, pre_delays: NDArray[np.int64], *, learning: bool = False) -> Bounds:
    """Returns the bounds of one layer.

    pre_delays: int64 ``[n_in]``, delays of the pre-synaptic neurons in steps.
    learning:   takes every weight as +127 or -127, whichever is worse.
    """
    tables = Tables(a=layer.a, m=layer.m, th=layer.th)
    return _bounds(layer.weights, layer.constant_times, pre_delays, kernel, tables, learning=learning)


def largest_fraction_bits(
    kernel: Kernel,
    *,
    steps: int,
    tau_steps: float,
    layers: Sequence[LayerPlan],
    a_bits: int,
    v_bits: int,
    learning: bool = False,
) -> int:
    """Returns the largest K for which the tables and the exact worst case of each layer fit; 0 for `linear` and `step`.

    a_bits, v_bits: signed accumulator widths of the target.
    learning:       takes every weight as +127 or -127, whichever is worse.

    Raises FirstspikeError if no K fits.
    """
    has_freedom = kernel not in ("linear", "step")
    refusal = ""
    for bits in range(TABLE_BITS if has_freedom else 0, -1, -1):
        refusal = _refusal(kernel, steps, tau_steps, bits, layers, a_bits, v_bits, learning)
        if not refusal:
            return bits
    raise FirstspikeError(f"{refusal}; use smaller weights, fewer inputs, or a shorter time window")


def _refusal(
    kernel: Kernel,
    steps: int,
    tau_steps: float,
    bits: int,
    layers: Sequence[LayerPlan],
    a_bits: int,
    v_bits: int,
    learning: bool,
) -> str:
    """Returns why K = bits does not fit, or an empty string."""
    for k, plan in enumerate(layers):
        try:
            tables = kernel_tables(kernel, steps=steps, tau_steps=tau_steps, theta=plan.theta, fraction_bits=bits)
        except FirstspikeError as error:
            return str(error)
        need = _bounds(plan.weights, plan.constant_times, plan.pre_delays, kernel, tables, learning=learning)
        if need.a_bits > a_bits or need.v_bits > v_bits:
            return (
                f"layer {k} needs accumulators of {need.a_bits} and {need.v_bits} bits in the worst case, "
                f"the target has {a_bits} and {v_bits}"
            )
    return ""


def _bounds(
    weights: NDArray[np.int8],
    constant_times: NDArray[np.int64],
    pre_delays: NDArray[np.int64],
    kernel: Kernel,
    tables: Tables,
    *,
    learning: bool,
) -> Bounds:
    """Returns the bounds of a layer.

    `_peak` gives the maxima, and from the negated weights the minima. Thresholds are positive, so V - th is never above
    V, and the thresholds enter the minima only.
    """
    n_in, steps = len(pre_delays), len(tables.th)
    # int64 is exact below 2^62; hand-made tables beyond that are summed in Python integers.
    largest = len(weights) * WEIGHT_MAX * int(tables.a.max()) * max(1, int(tables.m.max())) + int(tables.th.max())
    exact = np.dtype(np.int64 if largest < 2**62 else object)
    signed, th_max = weights.astype(exact), tables.th.astype(exact)
    up, down = (np.full_like(signed, WEIGHT_MAX),) * 2 if learning else (signed, -signed)
    no_th = np.zeros_like(th_max)
    pre = np.minimum(pre_delays, steps)  # a delay of T or more means that the neuron never spikes
    args = (constant_times, pre, n_in)
    if kernel == "step":
        one, zero = np.tril(np.ones((steps, steps), exact)), no_th
        a_min = a_max = 0
        v_max = _peak(up, *args, one, zero, partial=True)
        v_min = -_peak(down, *args, one, th_max, partial=True)
    else:
        a, m = tables.a.astype(exact), tables.m.astype(exact)
        on_a = np.tril(np.tile(a, (steps, 1)))  # an event of step s adds w a[s] to A, from s on
        on_v = np.tril(a[None, :] * (m[:, None] - m[None, :]))  # and w a[s] (m[t] - m[s]) to V(t)
        a_max = _peak(up, *args, on_a, no_th, partial=True)
        a_min = -_peak(down, *args, on_a, no_th, partial=True)
        v_max = _peak(up, *args, on_v, no_th, partial=False)
        v_min = -_peak(down, *args, on_v, th_max, partial=False)
    return Bounds(a_min=a_min, a_max=a_max, v_min=v_min, v_max=v_max)


def _peak(
    weights: NDArray[Any],
    constant_times: NDArray[np.int64],
    pre_delays: NDArray[np.int64],
    n_in: int,
    gain: NDArray[Any],
    plus: NDArray[Any],
    *,
    partial: bool,
) -> int:
    """Returns the maximum over neurons and steps t of plus[t] + the largest contributions by step t, at least 0.

    weights: ``[n_in + P, n_out]``.
    gain:    ``[T, T]``; gain[t, s] >= 0 is the effect of an event of step s on the sum at step t.
    plus:    ``[T]``.
    partial: constant inputs of step t itself may or may not have been added yet.
    """
    steps = len(gain)
    best = _best_gain(gain)
    total = np.tile(plus[:, None], (1, weights.shape[1]))  # [T, n_out]
    positive = np.maximum(weights[:n_in], 0)
    for delay in np.unique(pre_delays[pre_delays < steps]):
        total += best[:, delay, None] * positive[pre_delays == delay].sum(axis=0)[None, :]
    for time, row in zip(constant_times, weights[n_in:], strict=True):
        total[time + 1 :] += gain[time + 1 :, time, None] * row[None, :]
        total[time] += gain[time, time] * (np.maximum(row, 0) if partial else row)
    return max(0, int(total.max()))


def _best_gain(gain: NDArray[Any]) -> NDArray[Any]:
    """Returns best[t, d]: the largest gain[t, s] over s in d .. t, or 0 if there is none."""
    return np.maximum.accumulate(np.tril(gain)[:, ::-1], axis=1)[:, ::-1]


def _signed_bits(low: int, high: int) -> int:
    return max(high.bit_length(), (~low).bit_length() if low < 0 else 0) + 1
