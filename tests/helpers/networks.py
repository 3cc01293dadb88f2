"""Builds every network and set of images that the tests need, integer and float; no other file spells one out."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from firstspike_compiler.ir import Encoding, LayerIR, NetworkIR
from firstspike_contract import DROPPED, EVENT, KERNELS, EventSet, Kernel, Layer, Network, kernel_tables

TAU_STEPS = 6.5  # of random networks, in steps of a grid of 16
FRACTION_BITS = 8  # of the tables, for a kernel that has a fraction


def layer_of(
    weights: ArrayLike,
    theta: int,
    kernel: Kernel = "linear",
    constant_times: ArrayLike = (),
    delays: ArrayLike | None = None,
    *,
    steps: int = 16,
    tau_steps: float = 8.0,
    fraction_bits: int | None = None,
    source_inputs: int | None = None,
) -> Layer:
    """Returns a layer of the weights ``[n_in + P, n_out]``, with the tables of its kernel and no delays by default.

    `fraction_bits` defaults to 0 for kernels whose tables are whole numbers, and to FRACTION_BITS for others.
    `source_inputs` defaults to n_in.
    """
    matrix = np.asarray(weights).astype(np.int8)
    times = np.asarray(constant_times, np.int64)
    if fraction_bits is None:
        fraction_bits = 0 if kernel in ("linear", "step") else FRACTION_BITS
    tables = kernel_tables(kernel, steps=steps, tau_steps=tau_steps, theta=theta, fraction_bits=fraction_bits)
    return Layer(
        weights=matrix,
        a=tables.a,
        m=tables.m,
        th=tables.th,
        constant_times=times,
        delays=np.zeros(matrix.shape[1], np.int64) if delays is None else np.asarray(delays, np.int64),
        source_inputs=len(matrix) - len(times) if source_inputs is None else source_inputs,
    )


def network_of(
    *layers: Layer,
    kernel: Kernel = "linear",
    input_map: ArrayLike | None = None,
    input_delays: ArrayLike | None = None,
) -> Network:
    """Returns a network of the layers; by default each address is one weight row, and no input is delayed."""
    rows = layers[0].inputs
    return Network(
        kernel=kernel,
        steps=len(layers[0].th),
        input_map=np.arange(rows) if input_map is None else np.asarray(input_map, np.int64),
        input_delays=np.zeros(rows, np.int64) if input_delays is None else np.asarray(input_delays, np.int64),
        layers=layers,
    )


def random_network(
    seed: int,
    *,
    kernel: Kernel = "linear",
    steps: int = 16,
    sizes: Sequence[int] = (12, 7, 3),
    delays: bool = True,
    constants: bool = True,
    theta: int | None = None,
    normal_form: bool = False,
) -> Network:
    """Returns a network of random weights, with dropped inputs, rows in another order than the addresses, and ties.

    A network in `normal_form` is one that compiling leaves as it is: rows in the order of their addresses, none zero.
    """
    random = np.random.default_rng(seed)
    kept = np.sort(random.permutation(sizes[0])[: max(1, sizes[0] - 2)])
    input_map = np.full(sizes[0], DROPPED, np.int64)
    input_map[kept] = np.arange(len(kept)) if normal_form else random.permutation(len(kept))
    layers: list[Layer] = []
    inputs = len(kept)
    for k, outputs in enumerate(sizes[1:]):
        count = int(random.integers(0, 3)) if constants else 0
        weights = random.integers(-60, 128, (inputs + count, outputs)).astype(np.int8)
        if random.random() < 0.3:
            weights = random.choice([-127, 127, 1, 2], weights.shape).astype(np.int8)  # saturated, and many ties
        if normal_form:
            weights[:, 0] = random.integers(1, 128, inputs + count)
        own_theta = theta or int(random.integers(1, 600))
        constant_times = random.integers(0, steps, count)
        layers.append(
            layer_of(
                weights,
                theta=own_theta,
                kernel=kernel,
                steps=steps,
                tau_steps=TAU_STEPS * steps / 16,
                fraction_bits=0 if kernel in ("linear", "step") else 6,
                constant_times=constant_times,
                delays=random.integers(0, 5, outputs) if delays and k < len(sizes) - 2 else None,
                source_inputs=sizes[0] if k == 0 else inputs,
            )
        )
        inputs = outputs
    input_delays = random.integers(0, 3, len(kept)) if delays else None
    return network_of(*layers, kernel=kernel, input_map=input_map, input_delays=input_delays)


@st.composite
def integer_networks(draw: Any, kernels: Sequence[Kernel] = KERNELS) -> Network:
    """Draws networks in normal form: 1 to 3 layers of at most 6 neurons, every kernel."""
    return random_network(
        draw(st.integers(0, 2**32 - 1)),
        kernel=draw(st.sampled_from(kernels)),
        steps=draw(st.sampled_from((16, 32, 64))),
        sizes=tuple(draw(st.lists(st.integers(1, 6), min_size=2, max_size=4))),
        delays=draw(st.booleans()),
        constants=draw(st.booleans()),
        normal_form=True,
    )


def float_layer(name: str, weights: NDArray[np.float64], **changes: Any) -> LayerIR:
    """Returns a layer with threshold 1, without constant inputs and delays unless `changes` has them."""
    fields: dict[str, Any] = {"threshold": 1.0, "constant_times": np.zeros(0), "delays": np.zeros(weights.shape[1])}
    return LayerIR(name=name, weights=weights, **{**fields, **changes})


def float_network(
    kernel: Kernel = "linear",
    *,
    seed: int = 0,
    sizes: Sequence[int] = (20, 30, 4),
    steps: int = 64,
    threshold: float = 1.0,
    encoding: str = "binary",
) -> NetworkIR:
    """Returns a float network that fires in good time when a fifth of its inputs spike."""
    random = np.random.default_rng(seed)
    layers = [
        float_layer(name, random.normal(0.3, 0.5, (n_in, n_out)) * (10 / n_in), threshold=threshold)
        for name, (n_in, n_out) in zip(("hidden", "readout"), pairwise(sizes), strict=False)
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


def grid_layer(name: str, inputs: int, outputs: int, *, seed: int, threshold: float = 1.0) -> LayerIR:
    """Returns a float layer whose weights, from -0.5 to 0.8, are multiples of its scale 1/64."""
    integers = np.random.default_rng(seed).integers(-32, 52, (inputs, outputs))
    return float_layer(name, integers / 64, threshold=threshold, scale=1 / 64)


def grid_network(inputs: int = 4, hidden: int = 8, classes: int = 3, **changes: Any) -> NetworkIR:
    """Returns a linear network of grid layers for latency-coded values in 0..1, T = 16; `changes` replace fields."""
    seed = 20261122
    fields: dict[str, Any] = {
        "kernel": "linear",
        "t_max": 4.0,
        "steps": 16,
        "tau": 1.0,
        "encoding": Encoding(name="latency", t_late=2.0),
        "layers": (
            grid_layer("hidden", inputs, hidden, seed=seed),
            grid_layer("readout", hidden, classes, seed=seed + 1),
        ),
        "input_delays": np.zeros(inputs),
    }
    return NetworkIR(**{**fields, **changes})


def set_of(images: Sequence[NDArray[np.void]], labels: NDArray[np.int64] | None = None) -> EventSet:
    """Returns images, EVENT arrays, as one set."""
    offsets = np.concatenate([[0], np.cumsum([len(image) for image in images])]).astype(np.int64)
    return EventSet(events=np.concatenate([np.zeros(0, EVENT), *images]), offsets=offsets, labels=labels)


def random_images(network: Network, seed: int, count: int) -> list[NDArray[np.void]]:
    """Returns EVENT arrays: some empty, some all at one step, with repeated, dropped and out-of-range events."""
    random = np.random.default_rng(seed)
    images = []
    for n in range(count):
        events = np.zeros(0 if n == 1 else int(random.integers(1, 2 * network.addresses)), EVENT)
        events["x"] = random.integers(0, network.addresses + 2, len(events))
        latest = (1, network.steps // 2, network.steps + 1)[int(random.integers(0, 3))]
        events["t"] = random.integers(0, latest, len(events))
        images.append(events)
    return images


def sparse_images(
    addresses: int, *, images: int = 8, steps: int = 16, seed: int = 0, classes: int | None = None
) -> EventSet:
    """Returns images in which two fifths of the addresses spike, each at a random step of the first half."""
    random = np.random.default_rng(seed)
    blocks = []
    for _ in range(images):
        x = np.flatnonzero(random.random(addresses) < 0.4)
        block = np.zeros(len(x), EVENT)
        block["x"], block["t"] = x, random.integers(0, steps // 2, len(x))
        blocks.append(block)
    return set_of(blocks, None if classes is None else random.integers(0, classes, images))
