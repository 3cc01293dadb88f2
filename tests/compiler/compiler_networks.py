"""Random integer networks in the compiler's normal form, and a plain float one, for the tests of the compiler."""

import numpy as np
from hypothesis import strategies as st

from firstspike_compiler.ir import Encoding, LayerIR, NetworkIR
from firstspike_contract import DROPPED, EVENT, KERNELS, EventSet, Layer, Network
from firstspike_contract.arithmetic.tables import kernel_tables

TAU_STEPS = 7.5
FRACTION_BITS = 6


def integer_network(kernel, *, seed, steps=16, sizes=(5, 4, 3), constants=True, delays=True):
    """A network that compiling leaves as it is: zero rows dropped, rows in the order of their addresses."""
    random = np.random.default_rng(seed)
    kept = np.sort(random.permutation(sizes[0])[: max(1, sizes[0] - 2)])
    input_map = np.full(sizes[0], DROPPED, np.int64)
    input_map[kept] = np.arange(len(kept))
    layers, inputs = [], len(kept)
    for k, outputs in enumerate(sizes[1:]):
        count = int(random.integers(0, 3)) if constants else 0
        weights = random.integers(-127, 128, (inputs + count, outputs)).astype(np.int8)
        weights[:, 0] = random.integers(1, 128, inputs + count)  # no zero row, and something that excites
        last = k == len(sizes) - 2
        tables = kernel_tables(
            kernel,
            steps=steps,
            tau_steps=TAU_STEPS * steps / 16,
            theta=int(random.integers(1, 400)),
            fraction_bits=0 if kernel in ("linear", "step") else FRACTION_BITS,
        )
        layers.append(
            Layer(
                weights=weights,
                a=tables.a,
                m=tables.m,
                th=tables.th,
                constant_times=random.integers(0, steps, count),
                delays=random.integers(0, 4, outputs) if delays and not last else np.zeros(outputs, np.int64),
                source_inputs=sizes[0] if k == 0 else inputs,
            )
        )
        inputs = outputs
    return Network(
        kernel=kernel,
        steps=steps,
        input_map=input_map,
        input_delays=random.integers(0, 3, len(kept)) if delays else np.zeros(len(kept), np.int64),
        layers=tuple(layers),
    )


@st.composite
def integer_networks(draw, kernels=KERNELS):
    sizes = tuple(draw(st.lists(st.integers(1, 6), min_size=2, max_size=4)))
    return integer_network(
        draw(st.sampled_from(kernels)),
        seed=draw(st.integers(0, 2**32 - 1)),
        steps=draw(st.sampled_from((16, 32, 64))),
        sizes=sizes,
        constants=draw(st.booleans()),
        delays=draw(st.booleans()),
    )


def float_network(kernel="linear", *, seed=0, sizes=(20, 30, 4), steps=64, threshold=1.0, encoding="binary"):
    """A float network that fires in good time on a fifth of its inputs."""
    random = np.random.default_rng(seed)
    layers = [
        LayerIR(
            name=name,
            weights=random.normal(0.3, 0.5, (n_in, n_out)) * (10 / n_in),
            threshold=threshold,
            constant_times=np.zeros(0),
            delays=np.zeros(n_out),
        )
        for name, n_in, n_out in zip(("hidden", "readout"), sizes, sizes[1:], strict=False)
    ]
    return NetworkIR(
        kernel=kernel,
        t_max=2.0,
        steps=steps,
        tau=1.0,
        encoding=Encoding(name=encoding, t_late=1.0 if encoding in ("two-time", "latency") else None),
        layers=tuple(layers),
        input_delays=np.zeros(sizes[0]),
    )


def random_events(addresses, *, images=8, steps=16, seed=0, classes=None):
    """Images of a third of the inputs at random codes."""
    random = np.random.default_rng(seed)
    blocks = []
    for _ in range(images):
        x = np.flatnonzero(random.random(addresses) < 0.4)
        block = np.zeros(len(x), EVENT)
        block["x"], block["t"] = x, random.integers(0, steps // 2, len(x))
        blocks.append(block)
    offsets = np.concatenate([[0], np.cumsum([len(b) for b in blocks])]).astype(np.int64)
    labels = None if classes is None else random.integers(0, classes, images)
    return EventSet(events=np.concatenate(blocks), offsets=offsets, labels=labels)
