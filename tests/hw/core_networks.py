"""Random integer networks and events, with everything that the core must count, refuse or leave out."""

import numpy as np

from firstspike_contract import DROPPED, EVENT, CoreConfig, Layer, Network, StageConfig, evaluate, kernel_tables
from firstspike_contract.core.trace import trace_times

BOTH = ("linear", "exponential")
# Kernels that the lanes of a test are built for, by the kernel of its network.
BUILT = {"linear": BOTH, "exponential": BOTH, "step": ("step",), "alpha": ("alpha",), "lif-2to1": ("lif-2to1",)}


def small_config(*, kernels=BOTH, stages=3, lanes=(4, 3, 2), ring=False, boot=0) -> CoreConfig:
    """A core that simulates quickly."""
    return CoreConfig(
        stages=tuple(
            StageConfig(
                lanes=lanes[k],
                depth=128,
                max_rows=4,
                inputs=32,
                constants=4,
                a_bits=28 if set(kernels) & {"alpha", "lif-2to1"} else 20,
                v_bits=40 if "lif-2to1" in kernels else 36,
                kernels=kernels,
                ring=ring,
            )
            for k in range(stages)
        ),
        addresses=32,
        max_steps=32,
        boot=boot,
    )


def random_network(seed, *, kernel="linear", steps=16, sizes=(12, 7, 3), delays=True, constants=True, theta=None):
    random = np.random.default_rng(seed)
    kept = np.sort(random.permutation(sizes[0])[: max(1, sizes[0] - 2)])
    input_map = np.full(sizes[0], DROPPED, np.int64)
    input_map[kept] = random.permutation(len(kept))
    layers, inputs = [], len(kept)
    for k, outputs in enumerate(sizes[1:]):
        count = int(random.integers(0, 3)) if constants else 0
        weights = random.integers(-60, 128, (inputs + count, outputs)).astype(np.int8)
        if random.random() < 0.3:
            weights = random.choice([-127, 127, 1, 2], weights.shape).astype(np.int8)  # saturated, and many ties
        tables = kernel_tables(
            kernel,
            steps=steps,
            tau_steps=6.5 * steps / 16,
            theta=theta or int(random.integers(1, 600)),
            fraction_bits=0 if kernel in ("linear", "step") else 6,
        )
        has_delays = delays and k < len(sizes) - 2
        layers.append(
            Layer(
                weights=weights,
                a=tables.a,
                m=tables.m,
                th=tables.th,
                constant_times=random.integers(0, steps, count),
                delays=random.integers(0, 5, outputs) if has_delays else np.zeros(outputs, np.int64),
                source_inputs=sizes[0] if k == 0 else inputs,
            )
        )
        inputs = outputs
    input_delays = random.integers(0, 3, len(kept)) if delays else np.zeros(len(kept), np.int64)
    return Network(kernel=kernel, steps=steps, input_map=input_map, input_delays=input_delays, layers=tuple(layers))


def random_images(network, seed, count):
    """EVENT arrays: some empty, some all at one step, with repeated, dropped and out-of-range events."""
    random = np.random.default_rng(seed)
    images = []
    for n in range(count):
        events = np.zeros(0 if n == 1 else int(random.integers(1, 2 * network.addresses)), EVENT)
        events["x"] = random.integers(0, network.addresses + 2, len(events))
        latest = (1, network.steps // 2, network.steps + 1)[int(random.integers(0, 3))]
        events["t"] = random.integers(0, latest, len(events))
        images.append(events)
    return images


def differences(network, events, result, trace=None):
    """What differs from the contract, as text; empty if nothing does."""
    expected = evaluate(network, events)
    wrong = [
        f"{name} {result[name]}, not {expected.result[name]}"
        for name in result.dtype.names
        if result[name] != expected.result[name]
    ]
    if trace is not None:
        step = int(expected.result["step"])
        for k, times in enumerate(trace_times(trace, network.sizes[1:], step)):
            if (times != expected.times[k + 1]).any():
                wrong.append(f"layer {k + 1} spikes {times.tolist()}, not {expected.times[k + 1].tolist()}")
    return "; ".join(wrong)
