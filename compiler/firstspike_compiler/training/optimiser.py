"""The optimiser Adam with a weight average, in one pass over memory for each parameter array."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Adam", "learning_rate"]


@njit(cache=True, nogil=True)
def _step(w, g, m, v, mean, rate, correct1, correct2, decay, limit):
    for k in range(w.size):
        m[k] += np.float32(0.1) * (g[k] - m[k])
        v[k] += np.float32(0.001) * (g[k] * g[k] - v[k])
        w[k] -= rate * (m[k] * correct1) / (np.sqrt(v[k] * correct2) + np.float32(1e-8))
        w[k] = min(max(w[k], -limit), limit)
        mean[k] += decay * (w[k] - mean[k])


class Adam:
    """The optimiser of one weight array: Adam (Kingma & Ba 1412.6980) with betas 0.9 and 0.999.

    weights: float32; clipped to +-limit after every step.
    mean:    exponential average of the weights.
    """

    def __init__(self, weights: NDArray[np.float32], limit: float) -> None:
        self.weights, self.limit = weights, np.float32(limit)
        self.m, self.v, self.mean = np.zeros_like(weights), np.zeros_like(weights), weights.copy()
        self.count = 0

    def step(self, gradient: NDArray[np.float32], rate: float, average: float) -> None:
        self.count += 1
        # a young average follows quickly, so that it forgets the random start
        decay = max(1 - average, 1 / (self.count + 1))
        _step(
            self.weights.ravel(), np.ascontiguousarray(gradient, np.float32).ravel(), self.m.ravel(), self.v.ravel(),
            self.mean.ravel(), np.float32(rate), np.float32(1 / (1 - 0.9**self.count)),
            np.float32(1 / (1 - 0.999**self.count)), np.float32(decay), self.limit,
        )  # fmt: skip

    def state(self) -> dict[str, NDArray[np.float32] | int]:
        return {"w": self.weights, "m": self.m, "v": self.v, "mean": self.mean, "count": self.count}

    def restore(self, state: dict[str, NDArray[np.float32]]) -> None:
        for name, array in (("w", self.weights), ("m", self.m), ("v", self.v), ("mean", self.mean)):
            array[...] = state[name]
        self.count = int(state["count"])


def learning_rate(peak: float, epoch: float, warm_up: float, epochs: int) -> float:
    """Returns the learning rate: it rises linearly to `peak` over `warm_up` epochs, then falls as half a cosine to 0.

    epoch:  epochs done so far, with fractions.
    epochs: number of epochs, at which the rate is 0.
    """
    if epoch < warm_up:
        return peak * epoch / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (epoch - warm_up) / max(epochs - warm_up, 1e-9)))
