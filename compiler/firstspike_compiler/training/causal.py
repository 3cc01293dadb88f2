"""Computes spike times and their exact gradients through the causal set, compiled with numba.

Both kernels are linear in a transformed time u: the potential V in units of the threshold, times a factor g, is

    V(u) g = sum over the causal set of  w_i (u - u_i),        linear:      u = t,           g = 1
                                                               exponential: u = exp(t / tau), g = u

and the neuron fires where V = 1. With S = sum w_i and Q = sum w_i u_i over the causal set this gives

    linear:       u = (1 + Q) / S          D = S             (Zhang et al. 2003.11837, ReL-PSP)
    exponential:  u =      Q  / (S - 1)    D = S - 1         (Mostafa 1606.08165, equation 9)
    du/dw_i = (u_i - u) / D                du/du_i = w_i / D (Mostafa 1606.08165, equations 12 and 13)

A neuron that does not fire by the end has a missing potential instead of a time: see `missing` of `forward`.
"""

import numpy as np
from numba import njit

__all__ = ["NEVER", "backward", "forward"]

NEVER = np.inf  # transformed time of a spike that does not happen


@njit(cache=True, nogil=True)
def forward(pre, weights, exponential, u_end, order, used, u_out, causal, missing):
    """Computes the spike times of a layer; the caller provides all arrays.

    pre:         float ``[B, n_in]``, transformed input times, NEVER for an input that does not spike.
    weights:     float ``[n_in, n_out]``, in units of the threshold.
    exponential: bool, whether the kernel is `exponential`; else it is `linear`.
    u_end:       last transformed time at which a neuron may fire.
    order:       int32 ``[B, n_in]``, written: inputs that spike, in time order.
    used:        int32 ``[B]``, written: number of inputs that spike.
    u_out:       float ``[B, n_out]``, written: transformed spike time or NEVER.
    causal:      int32 ``[B, n_out]``, written: size of the causal set, which is a prefix of `order`; for a neuron that
                 does not fire, the number of all inputs that spike.
    missing:     float ``[B, n_out]``, written: 1 - V(u_end) of a neuron that does not fire, 0 of one that does.
    """
    n_out = weights.shape[1]
    total = np.zeros(n_out, weights.dtype)
    moment = np.zeros(n_out, weights.dtype)
    for b in range(pre.shape[0]):
        spiking = np.nonzero(pre[b] <= u_end)[0]
        count = len(spiking)
        order[b, :count] = spiking[np.argsort(pre[b][spiking])]
        used[b] = count
        total[:] = 0
        moment[:] = 0
        u_out[b, :] = NEVER
        pending = n_out
        for k in range(count):
            i = order[b, k]
            u_i = pre[b, i]
            u_next = pre[b, order[b, k + 1]] if k + 1 < count else u_end
            for j in range(n_out):
                total[j] += weights[i, j]
                moment[j] += weights[i, j] * u_i
            for j in range(n_out):
                if u_out[b, j] != NEVER:
                    continue
                if exponential:
                    slope, level = total[j] - 1, moment[j]
                else:
                    slope, level = total[j], 1 + moment[j]
                # the neuron fires before the next input arrives iff V(u_next) >= 1; this test needs no division
                if slope > 0 and level <= slope * u_next:
                    u_out[b, j] = max(level / slope, u_i)
                    causal[b, j] = k + 1
                    missing[b, j] = 0
                    pending -= 1
            if pending == 0:
                break
        for j in range(n_out):
            if u_out[b, j] == NEVER:
                causal[b, j] = count
                v = total[j] * u_end - moment[j]
                missing[b, j] = 1 - (v / u_end if exponential else v)


@njit(cache=True, nogil=True)
def backward(pre, weights, exponential, u_end, order, u_out, causal, clamp, g_u, g_missing, g_weights, g_pre):
    """Adds the gradients of `forward` to `g_weights` and `g_pre`.

    pre, weights, exponential, u_end, order, u_out, causal: as `forward` took and wrote them.

    clamp:     least value of D, so that a grazing crossing does not dominate a batch; 0 gives exact gradients.
    g_u:       float ``[B, n_out]``, dL/du of every neuron that fired.
    g_missing: float ``[B, n_out]``, dL/d(1 - V(u_end)) of every neuron that did not fire.
    g_weights: float ``[n_in, n_out]``, added to: dL/dw.
    g_pre:     float ``[B, n_in]``, added to: dL/du_i of the inputs.
    """
    for b in range(pre.shape[0]):
        for j in range(weights.shape[1]):
            fired = u_out[b, j] != NEVER
            g = g_u[b, j] if fired else g_missing[b, j]
            if g == 0:
                continue
            if fired:
                slope = 0.0
                for k in range(causal[b, j]):
                    slope += weights[order[b, k], j]
                if exponential:
                    slope -= 1
                g = g / max(slope, clamp)
                u = u_out[b, j]
            else:
                g = g / u_end if exponential else g  # missing = 1 - sum w (u_end - u_i) / g(u_end)
                u = u_end
            for k in range(causal[b, j]):
                i = order[b, k]
                g_weights[i, j] += g * (pre[b, i] - u)
                g_pre[b, i] += g * weights[i, j]
