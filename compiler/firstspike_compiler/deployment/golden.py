"""golden.npz: images with the exact answer that every board must give; equal contents give equal bytes."""

import io
import zipfile
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EVENT, EventSet, Network
from firstspike_contract.arithmetic.results import RESULT, Batch
from firstspike_contract.common.errors import FirstspikeError
from firstspike_contract.common.npy import arrays_from_npz

__all__ = ["Golden", "decode_golden", "encode_golden"]

_MAX_BYTES: Final = 2**30
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # smallest time that a zip member can carry; it has to carry one


@dataclass(frozen=True, kw_only=True, eq=False)
class Golden:
    """Golden images and the contract's answers to them."""

    events: EventSet
    batch: Batch


def encode_golden(golden: Golden) -> bytes:
    """Returns the bytes of golden.npz, not compressed.

    Arrays: t, x, offsets, labels (if known), results, rows, times_0 .. times_L.
    """
    events, batch = golden.events, golden.batch
    arrays: dict[str, NDArray[Any]] = {
        "t": events.events["t"].astype("<u2"),
        "x": events.events["x"].astype("<u2"),
        "offsets": events.offsets.astype("<i8"),
    }
    if events.labels is not None:
        arrays["labels"] = events.labels.astype("<i8")
    arrays |= {"results": batch.results, "rows": batch.rows.astype("<i4")}
    arrays |= {f"times_{k}": times.astype("<i2") for k, times in enumerate(batch.times)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), member.getvalue())
    return buffer.getvalue()


def decode_golden(data: bytes, network: Network) -> Golden:
    """Reads golden.npz and checks its arrays against the sizes of the network.

    Raises FirstspikeError if the file is damaged or too large, or if an array is missing or has a wrong type or shape.
    """
    try:
        content = arrays_from_npz(io.BytesIO(data), bytes_max=_MAX_BYTES)
    except (OSError, ValueError) as error:
        raise FirstspikeError("golden.npz: damaged or not an npz file; compile again") from error
    return _golden(content, network)


def _golden(content: dict[str, NDArray[Any]], network: Network) -> Golden:
    def take(name: str, dtype: Any, *shape: int | None) -> NDArray[Any]:
        array = content.get(name)
        if array is None:
            raise FirstspikeError(f"golden.npz: the array {name} is missing; compile again")
        sizes = array.shape if len(array.shape) == len(shape) else (-1,) * len(shape)
        if array.dtype != dtype or any(need not in (None, have) for have, need in zip(sizes, shape, strict=True)):
            raise FirstspikeError(
                f"golden.npz: the array {name} has type {array.dtype}, shape {array.shape}; compile again"
            )
        return array

    offsets = take("offsets", np.int64, None)
    images = len(offsets) - 1
    t = take("t", np.uint16, None)
    x = take("x", np.uint16, len(t))
    if images < 0 or offsets[0] != 0 or offsets[-1] != len(t) or (np.diff(offsets) < 0).any():
        raise FirstspikeError("golden.npz: offsets must rise from 0 to the number of events; compile again")
    events = np.zeros(len(t), EVENT)
    events["t"], events["x"] = t, x
    labels = take("labels", np.int64, images) if "labels" in content else None
    batch = Batch(
        results=take("results", RESULT, images),
        times=tuple(take(f"times_{k}", np.int16, images, size) for k, size in enumerate(network.sizes)),
        rows=take("rows", np.int32, images, len(network.layers)),
    )
    return Golden(events=EventSet(events=events, offsets=offsets, labels=labels), batch=batch)
