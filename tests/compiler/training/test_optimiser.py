"""The learning rate is tested at its corners; steps of Adam are compared with the equations of its paper."""

import numpy as np
import pytest

from firstspike_compiler.training.optimiser import Adam, learning_rate


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [(0.0, 0.0), (1.0, 0.5), (1.999, 0.9995), (2.0, 1.0), (6.0, 0.5), (10.0, 0.0)],
)
def test_the_rate_rises_and_falls(epoch: float, rate: float) -> None:
    assert learning_rate(1.0, epoch, warm_up=2.0, epochs=10) == pytest.approx(rate)
    assert learning_rate(3e-3, epoch, warm_up=2.0, epochs=10) == pytest.approx(3e-3 * rate)


def test_a_run_may_have_no_warm_up_or_only_warm_up() -> None:
    assert learning_rate(1.0, 0.0, warm_up=0.0, epochs=4) == 1.0
    assert learning_rate(1.0, 2.0, warm_up=2.0, epochs=2) == 1.0


def reference(weights: np.ndarray, gradients: list[np.ndarray], rate: float, limit: float) -> np.ndarray:
    """Computes the weights by Algorithm 1 of Kingma & Ba 1412.6980, with clipping."""
    w, m, v = weights.astype(np.float64), np.zeros_like(weights), np.zeros_like(weights)
    for t, g in enumerate(gradients, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w = w - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        w = np.clip(w, -limit, limit)
    return w


@pytest.mark.parametrize("limit", [10.0, 0.2])
def test_steps_are_those_of_the_paper(limit: float) -> None:
    random = np.random.default_rng(1)
    start = random.normal(0, 0.1, (3, 4)).astype(np.float32)
    gradients = [random.normal(size=(3, 4)).astype(np.float32) for _ in range(5)]
    adam = Adam(start.copy(), limit)
    for gradient in gradients:
        adam.step(gradient, 0.05, 0.9)
    wanted = reference(start, gradients, 0.05, limit)
    np.testing.assert_allclose(adam.weights, wanted, rtol=1e-4, atol=1e-6)
    assert (np.abs(wanted) == limit).any() == (limit == 0.2), "only the smaller limit must clip"


def test_a_young_average_follows_quickly_and_an_old_one_slowly() -> None:
    adam = Adam(np.zeros(1, np.float32), 10.0)
    means = []
    for _ in range(30):
        adam.step(np.full(1, -1, np.float32), 0.1, 0.9)  # each step adds 0.1
        means.append(float(adam.mean[0]))
    assert means[0] == pytest.approx(0.05, rel=1e-3), "the first average must be half of the first step"
    assert means[1] == pytest.approx(0.05 + (0.2 - 0.05) / 3, rel=1e-3)
    assert means[-1] - means[-2] == pytest.approx(0.1 * (float(adam.weights[0]) - means[-2]), rel=1e-2)


def test_a_state_can_be_restored() -> None:
    random = np.random.default_rng(2)
    one, other = (Adam(np.zeros((2, 2), np.float32), 1.0) for _ in range(2))
    for _ in range(3):
        one.step(random.normal(size=(2, 2)).astype(np.float32), 0.1, 0.9)
    other.restore({name: np.copy(value) for name, value in one.state().items()})  # type: ignore[misc]
    gradient = random.normal(size=(2, 2)).astype(np.float32)
    for adam in (one, other):
        adam.step(gradient, 0.1, 0.9)
    for name, value in one.state().items():
        np.testing.assert_array_equal(other.state()[name], value, err_msg=name)
    assert one.count == 4
