"""Spikes in ``.npz`` files and values in ``.npy`` files: read with care, since they come from anywhere.

An event file holds four arrays: ``t`` and ``x`` ``[E]`` (time codes and addresses, 0..65535), ``offsets`` ``[N + 1]``
(image n is t[offsets[n]:offsets[n + 1]]) and, if known, ``labels`` ``[N]``. Any integer type will do, and floats that
are whole numbers. Nothing is ever unpickled, and sizes are checked before memory is taken.
"""

import os
import tempfile
import zipfile
from math import prod
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EVENT, EventSet
from firstspike_contract.common.errors import FirstspikeError
from firstspike_contract.common.npy import HEADER_BYTES, ZIP_DAMAGE, NpyHeader, array_from_npy, npy_header

__all__ = ["read_npz", "read_values", "write_npz"]

MAX_BYTES: Final = 2**30  # of one array: the 60,000 digits with both spike times have 94 MB
MAX_VALUES: Final = 2**27  # entries of one array of events: whatever their type, they take 8 bytes each in memory

_EXAMPLE: Final = "for example numpy.savez('events.npz', t=[0, 3], x=[7, 9], offsets=[0, 2], labels=[1])"


def read_npz(path: Path | str) -> EventSet:
    """The images of an event file.

    Raises FirstspikeError if the file cannot be read, lacks an array, or holds one of the wrong type, shape or range.
    Whether times and addresses fit a network is for `firstspike_contract.arithmetic.validation.check_events`.
    """
    path = Path(path)
    arrays = _arrays(path, needed=("t", "x", "offsets"), optional=("labels",))
    columns = {name: _whole_numbers(path, name, arrays[name]) for name in ("t", "x")}
    offsets = _whole_numbers(path, "offsets", arrays["offsets"])
    count = len(columns["t"])
    _check_offsets(path, offsets, count)
    labels = None
    if "labels" in arrays:
        labels = _whole_numbers(path, "labels", arrays["labels"])
    events = np.empty(count, EVENT)
    events["t"], events["x"] = columns["t"], columns["x"]
    return EventSet(events=events, offsets=offsets, labels=labels)


def write_npz(path: Path | str, events: EventSet, *, force: bool = False) -> None:
    """Write an event file: whole or not at all, and the same bytes for the same events.

    Raises FirstspikeError if it exists and `force` is not set, or if it cannot be written.
    """
    path = Path(path)
    if path.exists() and not force:
        raise FirstspikeError(f"an existing file is not overwritten unless forced: {path} exists; for example --force")
    arrays = {"t": events.events["t"], "x": events.events["x"], "offsets": events.offsets}
    if events.labels is not None:
        arrays["labels"] = events.labels
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            np.savez(file, **arrays)  # type: ignore[arg-type]  # the stubs take **arrays for allow_pickle
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise FirstspikeError(f"cannot write {path}: {error.strerror or error}") from None
    finally:  # also when interrupted
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def read_values(path: Path | str) -> NDArray[np.uint8] | NDArray[np.float64]:
    """Values of an ``.npy`` file of grey levels, flattened to ``[N, n]``: uint8 as it is, floats as float64.

    Raises FirstspikeError if the file cannot be read or is no such array. The range is for `encode` to check.
    """
    path = Path(path)
    _refuse_special(path)
    try:
        with open(path, "rb") as file:
            header = _header(file, os.fstat(file.fileno()).st_size, f"{path}")
            have = f"{path} holds {header.dtype} {list(header.shape)}; for example uint8 [10, 28, 28]"
            if len(header.shape) < 2 or (header.dtype != np.uint8 and header.dtype.kind != "f"):
                raise FirstspikeError(f"images must be an array [images, ...] of bytes 0..255 or floats 0..1: {have}")
            if header.values == 0:
                raise FirstspikeError(f"there must be at least one image, of at least one value: {have}")
            file.seek(0)
            values = array_from_npy(file.read())
    except OSError as error:
        raise FirstspikeError(f"cannot read {path}: {error.strerror or error}") from None
    flat = values.reshape(len(values), prod(values.shape[1:]))
    return flat if flat.dtype == np.uint8 else flat.astype(np.float64)


def _arrays(path: Path, *, needed: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, NDArray]:
    """The named arrays of an .npz, nothing else of it."""
    _refuse_special(path)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            missing = [name for name in needed if name not in infos]
            if missing:
                have = ", ".join(sorted(infos)) or "nothing"
                raise FirstspikeError(
                    f"an event file needs the arrays t, x and offsets: {path} lacks {', '.join(missing)} "
                    f"and holds {have}; {_EXAMPLE}"
                )
            headers = {}
            for name in (*needed, *(name for name in optional if name in infos)):
                with archive.open(infos[name]) as member:
                    headers[name] = _header(member, infos[name].file_size, f"{path}, array {name}")
            _check_headers(path, headers)  # of all of them, before anything large is unpacked
            return {name: array_from_npy(archive.read(infos[name])) for name in headers}
    except ZIP_DAMAGE as error:
        raise FirstspikeError(f"an event file must be a whole .npz: {path}: {error}; {_EXAMPLE}") from None
    except OSError as error:
        raise FirstspikeError(f"cannot read {path}: {error.strerror or error}") from None


def _refuse_special(path: Path) -> None:
    """A pipe would be waited for, a device never ends."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise FirstspikeError(f"cannot read {path}: not a regular file; save it to one first, for example events.npz")


def _header(file: IO[bytes], size: int, what: str) -> NpyHeader:
    """NpyHeader of one array in .npy format, from the beginning of a file of `size` bytes, as they are announced."""
    if size > MAX_BYTES:
        raise FirstspikeError(f"an array may have at most {MAX_BYTES} bytes: {what} announces {size}")
    try:
        header = npy_header(file.read(HEADER_BYTES))
    except ValueError as error:
        raise FirstspikeError(f"an array must be in numpy's .npy format: {what}: {error}") from None
    if header.dtype.kind not in "biuf":
        raise FirstspikeError(f"an array must hold plain numbers: {what} holds {header.dtype.str}; for example uint16")
    body = size - header.start
    if header.bytes != body:
        raise FirstspikeError(
            f"an array must be whole: {what} announces {header.bytes} bytes of values and holds {body}"
        )
    return header


def _check_headers(path: Path, headers: dict[str, NpyHeader]) -> None:
    """Refuses arrays of an event file that are no lists of numbers, are too long, or do not fit together."""
    for name, header in headers.items():
        rule = _rule(name)
        if len(header.shape) != 1:
            raise FirstspikeError(f"{rule}: {path} has the shape {list(header.shape)}; {_EXAMPLE}")
        if header.values > MAX_VALUES:
            raise FirstspikeError(f"{name} may have at most {MAX_VALUES} entries: {path} has {header.values}")
        if header.dtype.kind == "b":
            raise FirstspikeError(f"{rule}: {path} has the type bool; {_EXAMPLE}")
    t, x, images = headers["t"].values, headers["x"].values, headers["offsets"].values - 1
    if x != t:
        raise FirstspikeError(f"t and x must have one entry for each event: {path} has {t} and {x}")
    if "labels" in headers and images >= 0 and headers["labels"].values != images:
        raise FirstspikeError(
            f"there must be one label for each image: {path} holds {images} images "
            f"and {headers['labels'].values} labels"
        )


def _high(name: str) -> int:
    return 2**48 if name == "offsets" else 0xFFFF


def _rule(name: str) -> str:
    return f"{name} must be a list of whole numbers 0..{_high(name)}"


def _whole_numbers(path: Path, name: str, values: NDArray) -> NDArray[np.int64]:
    """Values as int64 ``[E]``, after checking that none changes by it."""
    wrong = ~((values >= 0) & (values <= _high(name)))  # NaN compares false, so it counts as wrong
    if values.dtype.kind == "f":
        wrong |= np.floor(values) != values
    if wrong.any():
        entry = int(np.argmax(wrong))
        raise FirstspikeError(f"{_rule(name)}: {path} has {values[entry]} in entry {entry}; {_EXAMPLE}")
    return values.astype(np.int64)


def _check_offsets(path: Path, offsets: NDArray[np.int64], count: int) -> None:
    rule = f"offsets must begin with 0, never decrease and end with the number of events ({count})"
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != count:
        ends = f"from {offsets[0]} to {offsets[-1]}" if len(offsets) else "no entry"
        raise FirstspikeError(f"{rule}: {path} has {ends}; {_EXAMPLE}")
    falls = np.flatnonzero(np.diff(offsets) < 0)
    if len(falls):
        n = int(falls[0])
        raise FirstspikeError(f"{rule}: {path} has {offsets[n]} and then {offsets[n + 1]} in entry {n + 1}; {_EXAMPLE}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
