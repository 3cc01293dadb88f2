"""Accumulator bounds are compared with an exhaustive search; the largest fraction bits that fit are chosen."""

import itertools

import numpy as np
import pytest
from networks import layer_of

from firstspike_contract import (
    KERNELS,
    FirstspikeError,
    Kernel,
    Layer,
    LayerPlan,
    largest_fraction_bits,
    worst_case,
)

T = 16


def brute_force(layer: Layer, kernel: Kernel, delays: np.ndarray) -> tuple[int, int, int, int]:
    """Returns the extremes of A and V over all spike times and over the partial sums of all orders within a step."""
    a, m, th = (table.tolist() for table in (layer.a, layer.m, layer.th))
    seen_a, seen_v = {0}, {0}
    codes = [[None, *range(int(delay), T)] for delay in delays]
    for times in itertools.product(*codes):
        events = [(t, row) for row, t in enumerate(times) if t is not None]
        events += [(t, layer.inputs + p) for p, t in enumerate(layer.constant_times.tolist())]
        for j in range(layer.outputs):
            slope = potential = 0
            for t in range(T):
                now = [int(layer.weights[row, j]) for at, row in events if at == t]
                sums = {sum(part) for k in range(len(now) + 1) for part in itertools.combinations(now, k)}
                if kernel == "step":
                    seen_v |= {potential + each for each in sums} | {potential + each - th[t] for each in sums}
                    potential += sum(now)
                else:
                    potential += slope * (m[t] - m[t - 1]) if t else 0
                    seen_v |= {potential, potential - th[t]}
                    seen_a |= {slope + each * a[t] for each in sums}
                    slope += sum(now) * a[t]
    return min(seen_a), max(seen_a), min(seen_v), max(seen_v)


@pytest.mark.parametrize("kernel", KERNELS)
def test_bounds_are_reached_and_never_passed(kernel: Kernel) -> None:
    rng = np.random.default_rng(11)
    for constants in (0, 1):
        weights = rng.integers(-9, 10, (2 + constants, 3)).astype(np.int8)
        layer = layer_of(
            weights,
            theta=3,
            kernel=kernel,
            steps=T,
            tau_steps=6.0,
            fraction_bits=3,
            constant_times=rng.integers(0, T, constants),
        )
        delays = np.array([0, 5])
        bounds = worst_case(layer, kernel, delays)
        assert (bounds.a_min, bounds.a_max, bounds.v_min, bounds.v_max) == brute_force(layer, kernel, delays)
        learning = worst_case(layer, kernel, delays, learning=True)
        assert learning.v_max > bounds.v_max


def plan(weight: int, inputs: int = 100) -> LayerPlan:
    return LayerPlan(
        weights=np.full((inputs, 1), weight, np.int8),
        theta=10,
        constant_times=np.zeros(0, np.int64),
        pre_delays=np.zeros(inputs, np.int64),
    )


def test_fraction_bits_are_the_largest_that_fit() -> None:
    # x[15] = 2^K e^(15/8) <= 2^17 - 1 gives K = 14. V = 12700 (x[15] - x[0]) in 24 signed bits gives K = 6.
    fit = {"steps": T, "tau_steps": 8.0, "a_bits": 32}
    assert largest_fraction_bits("exponential", layers=[plan(1)], v_bits=40, **fit) == 14  # type: ignore[arg-type]
    assert largest_fraction_bits("exponential", layers=[plan(127)], v_bits=24, **fit) == 6  # type: ignore[arg-type]
    assert largest_fraction_bits("linear", layers=[plan(127)], v_bits=40, **fit) == 0  # type: ignore[arg-type]


def test_weights_that_fit_with_no_number_of_fraction_bits_are_refused() -> None:
    with pytest.raises(FirstspikeError) as caught:
        largest_fraction_bits("linear", steps=T, tau_steps=1.0, layers=[plan(127)], a_bits=14, v_bits=24)
    assert str(caught.value) == (
        "layer 0 needs accumulators of 15 and 19 bits in the worst case, the target has 14 and 24; "
        "use smaller weights, fewer inputs, or a shorter time window"
    )
