"""Reads arrays in numpy's .npy format from untrusted bytes: no pickles, no memory for values that are not there."""

import io
import lzma
import os
import tokenize
import warnings
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

__all__ = ["HEADER_BYTES", "ZIP_DAMAGE", "NpyHeader", "array_from_npy", "arrays_from_npz", "npy_header", "read_npy"]

HEADER_BYTES: Final = 2**14  # bytes of a file in which its header ends: numpy refuses longer headers

DIMENSIONS_MAX: Final = 32
SIZE_MAX: Final = 2**40  # bounds the product of all sizes but 0: far above any memory, far below int64

# Errors of numpy's reader on a header that it does not understand: the reader uses Python's own tokenizer.
_DAMAGE: Final = (ValueError, TypeError, IndexError, OverflowError, SyntaxError, RecursionError, MemoryError)

# Errors of zipfile and its decompressors on damage. RuntimeError stands for encryption and, by its subclass
# NotImplementedError, for unknown compression methods.
ZIP_DAMAGE: Final = (EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError)


class NpyHeader(NamedTuple):
    """The header of a .npy file.

    shape:         sizes of the array.
    fortran_order: whether the first index varies fastest.
    dtype:         type of the values.
    start:         byte of the file at which the values begin.
    """

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]
    start: int

    @property
    def values(self) -> int:
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.values * self.dtype.itemsize


def npy_header(data: bytes) -> NpyHeader:
    """Reads the header of a .npy file.

    Raises ValueError, with a reason in one line, for another format and for an impossible shape.
    """
    stream = io.BytesIO(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy warns of old type names and of headers that Python 2 wrote
            version = npy.read_magic(stream)
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran_order, dtype = read_header(stream)
    except tokenize.TokenError:
        raise ValueError("its header is damaged") from None
    except _DAMAGE as error:
        raise ValueError((str(error).splitlines() or ["its header is damaged"])[0]) from None
    possible = len(shape) <= DIMENSIONS_MAX and all(type(size) is int and 0 <= size <= SIZE_MAX for size in shape)
    if not possible or prod(size for size in shape if size) > SIZE_MAX:
        raise ValueError("its header has an impossible shape")
    return NpyHeader(shape, bool(fortran_order), dtype, stream.tell())


def array_from_npy(data: bytes) -> NDArray[Any]:
    """Returns the array in the bytes of a whole .npy file, of any type but objects, as a read-only view of `data`.

    Raises ValueError, with a reason in one line, where `npy_header` does, for objects, and for more or fewer values
    than the header announces.
    """
    header = npy_header(data)
    _check_size(header, len(data))
    if not header.bytes:
        return np.empty(header.shape, header.dtype)
    values: NDArray[Any] = np.frombuffer(data, header.dtype, header.values, header.start)
    return values.reshape(header.shape, order="F" if header.fortran_order else "C")


def _check_size(header: NpyHeader, size: int) -> None:
    if header.dtype.hasobject:
        raise ValueError("it holds Python objects, which are never unpickled")
    if header.bytes != size - header.start:
        raise ValueError(f"it announces {header.bytes} bytes of values and holds {size - header.start}")


def read_npy(path: Path | str, *, bytes_max: int = 2**30) -> NDArray[Any]:
    """Returns the array of a .npy file.

    Raises OSError if the file cannot be read. Raises ValueError, with a reason in one line, where `array_from_npy`
    does, for more than `bytes_max` bytes, and for a file that is not regular: a pipe may block, a device never ends.
    """
    size = os.stat(path).st_size
    if not Path(path).is_file():
        raise ValueError("it is not a regular file")
    if size > bytes_max:
        raise ValueError(f"it has {size} bytes; at most {bytes_max} are read")
    return array_from_npy(Path(path).read_bytes())


def arrays_from_npz(file: Path | str | IO[bytes], *, bytes_max: int) -> dict[str, NDArray[Any]]:
    """Returns all arrays of an .npz file by name.

    Raises OSError if the file cannot be read. Raises ValueError, with a reason in one line, for a damaged file, for a
    member that `array_from_npy` refuses, and for more than `bytes_max` bytes in all.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > bytes_max:
                raise ValueError(f"it announces {total} bytes; at most {bytes_max} are read")
            return {member.filename.removesuffix(".npy"): _member(archive, member) for member in members}
    except (KeyError, *ZIP_DAMAGE) as error:
        raise ValueError((str(error).splitlines() or ["it ends too early"])[0]) from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as file:  # checks the header first: a small archive may unpack to gigabytes of zeros
        _check_size(npy_header(file.read(HEADER_BYTES)), member.file_size)
    return array_from_npy(archive.read(member))
