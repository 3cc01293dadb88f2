"""At T = 256, at least 99.9 % of integer spike times lie within one step of the closed forms in float."""

import numpy as np
import pytest
from networks import float_layer, layer_of, network_of

from firstspike_compiler.ir import Encoding, LayerIR, NetworkIR
from firstspike_contract import (
    EVENT,
    NO_SPIKE,
    Kernel,
    LayerPlan,
    Network,
    evaluate,
    integer_threshold,
    largest_fraction_bits,
)
from firstspike_sim.oracles.closed_form import float_network_times, spike_time, spike_times

STEPS, INPUTS, NEURONS, LAYERS = 256, 100, 40, 30
# Kernel -> window in units of tau, threshold in units of weight times kernel. About half of a layer's neurons fire.
SETTINGS: dict[Kernel, tuple[float, float]] = {
    "linear": (1.4, 1.0),
    "exponential": (3.0, 1.0),
    "lif-2to1": (4.0, 0.5),
    "alpha": (4.0, 0.8),
    "step": (1.0, 1.0),
}


def one_layer(kernel: Kernel, weights: np.ndarray, theta: int, tau_steps: float) -> tuple[Network, int]:
    none = np.zeros(0, np.int64)
    no_delays = np.zeros(len(weights), np.int64)
    plan = LayerPlan(weights=weights, theta=theta, constant_times=none, pre_delays=no_delays)
    bits = largest_fraction_bits(kernel, steps=STEPS, tau_steps=tau_steps, layers=[plan], a_bits=32, v_bits=40)
    tables = {"kernel": kernel, "steps": STEPS, "tau_steps": tau_steps, "fraction_bits": bits, "theta": theta}
    hidden = layer_of(weights, **tables)
    # A readout that cannot fire makes the evaluation run to T-1.
    network = network_of(hidden, layer_of(np.zeros((weights.shape[1], 1)), **tables), kernel=kernel)
    return network, bits


def compare(kernel: Kernel, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns the time codes of the closed form and of the contract, ``[NEURONS]``, T without a spike, and K."""
    rng = np.random.default_rng(seed)
    t_max, theta = SETTINGS[kernel]
    dt = t_max / STEPS
    scale = 1 / 64
    weights = np.clip(np.rint(rng.normal(3.0, 12.0, (INPUTS, NEURONS))), -127, 127).astype(np.int8)
    unit = {"linear": 1 / dt, "alpha": 1 / dt}.get(kernel, 1.0)
    network, bits = one_layer(kernel, weights, integer_threshold(theta / scale * unit), 1 / dt)
    codes = rng.integers(0, STEPS // 2, INPUTS)
    spiking = rng.random(INPUTS) < 0.5
    events = np.zeros(int(spiking.sum()), EVENT)
    events["x"], events["t"] = np.flatnonzero(spiking), codes[spiking]
    integer = evaluate(network, events).times[1].astype(np.int64)
    times = np.where(spiking, codes * dt, np.inf)
    exact = spike_times(kernel, weights * scale, times, theta, 1.0)
    code = np.minimum(np.ceil(np.minimum(exact / dt, 2.0 * STEPS) - 1e-9), STEPS).astype(np.int64)
    return code, np.where(integer == NO_SPIKE, STEPS, integer), bits


@pytest.mark.parametrize("kernel", list(SETTINGS))
def test_integer_spike_times_equal_the_closed_forms_within_one_step(kernel: Kernel) -> None:
    exact, integer, bits = (
        np.array(part) for part in zip(*(compare(kernel, seed) for seed in range(LAYERS)), strict=True)
    )
    spikes = (exact < STEPS) | (integer < STEPS)
    off = np.abs(exact - integer)[spikes]
    within = float((off <= 1).mean())
    print(
        f"{kernel}: {spikes.sum()} of {spikes.size} neurons spike, K = {bits.min()}..{bits.max()}, "
        f"same step {(off == 0).mean():.4%}, within one step {within:.4%}, largest difference {off.max()}"
    )
    assert 0.2 < spikes.mean() < 0.98
    assert within >= 0.999


@pytest.mark.parametrize("kernel", list(SETTINGS))
def test_closed_forms_equal_the_potential_on_a_fine_grid(kernel: Kernel) -> None:
    """Compares the closed forms with the potential on a fine grid, so that the oracle is checked, too."""

    def kappa(d: np.ndarray) -> np.ndarray:
        psp = {
            "linear": d,
            "exponential": 1 - np.exp(-d),
            "lif-2to1": np.exp(-d / 2) - np.exp(-d),
            "alpha": d * np.exp(-d),
            "step": np.ones_like(d),
        }[kernel]
        return np.where(d >= 0, psp, 0.0)

    rng = np.random.default_rng(7)
    grid = np.linspace(0, 6, 60_001)
    fired = 0
    for _ in range(40):
        times, weights = rng.uniform(0, 2, 8), rng.normal(0.3, 0.8, 8)
        potential = kappa(grid[:, None] - times[None, :]) @ weights
        above = potential >= 0.6
        expected = grid[above.argmax()] if above.any() else np.inf
        exact = spike_time(kernel, weights, times, 0.6, 1.0)
        if np.isinf(expected):
            assert exact > 6 or potential.max() > 0.6 - 1e-6
        else:
            fired += 1
            assert abs(exact - expected) < 2e-4
    assert fired > 8


def float_network(kernel: Kernel, rng: np.random.Generator) -> NetworkIR:
    """Returns a network 5-4-3 with delays, a constant input in the second layer, and a masked input."""

    def layer(name: str, rows: int, outputs: int, constant_times: list[float], delays: np.ndarray) -> LayerIR:
        weights = rng.uniform(0.5, 1.0, (rows, outputs))
        return float_layer(name, weights, threshold=0.15, constant_times=np.array(constant_times), delays=delays)

    return NetworkIR(
        kernel=kernel,
        t_max=8.0,
        steps=256,
        tau=1.0 if kernel in ("linear", "step") else 1.5,
        encoding=Encoding(),
        layers=(
            layer("hidden", 5, 4, [], np.array([0.0, 0.5, 0.25, 9.0])),
            layer("output", 5, 3, [0.75], np.zeros(3)),
        ),
        input_delays=np.array([0.0, 0.5, 0.0, 1.0, 7.5]),
        mask=np.array([True, True, False, True, True]),
    )


@pytest.mark.parametrize("kernel", list(SETTINGS))
def test_float_times_of_a_network_are_those_of_its_layers(kernel: Kernel) -> None:
    """Compares input delays, mask, constant inputs and the end of the window with single neurons computed by hand."""
    network = float_network(kernel, np.random.default_rng(3))
    hidden, output = float_network_times(network, np.array([0.5, 0.25, 0.0, np.inf, 1.0]))

    def by_hand(layer: LayerIR, j: int, times: list[float]) -> float:
        return spike_time(kernel, layer.weights[:, j], np.array(times), layer.threshold, network.tau)

    first, second = network.layers
    # Address 2 is masked, address 3 has no spike, and address 4 is delayed past the window.
    fired = [by_hand(first, j, [0.5, 0.75, np.inf, np.inf, np.inf]) for j in range(4)]
    np.testing.assert_allclose(hidden, [fired[0], fired[1] + 0.5, fired[2] + 0.25, np.inf], rtol=0, atol=0)
    assert np.isfinite(fired).all()
    np.testing.assert_allclose(output, [by_hand(second, j, [*hidden, 0.75]) for j in range(3)], rtol=0, atol=0)
    assert np.isfinite(output).all()
