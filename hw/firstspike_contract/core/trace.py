"""The trace, the stream of hidden and output spikes: its beats, and numpy code that makes a Batch from them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.arithmetic.events import EventSet
from firstspike_contract.arithmetic.network import DROPPED, NO_SPIKE, Network
from firstspike_contract.arithmetic.results import Batch
from firstspike_contract.common.errors import FirstspikeError
from firstspike_contract.common.layout import Field, Layout

__all__ = [
    "TRACE",
    "TRACE_BEAT",
    "batch_of",
    "input_times",
    "layer_times",
    "looked_up",
    "pack_trace",
    "trace_times",
    "unpack_trace",
]

TRACE_BEAT: Final = Layout(
    "Beat of the trace",
    Field(name="x", bits=16, doc="neuron; in the marker, the image's tag"),
    Field(name="t", bits=8, doc="step of the spike; in the marker, the decision step"),
    Field(name="layer", bits=7, doc="1 for the first hidden layer (index into Evaluation.times); in the marker, 0"),
    Field(name="end", bits=1, doc="1 in the marker, which follows all spikes of the image and has TLAST"),
)

# Beats of the trace with an entry for each field.
TRACE: Final = np.dtype([("x", "<u2"), ("t", "u1"), ("layer", "u1"), ("end", "?")])


def unpack_trace(beats: NDArray[np.uint32]) -> NDArray[np.void]:
    """Returns beats, uint32 ``[B]``, as TRACE ``[B]``."""
    trace = np.zeros(len(beats), TRACE)
    for name, values in TRACE_BEAT.unpack(np.asarray(beats)).items():
        trace[name] = values
    return trace


def pack_trace(trace: NDArray[np.void]) -> NDArray[np.uint32]:
    """Returns TRACE ``[B]`` as beats, uint32 ``[B]``."""
    fields = {name: trace[name].astype(np.int64) for name in TRACE.names or ()}
    return np.asarray(TRACE_BEAT.pack(**fields)).astype("<u4")


def batch_of(network: Network, events: EventSet, results: NDArray[np.void], trace: NDArray[np.uint32]) -> Batch:
    """Returns the core's answers in the form of the models' answers. The input spikes follow from the events sent.

    results: RESULT ``[N]``.
    trace:   uint32 ``[B]``, beats of all images, each image with its marker.

    Raises FirstspikeError where `layer_times` does.
    """
    steps = results["step"].astype(np.int64)
    filed = input_times(network, events)
    sent = np.where(filed <= steps[:, None], filed, NO_SPIKE).astype(np.int16)
    times: tuple[NDArray[np.int16], ...] = (sent, *layer_times(trace, network.sizes[1:], steps))
    return Batch(results=results, times=times, rows=looked_up(network, times, steps))


def trace_times(trace: NDArray[np.void], sizes: tuple[int, ...], step: int) -> tuple[NDArray[np.int16], ...]:
    """Returns the spike times int16 ``[n]`` of each layer from one image's TRACE, up to and including `step`.

    sizes: neurons of each layer without the inputs, Network.sizes[1:].

    Raises FirstspikeError for a spike of a neuron that is not there, and for a neuron that spikes twice.
    """
    times = tuple(np.full(n, NO_SPIKE, np.int16) for n in sizes)
    for beat in trace[~trace["end"]]:
        layer, t, x = int(beat["layer"]), int(beat["t"]), int(beat["x"])
        if not (1 <= layer <= len(sizes) and x < sizes[layer - 1]):
            raise FirstspikeError(f"trace: layer {layer} has no neuron {x}; sizes are {sizes}")
        if t > step:
            continue
        if times[layer - 1][x] != NO_SPIKE:
            raise FirstspikeError(
                f"trace: neuron {x} of layer {layer} spikes at {times[layer - 1][x]} and again at {t}"
            )
        times[layer - 1][x] = t
    return times


def layer_times(
    trace: NDArray[np.uint32], sizes: tuple[int, ...], steps: NDArray[np.int64]
) -> tuple[NDArray[np.int16], ...]:
    """Returns the spike times of many images, int16 ``[N, n]`` of each layer, up to the decision.

    trace: uint32 ``[B]``, beats of all images.
    sizes: neurons of each layer without the inputs, Network.sizes[1:].
    steps: decision step of each image, ``[N]``.

    Raises FirstspikeError if markers are missing. Raises FirstspikeError naming the image if a marker has another
    decision step, for a spike of a neuron that is not there, and for a neuron that spikes twice.
    """
    beats = unpack_trace(trace)
    ends = beats["end"]
    marked = beats["t"][ends].astype(np.int64)
    if len(marked) != len(steps):
        raise FirstspikeError(f"trace: {len(marked)} images are marked, {len(steps)} were expected")
    if (wrong := np.flatnonzero(marked != steps)).size:
        i = wrong[0]
        raise FirstspikeError(f"trace of image {i}: its marker says decision step {marked[i]}, its result {steps[i]}")
    image = np.cumsum(ends) - ends
    layer, x, t = (beats[name].astype(np.int64) for name in ("layer", "x", "t"))
    within = (layer >= 1) & (layer <= len(sizes)) & ~ends
    known = within & (x < np.array([0, *sizes])[np.where(within, layer, 0)])
    if (odd := np.flatnonzero(~known & ~ends)).size:
        i = odd[0]
        raise FirstspikeError(f"trace of image {image[i]}: layer {layer[i]} has no neuron {x[i]}; sizes are {sizes}")
    kept = known & (t <= steps[np.minimum(image, len(steps) - 1)]) if len(steps) else known
    times = []
    for k, size in enumerate(sizes, 1):
        mine = kept & (layer == k)
        place = image[mine] * size + x[mine]
        unique, first = np.unique(place, return_index=True)
        if len(unique) != len(place):
            again = place[np.setdiff1d(np.arange(len(place)), first)[0]]
            raise FirstspikeError(f"trace of image {again // size}: neuron {again % size} of layer {k} spikes twice")
        out = np.full(len(steps) * size, NO_SPIKE, np.int16)
        out[place] = t[mine]
        times.append(out.reshape(len(steps), size))
    return tuple(times)


def input_times(network: Network, events: EventSet) -> NDArray[np.int64]:
    """Returns the recorded time of every address, delay included, int64 ``[N, addresses]``; NO_SPIKE if none."""
    n, size = len(events), network.addresses
    image = np.repeat(np.arange(n), np.diff(events.offsets))
    taken = events.events[events.offsets[0] : events.offsets[-1]]
    t, x = taken["t"].astype(np.int64), taken["x"].astype(np.int64)
    row = network.input_map[np.minimum(x, size - 1)] if size else np.full(len(x), DROPPED)
    good = (t < network.steps) & (x < size) & (row != DROPPED)
    place, first = np.unique((image * size + x)[good], return_index=True)  # the first event of an input counts
    delayed = t[good][first] + network.input_delays[row[good][first]]
    out = np.full(n * size, NO_SPIKE, np.int64)
    out[place] = np.where(delayed < network.steps, delayed, NO_SPIKE)
    return out.reshape(n, size)


def looked_up(network: Network, times: tuple[NDArray[np.int16], ...], steps: NDArray[np.int64]) -> NDArray[np.int32]:
    """Returns the number of weight rows that each decision depended on, int32 ``[N, L]``.

    These are the rows of spikes before the decision step; for the kernel `step`, also at it.
    """
    until = steps if network.kernel == "step" else steps - 1
    rows = np.zeros((len(steps), len(network.layers)), np.int32)
    for k, (pre, layer) in enumerate(zip(times, network.layers, strict=False)):
        rows[:, k] = ((pre != NO_SPIKE) & (pre <= until[:, None])).sum(axis=1)
        rows[:, k] += (layer.constant_times <= until[:, None]).sum(axis=1)
    return rows
