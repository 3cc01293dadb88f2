"""Time grid and rounding at their limits; both kinds of layer are compared with each other and with slopes."""

import numpy as np
import pytest

from firstspike_compiler.training.causal import NEVER
from firstspike_compiler.training.layers import Clock, GroupedLayer, SortedLayer, quantised

CLOCKS = [Clock(exponential=kind, t_max=1.6, steps=16) for kind in (False, True)]


@pytest.mark.parametrize("clock", CLOCKS, ids=["linear", "exponential"])
def test_times_are_transformed_and_back(clock: Clock) -> None:
    t = np.linspace(0, 1.5, 7)
    np.testing.assert_allclose(clock.to_t(clock.to_u(t)), t, atol=1e-12)
    assert (clock.tick, clock.to_t(np.array(clock.u_end))) == (pytest.approx(0.1), pytest.approx(1.5))
    u, step = clock.to_u(t), 1e-6
    np.testing.assert_allclose(clock.dt_du(u), (clock.to_t(u + step) - clock.to_t(u - step)) / (2 * step), rtol=1e-5)


@pytest.mark.parametrize("clock", CLOCKS, ids=["linear", "exponential"])
@pytest.mark.parametrize(
    ("t", "step"), [(0.0, 0), (1e-7, 0), (0.01, 1), (0.1, 1), (0.1000001, 1), (0.101, 2), (1.5, 15), (1.51, None)]
)
def test_a_time_moves_up_to_the_next_step(clock: Clock, t: float, step: int | None) -> None:
    """A time up to a millionth of a step after a step counts as that step, because rounding may have moved it."""
    (found,) = clock.on_grid(clock.to_u(np.array([t])))
    wanted = NEVER if step is None else clock.to_u(np.array(step * 0.1))
    assert found == pytest.approx(float(wanted)) if step is not None else found == NEVER


def test_a_neuron_that_never_fires_stays_so_and_has_no_slope() -> None:
    for clock in CLOCKS:
        assert clock.on_grid(np.array([NEVER])).tolist() == [NEVER]
    assert CLOCKS[1].dt_du(np.array([NEVER])).tolist() == [0]


@pytest.mark.parametrize(
    ("weight", "units"), [(0.0, 0), (0.49, 31), (1.984375, 127), (2.0, 127), (9.0, 127), (-9.0, -127), (1 / 128, 0)]
)
def test_weights_are_those_of_int8(weight: float, units: int) -> None:
    found = quantised(np.array([weight], np.float32), 64)
    assert (found.tolist(), found.dtype) == ([units / 64], np.float32)


@pytest.mark.parametrize("clock", CLOCKS, ids=["linear", "exponential"])
@pytest.mark.parametrize("late", [None, 0.8])
def test_the_grouped_layer_equals_the_sorted_layer(clock: Clock, late: float | None) -> None:
    """For bits that spike at 0 or `late`, matrix products and the walk in time order give equal times and gradients."""
    random = np.random.default_rng(4)
    bits = (random.random((6, 12)) < 0.5).astype(np.float64)
    weights = random.normal(0.3, 0.4, (12, 9))
    grouped, ordered = GroupedLayer(clock, 0.01, late), SortedLayer(clock, 0.01)
    u, missing = grouped.forward(bits, weights)
    dark = NEVER if late is None else float(clock.to_u(np.array(late)))
    pre = np.where(bits == 1, float(clock.to_u(np.array(0.0))), dark)
    other, _ = ordered.forward(pre, weights)
    assert 0 < np.isfinite(u).sum() < u.size
    np.testing.assert_allclose(u, other, rtol=1e-9)
    assert not missing.any()
    g_u = np.where(np.isfinite(u), random.normal(size=u.shape), 0)
    mine, nothing = grouped.backward(g_u, missing)
    theirs, _ = ordered.backward(g_u, missing)
    assert nothing is None
    np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("clock", CLOCKS, ids=["linear", "exponential"])
def test_gradients_are_slopes(clock: Clock) -> None:
    random = np.random.default_rng(5)
    pre = clock.to_u(random.random((1, 5)))
    weights = random.normal(1.5, 0.3, (5, 1))
    layer = SortedLayer(clock, 1e-6)
    u, missing = layer.forward(pre, weights)
    assert np.isfinite(u).all()
    g_weights, g_pre = layer.backward(np.ones_like(u), np.zeros_like(missing))
    step = 1e-6
    for n in range(5):
        shifted = []
        for sign in (1, -1):
            moved = weights.copy()
            moved[n] += sign * step
            shifted.append(float(SortedLayer(clock, 1e-6).forward(pre, moved)[0][0, 0]))
        assert g_weights[n, 0] == pytest.approx((shifted[0] - shifted[1]) / (2 * step), rel=1e-4, abs=1e-8)
        shifted = []
        for sign in (1, -1):
            moved = pre.copy()
            moved[0, n] += sign * step
            shifted.append(float(SortedLayer(clock, 1e-6).forward(moved, weights)[0][0, 0]))
        assert g_pre[0, n] == pytest.approx((shifted[0] - shifted[1]) / (2 * step), rel=1e-4, abs=1e-8)
