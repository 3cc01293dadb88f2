"""The loss of one image is computed by hand, and its gradients are compared with slopes."""

from typing import Any

import numpy as np
import pytest

from firstspike_compiler.training import Recipe
from firstspike_compiler.training.causal import NEVER
from firstspike_compiler.training.layers import Clock
from firstspike_compiler.training.loss import loss_and_gradient

PLAIN = {"sharpness": 2.0, "label_smoothing": 0.0, "late_cost": 0.0, "spike_cost": 0.0, "late_after": 0.9}
LINEAR = Clock(exponential=False, t_max=1.6, steps=16)
EXPONENTIAL = Clock(exponential=True, t_max=1.6, steps=16)


def loss(
    u_out: Any, label: int = 0, *, missing: Any = None, hidden: Any = (), clock: Clock = LINEAR, **changed: float
) -> Any:
    """Returns loss and gradients of one image; `hidden` has the spike times of a hidden layer, empty for none."""
    recipe = Recipe(name="r", data="mnist", **{**PLAIN, **changed})  # type: ignore[arg-type]
    u = np.array([u_out], np.float64)
    gone = np.zeros_like(u) if missing is None else np.array([missing], np.float64)
    layers = [np.array([hidden], np.float64)] if len(hidden) else []
    return loss_and_gradient(recipe, clock, np.array([label]), u, gone, layers)


def test_the_cross_entropy_of_two_outputs() -> None:
    value, *_ = loss([0.5, 1.0])
    assert value == pytest.approx(np.log(1 + np.exp(-1.0)))
    value, *_ = loss([0.5, 1.0], label=1)
    assert value == pytest.approx(np.log(1 + np.exp(1.0)))
    smooth, *_ = loss([0.5, 1.0], label_smoothing=0.5)
    assert smooth == pytest.approx(0.75 * np.log(1 + np.exp(-1.0)) + 0.25 * np.log(1 + np.exp(1.0)))


def test_an_output_that_never_fires_counts_from_the_end_of_the_window() -> None:
    value, g_u, g_missing, _ = loss([0.6, NEVER], missing=[0.0, 0.5])
    assert value == pytest.approx(np.log(1 + np.exp(-2 * (2.1 - 0.6))))
    assert (g_u[0, 1], g_missing[0, 0]) == (0, 0)
    assert g_u[0, 0] > 0 > g_missing[0, 1]


@pytest.mark.parametrize(("t", "cost"), [(0.8, 0.0), (0.9, 0.0), (1.0, 0.3)])
def test_a_late_label_costs(t: float, cost: float) -> None:
    plain, *_ = loss([t, 1.2])
    value, *_ = loss([t, 1.2], late_cost=3.0)
    assert value - plain == pytest.approx(cost, abs=1e-12)


@pytest.mark.parametrize(("t", "counted"), [(0.5, 0.6), (0.51, 0.7)])
def test_hidden_spikes_cost_up_to_the_end_of_the_decision_step(t: float, counted: float) -> None:
    plain, *_ = loss([t, 1.2])
    value, _, _, (g_hidden,) = loss([t, 1.2], hidden=[0.1, 0.55, 0.8, NEVER], spike_cost=2.0)
    early = np.maximum(counted - np.array([0.1, 0.55, 0.8]), 0)
    assert value - plain == pytest.approx(2 * early.sum())
    assert g_hidden[0].tolist() == [-2.0, -2.0, 0.0, 0.0]


@pytest.mark.parametrize("clock", [LINEAR, EXPONENTIAL], ids=["linear", "exponential"])
@pytest.mark.parametrize("label", [0, 2])
def test_gradients_are_slopes(clock: Clock, label: int) -> None:
    t = np.array([0.42, 0.77, 1.05])
    how: dict[str, Any] = {"clock": clock, "label_smoothing": 0.1, "late_cost": 1.5, "late_after": 0.4}
    u = clock.to_u(t)
    _, g_u, _, _ = loss(u, label, **how)
    for n in range(3):
        step = np.zeros(3)
        step[n] = 1e-6
        slope = (loss(u + step, label, **how)[0] - loss(u - step, label, **how)[0]) / 2e-6
        assert g_u[0, n] == pytest.approx(slope, rel=1e-4), n


def test_the_loss_of_a_batch_is_the_mean() -> None:
    recipe = Recipe(name="r", data="mnist", **PLAIN)  # type: ignore[arg-type]
    u = np.array([[0.5, 1.0], [0.7, 0.2]])
    value, g_u, _, _ = loss_and_gradient(recipe, LINEAR, np.array([0, 1]), u, np.zeros_like(u), [])
    one, other = loss(u[0], 0), loss(u[1], 1)
    assert value == pytest.approx((one[0] + other[0]) / 2)
    np.testing.assert_allclose(g_u, np.concatenate([one[1], other[1]]) / 2)
