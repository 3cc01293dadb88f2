"""Float closed forms of the spike time of one neuron: an oracle for the integer arithmetic.

Each form takes the k earliest inputs as the causal set, for k = 1, 2, ..., solves V(t) = theta on it, and accepts the
first solution that does not lie after the next input. docs/arithmetic.md has the kernels; times and tau have one unit.
"""

import numpy as np
from numpy.typing import NDArray

from firstspike_compiler.ir import NetworkIR
from firstspike_contract import Kernel

__all__ = ["float_network_times", "spike_time", "spike_times"]


def float_network_times(network: NetworkIR, times: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Returns the float spike times of one image, float64 ``[n_out]`` for each layer.

    times: float64 ``[addresses]`` in time units, inf for an input that does not spike; inputs that the network does not
           see are ignored.

    Spike times include delays; inf stands for a spike at t_max or later, and for none. Spikes after the decision are
    included.
    """
    pre = times + network.input_delays
    if network.mask is not None:
        pre = np.where(network.mask, pre, np.inf)
    layers = []
    for layer in network.layers:
        every = np.concatenate([np.where(pre < network.t_max, pre, np.inf), layer.constant_times])
        tau = 1.0 if network.kernel in ("linear", "step") else network.tau
        post = spike_times(network.kernel, layer.weights, every, layer.threshold, tau)
        pre = post + layer.delays
        pre = np.where(pre < network.t_max, pre, np.inf)
        layers.append(pre)
    return tuple(layers)


def spike_times(
    kernel: Kernel, weights: NDArray[np.float64], times: NDArray[np.float64], threshold: float, tau: float
) -> NDArray[np.float64]:
    """Returns the first time at which V of each neuron reaches the threshold, float64 ``[n_out]``; inf for never.

    weights: float64 ``[n_in, n_out]``.
    times:   float64 ``[n_in]``, inf for an input that does not spike.
    """
    return np.array([spike_time(kernel, column, times, threshold, tau) for column in weights.T])


def spike_time(
    kernel: Kernel, weights: NDArray[np.float64], times: NDArray[np.float64], threshold: float, tau: float
) -> float:
    """Returns the first time at which V of one neuron reaches the threshold; inf if it never does.

    weights: float64 ``[n_in]``.
    times:   float64 ``[n_in]``, inf for an input that does not spike.

    The solutions are:

    `linear`:      Zhang et al. 2003.11837, t = (theta + sum w s) / sum w.
    `exponential`: Mostafa 1606.08165, exp(t) = sum w exp(s) / (sum w - theta).
    `lif-2to1`:    Goeltz et al. 1912.11443, the quadratic in exp(-t / (2 tau_s)).
    `alpha`:       Goeltz et al. 1912.11443 and Comsa et al. 1907.13223, Lambert W.
    `step`:        S4NN, the first input at which the running sum reaches theta.
    """
    order = np.argsort(times, kind="stable")
    order = order[np.isfinite(times[order])]
    s, w = times[order] / tau, weights[order]
    nexts = np.append(s[1:], np.inf)
    if kernel == "step":
        reached = (np.cumsum(w) >= threshold) & (nexts > s)  # inputs at one time act together
        return float(s[reached.argmax()] * tau) if reached.any() else np.inf
    sums = [np.cumsum(w * part) for part in (1.0, s, np.exp(s), np.exp(s / 2), s * np.exp(s))]
    for k in range(len(s)):
        if nexts[k] > s[k]:
            t = _solve(kernel, [float(each[k]) for each in sums], threshold, float(s[k]))
            if t <= nexts[k]:
                return t * tau
    return np.inf


def _solve(kernel: Kernel, sums: list[float], theta: float, after: float) -> float:
    """Returns the first t >= after with V(t) = theta on a fixed causal set, in units of tau; inf if there is none.

    sums: the sums over the causal set of w, w s, w exp(s), w exp(s/2) and w s exp(s).
    """
    w, ws, wx, wh, wsx = sums
    if kernel == "linear":
        t = (theta + ws) / w if w > 0 else np.inf
        return t if t >= after else np.inf
    if kernel == "exponential":
        t = np.log(wx / (w - theta)) if w > theta and wx > 0 else np.inf
        return t if t >= after else np.inf
    if kernel == "lif-2to1":
        # y = exp(-t/2): wx y^2 - wh y + theta = 0; the rising crossing is the larger y below exp(-after/2).
        return _earliest_y(wx, -wh, theta, np.exp(-after / 2))
    # alpha: (t wx - wsx) exp(-t) = theta, u = t - wsx/wx: u exp(-u) = (theta / wx) exp(wsx / wx).
    return _alpha(wx, wsx, theta, after)


def _earliest_y(a: float, b: float, c: float, limit: float) -> float:
    roots = np.roots([a, b, c]) if a != 0 else np.array([-c / b] if b else [])
    real = [
        float(y.real) for y in roots if abs(y.imag) < 1e-12 * (1 + abs(y.real)) and 0 < y.real <= limit * (1 + 1e-12)
    ]
    return -2 * float(np.log(max(real))) if real else np.inf


def _alpha(wx: float, wsx: float, theta: float, after: float) -> float:
    from scipy.special import lambertw

    if wx == 0:
        return after if -wsx * np.exp(-after) >= theta else np.inf
    shift = wsx / wx
    with np.errstate(over="ignore"):  # an infinite argument means no crossing, whatever its sign
        argument = -(theta / wx) * float(np.exp(np.float64(shift)))
    if argument < -1 / np.e:
        return np.inf
    branches = (0, -1) if argument < 0 else (0,)
    solutions = [shift - float(lambertw(argument, branch).real) for branch in branches]
    later = [t for t in solutions if t >= after - 1e-12]
    return min(later) if later else np.inf
