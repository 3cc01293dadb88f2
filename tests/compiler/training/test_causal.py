"""Spike times are compared with a scan of the potential, gradients with finite differences."""

import numpy as np
import pytest

from firstspike_compiler.training import causal
from firstspike_compiler.training.layers import Clock, GroupedLayer, SortedLayer

CLOCKS = {
    "linear": Clock(exponential=False, t_max=1.4, steps=16),
    "exponential": Clock(exponential=True, t_max=3.0, steps=64),
}


def random_layer(clock: Clock, seed: int, batch: int = 5, n_in: int = 12, n_out: int = 7):
    rng = np.random.default_rng(seed)
    t = rng.uniform(0, clock.t_max * 1.1, (batch, n_in))
    t[rng.random(t.shape) < 0.1] = np.inf
    mean = 0.5 if clock.exponential else 0.35
    return clock.to_u(t), rng.normal(mean, 0.7, (n_in, n_out))


def potential(clock: Clock, u_pre, weights, t):
    """Returns V of every neuron at time t for one image, ``[n_out]``, from the definition of the kernel."""
    s = clock.to_t(u_pre)
    kernel = np.where(s <= t, (1 - np.exp(-(t - s))) if clock.exponential else (t - s), 0)
    return np.nan_to_num(kernel) @ weights


@pytest.mark.parametrize("kernel", CLOCKS)
def test_spike_is_the_first_crossing_of_the_potential(kernel: str) -> None:
    clock = CLOCKS[kernel]
    fired = silent = 0
    for seed in range(8):
        pre, weights = random_layer(clock, seed)
        u, missing = SortedLayer(clock, 0.0).forward(pre, weights)
        end = float(clock.to_t(np.array(clock.u_end)))
        for b in range(len(pre)):
            scan = np.linspace(0, end, 1501)
            v = np.array([potential(clock, pre[b], weights, t) for t in scan])
            for j in range(weights.shape[1]):
                crossed = np.nonzero(v[:, j] >= 1)[0]
                if np.isfinite(u[b, j]):
                    fired += 1
                    assert scan[crossed[0]] == pytest.approx(clock.to_t(u[b, j]), abs=end / 1000)
                else:
                    silent += 1
                    assert len(crossed) == 0
                    assert missing[b, j] == pytest.approx(1 - v[-1, j], abs=1e-9)
    assert fired > 80
    assert silent > 10


def check_gradient(forward, backward, parameters, seed: int) -> int:
    """Compares dL/dp with central differences where the set of spikes stays the same; returns how many it compared."""
    rng = np.random.default_rng(seed)
    u, _ = forward()
    g_u = np.where(np.isfinite(u), rng.normal(size=u.shape), 0)
    g_missing = np.where(np.isfinite(u), 0, rng.normal(size=u.shape))

    def loss():
        v, short = forward()
        same = np.isfinite(v) == np.isfinite(u)
        return (np.where(np.isfinite(v), v, 0) * g_u + short * g_missing).sum() if same.all() else np.nan

    gradients, compared = backward(g_u, g_missing), 0
    for array, gradient in zip(parameters, gradients, strict=True):
        for index in rng.choice(array.size, min(array.size, 40), replace=False):
            where = np.unravel_index(index, array.shape)
            if not np.isfinite(array[where]):
                continue
            saved, step = array[where], 1e-6
            values = []
            for sign in (1, -1):
                array[where] = saved + sign * step
                values.append(loss())
            array[where] = saved
            forward()
            numeric = (values[0] - values[1]) / (2 * step)
            if np.isfinite(numeric):
                assert gradient[where] == pytest.approx(numeric, rel=1e-4, abs=1e-6), (seed, where)
                compared += 1
    return compared


@pytest.mark.parametrize("kernel", CLOCKS)
def test_gradients_of_a_sorted_layer_equal_finite_differences(kernel: str) -> None:
    compared = 0
    for seed in range(10):
        pre, weights = random_layer(CLOCKS[kernel], seed)
        layer = SortedLayer(CLOCKS[kernel], 0.0)
        compared += check_gradient(lambda: layer.forward(pre, weights), layer.backward, (weights, pre), seed)  # noqa: B023 - called in this iteration
    assert compared > 500


@pytest.mark.parametrize(("kernel", "late"), [("linear", None), ("linear", 0.5), ("exponential", 1.79)])
def test_grouped_layer_equals_sorted_layer_and_finite_differences(kernel: str, late: float | None) -> None:
    clock, compared = CLOCKS[kernel], 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        bits = rng.integers(0, 2, (6, 30)).astype(float)
        weights = rng.normal(0.12, 0.25, (30, 8))
        grouped, sorted_ = GroupedLayer(clock, 0.0, late), SortedLayer(clock, 0.0)
        dark = causal.NEVER if late is None else float(clock.to_u(np.array(late)))
        pre = np.where(bits == 1, float(clock.to_u(np.array(0.0))), dark)
        u, _ = grouped.forward(bits, weights)
        np.testing.assert_allclose(u, sorted_.forward(pre, weights)[0], rtol=1e-9)

        def silent_is_zero(layer=grouped):
            v, short = layer.forward(bits, weights)  # noqa: B023 - called in this iteration
            return v, short

        compared += check_gradient(
            silent_is_zero, lambda g, _m, layer=grouped: layer.backward(g, _m)[:1], (weights,), seed
        )
    assert compared > 100


def test_the_gradient_of_a_flat_crossing_is_clamped() -> None:
    clock = CLOCKS["linear"]
    pre, weights = np.zeros((1, 1)), np.full((1, 1), 0.8)  # V = 0.8 t reaches 1 at 1.25, with a slope of 0.8
    gradients = {}
    for clamp in (0.0, 1.6):
        layer = SortedLayer(clock, clamp)
        layer.forward(pre, weights)
        gradients[clamp] = layer.backward(np.ones((1, 1)), np.zeros((1, 1)))[0][0, 0]
    assert gradients[0.0] == pytest.approx(-1.25 / 0.8)
    assert gradients[1.6] == pytest.approx(-1.25 / 1.6)


@pytest.mark.parametrize("kernel", CLOCKS)
def test_times_move_up_to_the_grid_and_never_earlier(kernel: str) -> None:
    clock = CLOCKS[kernel]
    t = np.array([[0.0, clock.tick, clock.tick * 1.01, clock.tick * (clock.steps - 1), clock.t_max, np.inf]])
    codes = clock.to_t(clock.on_grid(clock.to_u(t))) / clock.tick
    np.testing.assert_allclose(codes[0, :4], [0, 1, 2, clock.steps - 1], atol=1e-6)
    assert np.isinf(codes[0, 4:]).all()
