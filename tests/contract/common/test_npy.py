"""Reading an untrusted .npy file gives an array or raises a ValueError with the reason in one line."""

import contextlib
import io
import os
import random
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from firstspike_contract.common.npy import array_from_npy, arrays_from_npz, read_npy

IMPOSSIBLE = "its header has an impossible shape"


def npy_bytes(header: bytes | str, body: bytes = b"") -> bytes:
    data = header.encode() if isinstance(header, str) else header
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(data)) + data + body


def of_shape(shape: str, body: bytes = b"", descr: str = "'<u2'") -> bytes:
    return npy_bytes(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}", body)


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int64).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.zeros((0, 5), np.uint8),
        np.array(3.5),
        np.zeros(2, [("t", "<u2"), ("x", "<u2")]),
    ],
)
def test_reads_what_numpy_writes(array: np.ndarray) -> None:
    again = array_from_npy(saved(array))
    assert again.dtype == array.dtype
    assert np.array_equal(again, array)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (of_shape("(-1,)", b"ab"), IMPOSSIBLE),
        (of_shape("(-1, -2)", b"abcd"), IMPOSSIBLE),
        (of_shape("(True,)", b"ab"), IMPOSSIBLE),
        (of_shape(f"(0, {10**30})"), IMPOSSIBLE),
        (of_shape(f"(0, {2**62})"), IMPOSSIBLE),
        (of_shape(f"({2**39}, 4)"), IMPOSSIBLE),
        (of_shape("(" + "1, " * 100 + ")", b"ab"), IMPOSSIBLE),
        (of_shape(f"({10**9},)", b"ab"), "it announces 2000000000 bytes of values and holds 2"),
        (of_shape("(1,)", b"ab", descr="'|O'"), "it holds Python objects, which are never unpickled"),
        (npy_bytes("(" * 9000), "its header is damaged"),
        (npy_bytes("{'descr': '<u2',"), "its header is damaged"),
        (of_shape("(1,)", b"ab", descr="('<u2',)"), "tuple index out of range"),
    ],
)
def test_a_damaged_file_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        array_from_npy(data)


def test_damaged_headers_never_escape_as_another_error() -> None:
    dice = random.Random(4)
    whole = saved(np.arange(3, dtype=np.uint16))
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(dice.choice((1, 1, 4))):
            data[dice.randrange(100)] = dice.randrange(256)
        with contextlib.suppress(ValueError):
            array_from_npy(bytes(data))


def reason(call, *arguments, **options) -> str:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        call(*arguments, **options)
    return str(caught.value)


def test_files_that_are_too_large_or_no_regular_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.arange(3))
    assert read_npy(path).tolist() == [0, 1, 2]
    assert reason(read_npy, path, bytes_max=100) == "it has 152 bytes; at most 100 are read"
    assert reason(read_npy, tmp_path) == "it is not a regular file"
    os.mkfifo(tmp_path / "pipe")
    assert reason(read_npy, tmp_path / "pipe") == "it is not a regular file"
    with pytest.raises(FileNotFoundError):
        read_npy(tmp_path / "none.npy")


def archive_of(method: int = zipfile.ZIP_STORED, **members: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return file


def test_archives_of_arrays_are_read_within_a_limit() -> None:
    file = archive_of(a=saved(np.arange(3)), b=saved(np.array("text")))
    arrays = arrays_from_npz(file, bytes_max=1000)
    assert (list(arrays), arrays["a"].tolist(), str(arrays["b"])) == (["a", "b"], [0, 1, 2], "text")
    assert reason(arrays_from_npz, file, bytes_max=100) == "it announces 296 bytes; at most 100 are read"
    for data in (b"", b"PK\x03\x04xx", file.getvalue()[:-30]):
        assert reason(arrays_from_npz, io.BytesIO(data), bytes_max=1000) == "File is not a zip file"


def test_zeros_in_an_archive_are_not_unpacked_before_their_header_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    file = archive_of(zipfile.ZIP_DEFLATED, a=of_shape("(3,)", bytes(1 << 20)))
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("unpacked"))
    assert reason(arrays_from_npz, file, bytes_max=1 << 30) == "it announces 6 bytes of values and holds 1048576"
