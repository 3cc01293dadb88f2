"""Networks made from random numbers or from other networks. The same seed gives the same network."""

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_compiler.integers import network_to_ir
from firstspike_compiler.ir import Encoding, LayerIR, NetworkIR
from firstspike_contract import Kernel, Layer, Network, kernel_tables

__all__ = ["random_network", "scratch", "shuffled", "with_delays"]

PIXELS: Final = 28 * 28
HIDDEN: Final = 600
# Initial weights, mean and standard deviation by layer; chosen on held-out training images (docs/learning.md).
FIRST, SECOND = (3.0, 40.0), (6.0, 20.0)
BRIGHT: Final = 100  # pixels of a digit, about
ACTIVE: Final = 0.2  # fraction of the hidden neurons that fire by T-1, before any learning


def random_network(kernel: Kernel, sizes: Sequence[int], seed: int) -> NetworkIR:
    """Returns a network of one kernel with random weights, for kernels without a trained network.

    sizes: of the layers, inputs first; at least two numbers >= 1.
    """
    rng = np.random.default_rng(seed)
    layers = tuple(
        LayerIR(
            name=f"layer{k}",
            weights=rng.integers(-40, 64, (inputs, outputs)) / 64,
            threshold=1.0,
            constant_times=np.zeros(0),
            delays=np.zeros(outputs),
            scale=1 / 64,
        )
        for k, (inputs, outputs) in enumerate(pairwise(sizes), 1)
    )
    return NetworkIR(
        kernel=kernel,
        t_max=4.0,
        steps=16,
        tau=1.0,
        encoding=Encoding(name="latency", t_late=2.0),
        layers=layers,
        input_delays=np.zeros(sizes[0]),
    )


def with_delays(ir: NetworkIR, most: int, seed: int) -> NetworkIR:
    """Returns the network with random delays of 0 to `most` steps on its inputs and hidden neurons.

    The network is not trained for these delays.
    """
    rng = np.random.default_rng(seed)
    tick = ir.t_max / ir.steps

    def drawn(count: int) -> NDArray[np.float64]:
        return rng.integers(0, most + 1, count).astype(np.float64) * tick

    hidden = [dataclasses.replace(layer, delays=drawn(layer.weights.shape[1])) for layer in ir.layers[:-1]]
    return dataclasses.replace(ir, layers=(*hidden, ir.layers[-1]), input_delays=drawn(ir.addresses))


def scratch(seed: int, steps: int, seen: NDArray[np.bool_]) -> NetworkIR:
    """Returns a 784-600-10 network with random int8 weights, from which learning starts.

    seen: bool ``[784]``, the inputs that have weights. The compiler drops the others.

    The threshold of a hidden neuron is the slope that the fraction ACTIVE of the hidden neurons reaches, times T-1. The
    threshold of an output neuron is the standard deviation of the sum over the active hidden neurons, times 2/5 of T-1.
    """
    rng = np.random.default_rng(seed)
    slope = FIRST[0] * BRIGHT + FIRST[1] * BRIGHT**0.5 * NormalDist().inv_cdf(1 - ACTIVE)
    spread = (ACTIVE * HIDDEN * (SECOND[0] ** 2 + SECOND[1] ** 2)) ** 0.5
    thetas = (int(slope * (steps - 1)), int(spread * (steps - 1) * 100 / 255))
    first = _weights(rng, FIRST, (PIXELS, HIDDEN)) * seen[:, None]
    second = _weights(rng, SECOND, (HIDDEN, 10))
    network = Network(
        kernel="linear",
        steps=steps,
        input_map=np.arange(PIXELS),
        input_delays=np.zeros(PIXELS, np.int64),
        layers=tuple(_layer(w, theta, steps) for w, theta in zip((first, second), thetas, strict=True)),
    )
    ir = network_to_ir(network, encoding=Encoding(name="binary"))
    return dataclasses.replace(ir, record={"start": "scratch", "seed": seed})


def shuffled(ir: NetworkIR, share: float, seed: int) -> NetworkIR:
    """Returns the network with a random `share` of each layer's weights permuted. Weight rows of zeros stay."""
    rng = np.random.default_rng(seed)
    layers = []
    for layer in ir.layers:
        weights = layer.weights.copy()
        used = np.flatnonzero(weights.any(axis=1))
        flat = weights[used].ravel()
        chosen = rng.choice(len(flat), int(share * len(flat)), replace=False)
        flat[chosen] = flat[rng.permutation(chosen)]
        weights[used] = flat.reshape(len(used), -1)
        layers.append(dataclasses.replace(layer, weights=weights))
    return dataclasses.replace(ir, layers=tuple(layers))


def _weights(rng: np.random.Generator, start: tuple[float, float], shape: tuple[int, int]) -> np.ndarray:
    """Returns int8 weights of a normal distribution; start: its mean and standard deviation."""
    return np.clip(np.rint(rng.normal(*start, shape)), -127, 127).astype(np.int8)


def _layer(weights: np.ndarray, theta: int, steps: int) -> Layer:
    tables = kernel_tables("linear", steps=steps, tau_steps=1.0, theta=theta, fraction_bits=0)
    return Layer(
        weights=weights,
        a=tables.a,
        m=tables.m,
        th=tables.th,
        constant_times=np.zeros(0, np.int64),
        delays=np.zeros(weights.shape[1], np.int64),
        source_inputs=len(weights),
    )
