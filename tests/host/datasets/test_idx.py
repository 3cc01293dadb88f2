"""Folders of IDX files are read, plain and gzip; wrong and damaged files are refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from firstspike.datasets import load
from firstspike.datasets.idx import read_idx
from firstspike_contract.common.errors import FirstspikeError

IMAGES = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)
LABELS = np.array([2, 0, 1], np.uint8)


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS))
    return tmp_path


def error_of(call, *arguments, **options) -> str:
    with pytest.raises(FirstspikeError) as caught:
        call(*arguments, **options)
    assert caught.value.exit_code == 1
    return str(caught.value)


def test_a_folder_is_read_row_by_row(folder: Path) -> None:
    samples = load(f"{folder}:test")
    assert samples.values.tolist() == IMAGES.reshape(3, 8).tolist()
    assert samples.labels.tolist() == [2, 0, 1]
    assert (samples.labels.dtype, samples.name, samples.split) == (np.int64, str(folder), "test")
    assert len(samples) == 3
    assert len(samples.head(2)) == 2
    assert len(samples.head(9)) == 3


@pytest.mark.parametrize("name", ["train-{}-idx{}-ubyte.gz", "train-{}.idx{}-ubyte", "train-{}.idx{}-ubyte.gz"])
def test_the_usual_names_are_found(tmp_path: Path, name: str) -> None:
    for what, array in (("images", IMAGES), ("labels", LABELS)):
        data = idx_bytes(array)
        path = tmp_path / name.format(what, array.ndim)
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    assert load(f"{tmp_path}:train").values.shape == (3, 8)


def test_a_missing_file_is_named(folder: Path) -> None:
    assert error_of(load, f"{folder}:train") == (
        f"a folder of IDX files needs train-images-idx3-ubyte (or the same with .gz): not found in {folder}"
    )


def test_images_and_labels_must_agree_in_number(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS[:2]))
    assert error_of(load, f"{folder}:test") == (
        f"there must be one label for each image: {folder}/t10k-images-idx3-ubyte holds 3 images, "
        f"{folder}/t10k-labels-idx1-ubyte holds 2 labels"
    )


def test_images_without_pixels_are_refused(folder: Path) -> None:
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES[:, :0]))
    assert error_of(load, f"{folder}:test") == (
        f"a data set must hold at least one pixel: {folder}/t10k-images-idx3-ubyte has the shape (3, 0, 4)"
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            idx_bytes(LABELS),
            "an IDX file of images must start with the bytes 00 00 08 03 (unsigned bytes, 3 dimensions): "
            "{path} starts with 00 00 08 01",
        ),
        (
            b"",
            "an IDX file of images must start with the bytes 00 00 08 03 (unsigned bytes, 3 dimensions): "
            "{path} starts with nothing",
        ),
        (idx_bytes(IMAGES)[:9], "an IDX file must be whole: {path} ends within its header"),
        (idx_bytes(IMAGES)[:-1], "an IDX file must be whole: {path} announces 24 values and holds 23"),
        (idx_bytes(IMAGES) + b"x", "an IDX file must be whole: {path} announces 24 values and holds more"),
        (
            b"\0\0\x08\x03" + b"\xff" * 12,
            "an IDX file may hold at most 1073741824 values: {path} announces 79228162458924105385300197375",
        ),
    ],
)
def test_what_is_not_an_idx_file_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed.gz"
    plain.write_bytes(data)
    packed.write_bytes(gzip.compress(data))
    assert error_of(read_idx, plain, dimensions=3) == reason.format(path=plain)
    assert error_of(read_idx, packed, dimensions=3) == reason.format(path=packed)


def test_damaged_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx_bytes(IMAGES))[:-12])
    assert error_of(read_idx, path, dimensions=3) == (
        f"an IDX file ending in .gz must be whole gzip data: {path}: "
        "Compressed file ended before the end-of-stream marker was reached"
    )
    path.write_bytes(b"not gzip at all")
    assert error_of(read_idx, path, dimensions=3) == (
        f"an IDX file ending in .gz must be whole gzip data: {path}: Not a gzipped file (b'no')"
    )


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "absent"
    assert error_of(read_idx, path, dimensions=1) == f"cannot read {path}: No such file or directory"


def test_empty_files_that_announce_an_impossible_size_are_refused(folder: Path) -> None:
    path = folder / "t10k-images-idx3-ubyte"
    path.write_bytes(bytes([0, 0, 8, 3]) + np.array([0, 2**32 - 1, 2**32 - 1], ">u4").tobytes())
    assert error_of(load, f"{folder}:test") == (
        f"an IDX file must hold at least one value: {path} announces the shape (0, 4294967295, 4294967295)"
    )
