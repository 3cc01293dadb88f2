"""The three streams of the core as 32-bit little-endian beats, with the numpy code that packs and unpacks them."""

from enum import IntFlag
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.arithmetic.events import EVENT
from firstspike_contract.arithmetic.results import RESULT
from firstspike_contract.common.errors import FirstspikeError

__all__ = [
    "HEADER",
    "RESULT_BEATS",
    "RESULT_PACKET",
    "TRACE",
    "TRACE_END",
    "Header",
    "ResultFlag",
    "pack_bitmap",
    "pack_image",
    "trace_times",
    "unpack_bitmap",
    "unpack_result",
    "unpack_trace",
]


class Header(IntFlag):
    """Bits of the header's flags byte."""

    LEARN = 1 << 0  # this image may change weights (docs/learning.md); ignored by a core that does not learn
    SPIKES = 1 << 1  # return spikes: trace this image
    RUN_ON = 1 << 2  # walk to T-1 after the decision; class, step and counts stay those of the decision
    ORDERED = 1 << 3  # event times do not fall within the image: work may begin before TLAST
    BITMAP = 1 << 4  # beats are bits of addresses instead of events; a set bit is an event of step 0


class ResultFlag(IntFlag):
    """Bits of the result's flags byte."""

    SILENT = 1 << 0
    TIE = 1 << 1
    EXACT_TIE = 1 << 2
    LATE = 1 << 3  # the image was marked ORDERED and was not; late events were refused
    TRIGGERED = 1 << 4  # a learning image that changes weights, after this result


# First beat of an image.
HEADER: Final = np.dtype([("flags", "u1"), ("tag", "u1"), ("label", "<u2")])

# The result packet; the last beat has TLAST. Counts as in RESULT.
RESULT_PACKET: Final = np.dtype(
    [
        ("tag", "u1"),
        ("flags", "u1"),
        ("step", "<u2"),
        ("class", "<u2"),
        ("label", "<u2"),
        ("spikes_input", "<u4"),
        ("spikes_hidden", "<u4"),
        ("spikes_output", "<u4"),
        ("spikes_constant", "<u4"),
        ("events_dropped", "<u4"),
        ("events_refused", "<u4"),
        ("cycles", "<u4"),  # that the image kept the core: from its start until the next one may start
        ("latency", "<u4"),  # from the clock edge that took TLAST to the first beat of this packet
        ("rows_read", "<u4"),  # weight rows that were read, all stages; what ran ahead of the decision included
    ]
)
RESULT_BEATS: Final = RESULT_PACKET.itemsize // 4

# One beat of the trace. layer: 1 for the first hidden layer (index into Evaluation.times), TRACE_END set: end of image.
TRACE: Final = np.dtype([("x", "<u2"), ("t", "u1"), ("layer", "u1")])
TRACE_END: Final = 0x80  # in `layer`; then t is the decision step, x the tag; has TLAST


def pack_image(events: NDArray[np.void], *, flags: int = 0, tag: int = 0, label: int = 0) -> NDArray[np.uint32]:
    """Beats uint32 ``[1 + E]`` of an image of EVENT ``[E]``; TLAST belongs to the last."""
    beats = np.empty(1 + len(events), np.uint32)
    beats[0] = _header(flags & ~Header.BITMAP, tag, label)
    beats[1:] = np.ascontiguousarray(events, EVENT).view("<u4")
    return beats


def pack_bitmap(bright: NDArray[np.bool_], *, flags: int = 0, tag: int = 0, label: int = 0) -> NDArray[np.uint32]:
    """Beats uint32 ``[1 + ceil(addresses / 32)]``: bit i of beat 1 + k is address 32 k + i."""
    padded = np.zeros(-(-len(bright) // 32) * 32, np.uint8)
    padded[: len(bright)] = bright
    bits = np.packbits(padded, bitorder="little").view("<u4")
    return np.concatenate([[_header(flags | Header.BITMAP, tag, label)], bits]).astype(np.uint32)


def unpack_bitmap(beats: NDArray[np.uint32]) -> NDArray[np.void]:
    """The events that the beats of a bitmap image (header included) stand for, EVENT ``[E]``, ascending addresses."""
    bits = np.unpackbits(np.ascontiguousarray(beats[1:], "<u4").view(np.uint8), bitorder="little")
    events = np.zeros(int(bits.sum()), EVENT)
    events["x"] = np.flatnonzero(bits)
    return events


def unpack_result(beats: NDArray[np.uint32]) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Beats uint32 ``[N * RESULT_BEATS]`` of N packets as (RESULT_PACKET ``[N]``, RESULT ``[N]``)."""
    if len(beats) % RESULT_BEATS:
        raise FirstspikeError(f"{len(beats)} beats are not a whole number of result packets of {RESULT_BEATS} beats")
    packets = np.ascontiguousarray(beats, "<u4").view(RESULT_PACKET)
    results = np.zeros(len(packets), RESULT)
    for name in RESULT.fields or ():
        if name in (RESULT_PACKET.fields or ()):
            results[name] = packets[name]
    for name, flag in (("silent", ResultFlag.SILENT), ("tie", ResultFlag.TIE), ("exact_tie", ResultFlag.EXACT_TIE)):
        results[name] = (packets["flags"] & flag) != 0
    return packets, results


def unpack_trace(beats: NDArray[np.uint32]) -> NDArray[np.void]:
    """Beats uint32 ``[B]`` as TRACE ``[B]``."""
    return np.ascontiguousarray(beats, "<u4").view(TRACE)


def trace_times(trace: NDArray[np.void], sizes: tuple[int, ...], step: int) -> tuple[NDArray[np.int16], ...]:
    """Spike times int16 ``[n]`` of each layer from one image's TRACE, up to and including `step`.

    sizes: neurons per layer without the inputs, Network.sizes[1:]. Raises FirstspikeError for a spike that no such
    network has, and for a neuron that spikes twice.
    """
    times = tuple(np.full(n, -1, np.int16) for n in sizes)
    for beat in trace[(trace["layer"] & TRACE_END) == 0]:
        layer, t, x = int(beat["layer"]), int(beat["t"]), int(beat["x"])
        if not (1 <= layer <= len(sizes) and x < sizes[layer - 1]):
            raise FirstspikeError(f"trace: layer {layer} has no neuron {x}; sizes are {sizes}")
        if t > step:
            continue
        if times[layer - 1][x] != -1:
            raise FirstspikeError(
                f"trace: neuron {x} of layer {layer} spikes at {times[layer - 1][x]} and again at {t}"
            )
        times[layer - 1][x] = t
    return times


def _header(flags: int, tag: int, label: int) -> int:
    if not (0 <= tag < 256 and 0 <= label < 65536):
        raise FirstspikeError(f"a header holds a tag in 0..255 and a label in 0..65535, not {tag} and {label}")
    return int(flags) | tag << 8 | label << 16
