"""Untrusted HDF5 files are refused: truncated, damaged, of another format, with links, too large."""

import contextlib
import random

import h5py
import numpy as np
import pytest
from networks import float_network

from firstspike_compiler.formats.nir import hdf5
from firstspike_compiler.formats.nir.reader import read_nir
from firstspike_compiler.formats.nir.writer import write_nir
from firstspike_contract.common.errors import FirstspikeError


@pytest.fixture
def path(tmp_path):
    write_nir(float_network(), tmp_path / "net.nir")
    return tmp_path / "net.nir"


def refusal(path):
    with pytest.raises(FirstspikeError) as error:
        read_nir(path, kernel="linear", t_max=2.0, encoding="binary")
    return str(error.value).replace(str(path), "FILE")


DAMAGED = "FILE: not a readable NIR file (HDF5): it is damaged, truncated or of another format"


def test_missing(tmp_path):
    assert refusal(tmp_path / "none.nir").endswith("no such file; give a .nir file, e.g. examples/mnist-784-600-10.nir")


def test_truncated(path):
    path.write_bytes(path.read_bytes()[:-100])
    assert refusal(path) == DAMAGED


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"\x80\x04\x95 a pickle"])
def test_another_format(content, path):
    path.write_bytes(content)
    assert refusal(path) == DAMAGED


def test_hdf5_but_not_nir(path):
    with h5py.File(path, "w") as file:
        file["weights"] = np.ones(3)
    assert refusal(path) == "FILE: an HDF5 file, but not a NIR graph; write it with nir.write(path, graph)"


def test_damaged_bytes_never_escape_as_another_error(path):
    """A file with a flipped byte is read or raises a FirstspikeError, and never raises anything else."""
    source, dice = path.read_bytes(), random.Random(1)
    for _ in range(150):
        data = bytearray(source)
        for _ in range(dice.choice((1, 1, 20))):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        path.write_bytes(data)
        with contextlib.suppress(FirstspikeError):
            read_nir(path)


def edited(path, change):
    with h5py.File(path, "a") as file:
        change(file)
    return refusal(path)


def test_soft_link(path):
    def change(file):
        file["node/nodes/again"] = h5py.SoftLink("/node")

    assert edited(path, change) == (
        "FILE: /node/nodes/again is a soft or external link; links are not followed, store the data itself"
    )


def test_external_link(path):
    def change(file):
        file["node/nodes/again"] = h5py.ExternalLink("/etc/passwd", "/")

    assert edited(path, change) == (
        "FILE: /node/nodes/again is a soft or external link; links are not followed, store the data itself"
    )


def test_external_storage(path, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(800))

    def change(file):
        file.create_dataset("node/secret", (100,), "f8", external=[(str(tmp_path / "secret"), 0, 800)])

    assert edited(path, change) == (
        "FILE: /node/secret keeps its data in another file; links are not followed, store the data itself"
    )


def test_hard_link_loop(path):
    def change(file):
        file["node/nodes/loop"] = file["node"]

    assert "is nested deeper than 8 groups" in edited(path, change)


@pytest.mark.parametrize(("size", "chunk"), [(2**26, 2**20), (4, 2**26)])
def test_decompression_bomb(path, size, chunk):
    def change(file):
        file.create_dataset("node/bomb", (size,), "i1", chunks=(chunk,), maxshape=(None,), compression="gzip")

    assert edited(path, change) == "FILE: /node/bomb brings the arrays above 33554432 values, the most that is read"


def test_too_many_objects(path, monkeypatch):
    monkeypatch.setattr(hdf5, "MAX_OBJECTS", 10)
    assert "is one object too many; a .nir file may have at most 10" in refusal(path)


def test_references_are_not_read(path):
    def change(file):
        file.create_dataset("node/reference", data=file["node"].ref, dtype=h5py.ref_dtype)

    assert edited(path, change) == "FILE: /node/reference has the type object; only numbers and text are read"
