"""Random networks and events for tests: every kernel, delays, constant and dropped inputs, odd events."""

from typing import cast

import numpy as np

from firstspike_contract import (
    EVENT,
    KERNELS,
    EventSet,
    Kernel,
    Layer,
    LayerPlan,
    Network,
    kernel_tables,
    largest_fraction_bits,
)


def random_network(rng: np.random.Generator) -> Network:
    """Depth 1 to 4, T 16 to 256, small enough to be busy with spikes and ties."""
    kernel = cast(Kernel, str(rng.choice(KERNELS)))
    steps = int(rng.choice([16, 16, 32, 64, 256]))
    addresses = int(rng.integers(1, 40))
    keep = rng.random(addresses) >= rng.choice([0.0, 0.3])
    input_map = np.where(keep, np.cumsum(keep) - 1, -1)
    n_in = int(keep.sum())
    longest = int(rng.choice([0, 0, 3, steps + 5]))
    input_delays = rng.integers(0, longest + 1, n_in)
    depth = int(rng.integers(1, 5))
    layers, pre_delays, source = [], input_delays, addresses
    tau = steps / float(rng.uniform(1.0, 6.0))
    for k in range(depth):
        n_out, constants = int(rng.integers(1, 20)), int(rng.choice([0, 0, 1, 3]))
        largest = int(rng.choice([3, 20, 127]))
        weights = rng.integers(-largest // 2, largest + 1, (n_in + constants, n_out)).astype(np.int8)
        theta = int(rng.integers(1, 2 + largest * (steps if kernel in ("linear", "alpha") else 2) // 4))
        constant_times = rng.integers(0, steps, constants)
        plan = LayerPlan(weights=weights, theta=theta, constant_times=constant_times, pre_delays=pre_delays)
        bits = largest_fraction_bits(kernel, steps=steps, tau_steps=tau, layers=[plan], a_bits=32, v_bits=40)
        tables = kernel_tables(
            kernel, steps=steps, tau_steps=tau, theta=theta, fraction_bits=int(rng.integers(0, bits + 1))
        )
        last = k == depth - 1
        delays = np.zeros(n_out, np.int64) if last else rng.integers(0, longest + 1, n_out)
        layers.append(
            Layer(
                weights=weights,
                a=tables.a,
                m=tables.m,
                th=tables.th,
                constant_times=constant_times,
                delays=delays,
                source_inputs=source,
            )
        )
        n_in, source, pre_delays = n_out, n_out, delays
    return Network(kernel=kernel, steps=steps, input_map=input_map, input_delays=input_delays, layers=tuple(layers))


def random_events(rng: np.random.Generator, network: Network, images: int) -> EventSet:
    """Duplicates, out-of-range codes and addresses, empty images, bursts at one step, spread ones."""
    counts = rng.integers(0, 2 * network.addresses + 2, images)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    events = np.zeros(offsets[-1], EVENT)
    span = int(rng.choice([1, 3, network.steps // 2, network.steps + 2]))
    events["t"] = rng.integers(0, span, len(events))
    events["x"] = rng.integers(0, network.addresses + int(rng.integers(0, 3)), len(events))
    return EventSet(events=events, offsets=offsets)
