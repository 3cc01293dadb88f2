"""Reads and writes events in ``.npz`` files, and reads values from ``.npy`` files.

An event file holds four arrays. ``t`` and ``x`` ``[E]`` are time steps and addresses, 0..65535. ``offsets`` ``[N + 1]``
cuts them into images: image n has the times t[offsets[n]:offsets[n + 1]]. ``labels`` ``[N]`` is optional. Arrays have
any integer type, or are floats that are whole numbers. A file may come from an untrusted source: nothing in it is
unpickled, and sizes are checked before memory is allocated.
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

MAX_BYTES: Final = 2**30  # largest size of one array; 60,000 digits in the encoding two-time have 94 MB
MAX_VALUES: Final = 2**27  # largest number of entries of an event array; each takes 8 bytes of memory, of any type

_EXAMPLE: Final = "for example numpy.savez('events.npz', t=[0, 3], x=[7, 9], offsets=[0, 2], labels=[1])"


def read_npz(path: Path | str) -> EventSet:
    """Reads the images of an event file.

    Raises FirstspikeError if the file cannot be read, lacks an array, or holds one of the wrong type, shape or range.
    `firstspike_contract.arithmetic.validation.check_events` checks whether times and addresses fit a network.
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
    """Writes an event file, whole or not at all. Equal events give equal bytes.

    Raises FirstspikeError if the file exists and `force` is not set, or if it cannot be written.
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
    """Reads an ``.npy`` file of grey levels. Returns them flattened to ``[N, n]``: uint8 unchanged, floats as float64.

    Raises FirstspikeError if the file cannot be read or holds no such array. `encode` checks the range.
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
    """Reads the named arrays of an .npz file and ignores all others."""
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
            _check_headers(path, headers)  # checks all arrays before anything large is decompressed
            return {name: array_from_npy(archive.read(infos[name])) for name in headers}
    except ZIP_DAMAGE as error:
        raise FirstspikeError(f"an event file must be a whole .npz: {path}: {error}; {_EXAMPLE}") from None
    except OSError as error:
        raise FirstspikeError(f"cannot read {path}: {error.strerror or error}") from None


def _refuse_special(path: Path) -> None:
    """Refuses a file that is not regular: reading a pipe could wait forever, and a device never ends."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise FirstspikeError(f"cannot read {path}: not a regular file; save it to one first, for example events.npz")


def _header(file: IO[bytes], size: int, what: str) -> NpyHeader:
    """Reads and checks the header of one array in .npy format.

    file: at the array's beginning. size: number of bytes that the file is announced to have. what: its name in errors.
    """
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
    """Refuses arrays of an event file that are not lists of numbers, are too long, or disagree in length."""
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
    """Converts values to int64 ``[E]``. Raises FirstspikeError if one is no whole number or out of range."""
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
