"""Draws random networks, images and stalls for the gateware; a seed gives the same case on every machine.

Tested by tests/sim/model/test_fast.py.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import (
    DROPPED,
    EVENT,
    NO_SPIKE,
    EventSet,
    Kernel,
    Layer,
    LayerPlan,
    Network,
    Tables,
    kernel_tables,
    largest_fraction_bits,
)

__all__ = ["Case", "random_case", "random_events", "random_network"]

_A_BITS: Final = 32  # accumulators of the widest cores; narrower ones may refuse a network
_V_BITS: Final = 40
_SHAPE_BITS: Final = 6  # fraction bits of the draft tables with which thresholds are chosen


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """The case that one seed stands for.

    seed:      seed.
    network:   random network.
    events:    random images.
    gaps:      chance of a stall before a beat is sent.
    results:   chance of a stall on the result stream.
    trace:     chance of a stall on the trace stream.
    run_on:    images run on to T-1.
    bitmap:    images are sent as bitmaps.
    interrupt: number of cycles after which the core is reset in the middle of a first run of these images, or None.
    """

    seed: int
    network: Network
    events: EventSet
    gaps: float
    results: float
    trace: float
    run_on: bool
    bitmap: bool
    interrupt: int | None


def random_case(seed: int, kernel: Kernel | None = None) -> Case:
    """Returns the case of a seed >= 0. A fifth of all networks has a layer of at least 100 neurons.

    kernel: kernel of the network; by default `linear` or `exponential`, by chance.
    """
    rng = np.random.default_rng(seed)
    large = rng.random() < 0.2
    network = random_network(rng, large=large, kernel=kernel)
    bitmap = rng.random() < 0.1
    events = random_events(rng, network, 6 if large else 16, bitmap=bitmap)
    stalls = rng.choice([0.0, 0.0, 0.3, 0.9], 3)
    return Case(
        seed=seed,
        network=network,
        events=events,
        gaps=float(stalls[0]),
        results=float(stalls[1]),
        trace=float(stalls[2]),
        run_on=bool(rng.random() < 0.2),
        bitmap=bitmap,
        interrupt=int(rng.integers(1, 600)) if rng.random() < 0.2 else None,
    )


def random_network(rng: np.random.Generator, *, large: bool, kernel: Kernel | None = None) -> Network:
    """Returns a random network of 1 to 4 layers, with T from 16 to 256, delays, constant inputs and dropped inputs.

    Thresholds are chosen so that neurons can reach them.

    large:  up to 1,024 inputs and 512 neurons a layer, with at least one layer of 100 or more; else at most 40 of each.
    kernel: kernel of the network; by default `linear` or `exponential`, by chance.
    """
    drawn: Kernel = "linear" if rng.random() < 0.5 else "exponential"
    kernel = drawn if kernel is None else kernel
    steps = int(rng.choice([16, 16, 32, 64, 128, 256]))
    depth = int(rng.choice([1, 2, 2, 2, 3, 3, 4]))
    addresses = int(rng.integers(1, 1025 if large else 41))
    sizes = [int(n) for n in rng.integers(1, 513 if large else 41, depth)]
    if large:
        sizes[int(rng.integers(0, depth))] = int(rng.integers(100, 513))
    kept = rng.random(addresses) >= rng.choice([0.0, 0.3, 0.9])
    input_map = np.where(kept, np.cumsum(kept) - 1, DROPPED)
    if rng.random() < 0.3:  # rows in another order than addresses
        input_map[kept] = rng.permutation(int(kept.sum()))
    longest = int(rng.choice([0, 0, 0, 2, 2, steps // 4, steps // 2, steps + 5]))
    pre_delays = rng.integers(0, longest + 1, int(kept.sum()))
    tau = steps / float(rng.uniform(1.0, 6.0))
    input_delays, times = pre_delays, rng.integers(0, max(1, steps // 2), len(pre_delays)) + pre_delays
    times[rng.random(len(times)) < 0.4] = NO_SPIKE  # inputs of the sample image for choosing thresholds
    layers: list[Layer] = []
    for k, outputs in enumerate(sizes):
        last = k == depth - 1
        delays = np.zeros(outputs, np.int64) if last else rng.integers(0, longest + 1, outputs)
        source = addresses if k == 0 else layers[-1].outputs
        layer = _random_layer(rng, kernel, tau, times, pre_delays, delays, steps=steps, source_inputs=source, last=last)
        layers.append(layer)
        times, pre_delays = _spike_times(layer, np.concatenate([times, layer.constant_times])), delays
    return Network(kernel=kernel, steps=steps, input_map=input_map, input_delays=input_delays, layers=tuple(layers))


def random_events(rng: np.random.Generator, network: Network, images: int, *, bitmap: bool = False) -> EventSet:
    """Returns random images with labels.

    Among them are empty images, bursts at one step, events at any step, sorted and unsorted; some events are out of
    range, or come twice.

    bitmap: all events are at step 0, in ascending addresses, each address once.
    """
    density = float(rng.choice([0.1, 0.5, 1.0]))
    blocks = []
    for _ in range(images):
        count = int(rng.integers(0, max(2, int(2 * density * network.addresses) + 2)))
        block = np.zeros(count, EVENT)
        block["t"] = rng.integers(
            0, int(rng.choice([1, 3, network.steps // 2, network.steps // 2, network.steps])), count
        )
        block["x"] = rng.integers(0, network.addresses, count)
        if rng.random() < 0.15 and count:  # every input at one step
            block = np.zeros(network.addresses, EVENT)
            block["x"], block["t"] = rng.permutation(network.addresses), rng.integers(0, network.steps)
        if rng.random() < 0.6 and len(block):  # each input once, so that nothing is refused
            block = block[np.unique(block["x"], return_index=True)[1]][:: int(rng.choice([-1, 1]))]
        if rng.random() < 0.2 and len(block):
            odd = rng.integers(0, len(block), 3)
            block["t"][odd[0]] = rng.choice([network.steps, 65535, 256])
            block["x"][odd[1:]] = [network.addresses, rng.choice([65535, network.addresses + 1, 1024])]
        if rng.random() < 0.5:
            block = block[np.argsort(block["t"], kind="stable")]
        if bitmap:
            x = np.unique(block["x"][block["x"] < network.addresses])
            block = np.zeros(len(x), EVENT)
            block["x"] = x
        blocks.append(block)
    offsets = np.concatenate([[0], np.cumsum([len(block) for block in blocks])]).astype(np.int64)
    labels = rng.integers(0, network.classes, images)
    return EventSet(events=np.concatenate(blocks), offsets=offsets, labels=labels)


def _random_layer(
    rng: np.random.Generator,
    kernel: Kernel,
    tau: float,
    times: NDArray[np.int64],
    pre_delays: NDArray[np.int64],
    delays: NDArray[np.int64],
    *,
    steps: int,
    source_inputs: int,
    last: bool,
) -> Layer:
    constants = int(rng.choice([0, 0, 0, 1, 3, 8]))
    constant_times = rng.integers(0, int(rng.choice([1, steps])), constants)
    shape = (len(pre_delays) + constants, len(delays))
    style = rng.random()
    if style < 0.1:  # saturated
        weights = rng.choice([-127, 127], shape, p=[0.4, 0.6])
    elif style < 0.2:  # equal columns, which give ties
        weights = np.repeat(rng.integers(-60, 128, (shape[0], 1)), shape[1], axis=1)
    else:
        largest = int(rng.choice([3, 20, 127]))
        weights = np.clip(rng.integers(-largest, largest + 1, shape) + largest // 4, -127, 127)
    weights = weights.astype(np.int8)
    drafted = kernel_tables(kernel, steps=steps, tau_steps=tau, theta=1, fraction_bits=_SHAPE_BITS)
    reached = _potential(weights, drafted, np.concatenate([times, constant_times])) / drafted.th[:, None]
    share = rng.uniform(0.6, 1.0) if last else rng.uniform(0.0, 0.6)  # few outputs fire, so that much happens before
    theta = max(1, int(np.quantile(reached.max(axis=0), share)))
    plan = LayerPlan(weights=weights, theta=theta, constant_times=constant_times, pre_delays=pre_delays)
    bits = largest_fraction_bits(kernel, steps=steps, tau_steps=tau, layers=[plan], a_bits=_A_BITS, v_bits=_V_BITS)
    bits = bits if rng.random() < 0.5 else int(rng.integers(0, bits + 1))
    tables = kernel_tables(kernel, steps=steps, tau_steps=tau, theta=theta, fraction_bits=bits)
    return Layer(
        weights=weights,
        a=tables.a,
        m=tables.m,
        th=tables.th,
        constant_times=constant_times,
        delays=delays,
        source_inputs=source_inputs,
    )


def _potential(weights: NDArray[np.int8], tables: Tables | Layer, times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns V at every step for a sample image, float64 ``[T, n_out]``.

    times: int64 ``[n_in + P]``, input spike times; NO_SPIKE, or T and later, for an input that does not spike.
    """
    steps = len(tables.m)
    spikes = (times != NO_SPIKE) & (times < steps)
    at = times[spikes]
    if tables.m.any():
        kernel = tables.a[at] * np.maximum(tables.m[:, None] - tables.m[at], 0)
    else:  # kernel `step`
        kernel = (at <= np.arange(steps)[:, None]).astype(np.int64)
    return kernel.astype(np.float64) @ weights[spikes].astype(np.float64)


def _spike_times(layer: Layer, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the recorded spike times of a layer for the sample image, int64 ``[n_out]``."""
    crossed = _potential(layer.weights, layer, times) >= layer.th[:, None]
    return np.where(crossed.any(axis=0), crossed.argmax(axis=0) + layer.delays, NO_SPIKE)
