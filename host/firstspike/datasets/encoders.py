"""Encodes values as input spikes: at most one spike for each input and image, ordered by time, then by address.

Values are grey levels in 0..1 (float) or 0..255 (bytes); a value v is *bright* when v > 127/255.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EVENT, EventSet
from firstspike_contract.common.errors import FirstspikeError, UsageError
from firstspike_contract.common.names import unknown

__all__ = ["ENCODINGS", "encode", "latency_codes"]

ENCODINGS: Final = ("binary", "two-time", "latency")
ADDRESSES_MAX: Final = 2**16  # an event carries its address in 16 bits

_CHUNK: Final = 2**22  # values encoded at a time, to bound the memory of intermediate arrays
_NEVER: Final = -1


def encode(
    values: NDArray[np.uint8] | NDArray[np.floating],
    encoding: str,
    *,
    steps: int,
    late: int | None = None,
    labels: NDArray[np.int64] | None = None,
) -> EventSet:
    """Returns the spikes of value vectors.

    values:   uint8 ``[N, n]`` in 0..255, or floating ``[N, n]`` in 0..1; input i has address i.
    encoding: ``binary``    a bright value spikes at step 0, a dark one never;
              ``two-time``  a bright value spikes at step 0, a dark one at step `late`;
              ``latency``   the value v spikes at step floor(late (1 - v) + 1/2), and v = 0 never.
    steps:    T, the number of time steps.
    late:     step 0..T-1 of the latest spike; needed by ``two-time`` and ``latency``, not by ``binary``.
    labels:   int64 ``[N]``, copied into the result.

    Raises UsageError for an unknown encoding and for a missing or impossible `late`. Raises FirstspikeError if the
    values have the wrong type, shape or range, or if the number of labels differs from that of the images.
    """
    if encoding not in ENCODINGS:
        raise UsageError(unknown("encoding", encoding, ENCODINGS))
    if encoding != "binary" and late is None:
        raise UsageError(
            f"the encoding '{encoding}' needs the code of its latest spike: none given; for example {steps - 1}"
        )
    if late is not None and not 0 <= late < steps:
        raise UsageError(f"the latest spike must have a code in 0..{steps - 1}: have {late}; for example {steps - 1}")
    _check_values(values)
    if labels is not None and len(labels) != len(values):
        raise FirstspikeError(
            f"there must be one label for each image: have {len(values)} images and {len(labels)} labels"
        )
    parts, counts = [], []
    for chunk in _chunks(values):
        events, count = _events(_codes(chunk, encoding, late), steps)
        parts.append(events)
        counts.append(count)
    offsets = np.concatenate([[0], *counts]).cumsum(dtype=np.int64)
    return EventSet(events=np.concatenate([np.empty(0, EVENT), *parts]), offsets=offsets, labels=labels)


def latency_codes(values: NDArray[np.uint8] | NDArray[np.floating], late: int) -> NDArray[np.int64]:
    """Returns floor(late (1 - v) + 1/2) for each value v, int64 of the shape of `values`. Exact for bytes."""
    if values.dtype == np.uint8:
        return (2 * late * (255 - values.astype(np.int64)) + 255) // 510
    return np.floor(late * (1.0 - values.astype(np.float64)) + 0.5).astype(np.int64)


def _codes(values: NDArray[np.uint8] | NDArray[np.floating], encoding: str, late: int | None) -> NDArray[np.int64]:
    """Returns the time code of each value, or _NEVER; int64 ``[N, n]``."""
    if encoding == "latency":
        assert late is not None
        return np.where(values > 0, latency_codes(values, late), _NEVER)
    bright = values > 127 if values.dtype == np.uint8 else values > 127 / 255
    return np.where(bright, 0, _NEVER if encoding == "binary" or late is None else late)


def _events(codes: NDArray[np.int64], steps: int) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Returns the events of all images one after the other, EVENT ``[E]``, and the number of each, int64 ``[N]``."""
    image, address = np.nonzero(codes != _NEVER)
    code = codes[image, address]
    order = np.argsort(image * steps + code, kind="stable")  # a stable sort keeps addresses in order
    events = np.empty(len(order), EVENT)
    events["t"], events["x"] = code[order], address[order]
    return events, np.bincount(image, minlength=len(codes))


def _chunks(values: NDArray[np.uint8] | NDArray[np.floating]) -> Iterator[NDArray[np.uint8] | NDArray[np.floating]]:
    images = max(1, _CHUNK // max(1, values.shape[1]))
    for start in range(0, len(values), images):
        yield values[start : start + images]


def _check_values(values: NDArray[np.uint8] | NDArray[np.floating]) -> None:
    rule = "values must be grey levels, bytes 0..255 or floats 0..1, as an array [images, inputs]"
    if values.dtype != np.uint8 and values.dtype.kind != "f":
        raise FirstspikeError(f"{rule}: have the type {values.dtype}; for example uint8 [10000, 784]")
    if values.ndim != 2:
        raise FirstspikeError(f"{rule}: have the shape {list(values.shape)}; for example uint8 [10000, 784]")
    if values.shape[1] > ADDRESSES_MAX:
        raise FirstspikeError(f"an image has at most {ADDRESSES_MAX} inputs: have {values.shape[1]}; for example 784")
    if values.dtype.kind == "f":
        wrong = ~((values >= 0) & (values <= 1))  # NaN compares false, so it counts as wrong
        if wrong.any():
            image, address = (int(i) for i in np.argwhere(wrong)[0])
            value = float(values[image, address])
            raise FirstspikeError(f"{rule}: image {image}, input {address} has {value:g}; for example 0.5")
