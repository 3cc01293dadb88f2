"""The shipped MNIST file holds exactly the published set, and damage to it is noticed."""

import hashlib
import importlib.util
import lzma
import os
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from firstspike.datasets import load, mnist
from firstspike.datasets.idx import load_folder
from firstspike_contract.common.errors import FirstspikeError

ROOT = Path(__file__).parents[3]
SHIPPED = resources.files("firstspike.datasets").joinpath("data", "mnist-1bit.xz")


@pytest.fixture(scope="module")
def grey() -> Path:
    """Returns the folder of grey-level MNIST. Without it the test is skipped; in CI it fails."""
    folder = ROOT / "data" / "mnist"
    if not folder.is_dir():
        reason = f"needs grey-level MNIST in {folder}: run `make data`"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return folder


@pytest.fixture(scope="module")
def packed() -> bytes:
    return SHIPPED.read_bytes()


def test_the_file_holds_exactly_the_published_bits(packed: bytes) -> None:
    # checksum of the decompressed bytes that were made from the verified raw files (see the tests with `grey` below)
    plain = lzma.decompress(packed)
    assert hashlib.sha256(plain).hexdigest() == "2c5e2a6e20e25d95ce3c7111248c9dfa8991f7daecc013953cd4e1c7d5a5983d"
    assert len(packed) <= 1_360_000


def test_splits_have_their_sizes_types_and_first_labels() -> None:
    train, test = load("mnist:train"), load("mnist:test")
    assert (train.name, train.split, test.split) == ("mnist", "train", "test")
    assert (train.values.shape, test.values.shape) == ((60_000, 784), (10_000, 784))
    assert train.values.dtype == np.uint8
    assert train.labels.dtype == np.int64
    assert set(np.unique(test.values)) == {0, 255}
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    # 676 pixels exceed 127 in at least one training image. The others are dropped, so that the network fits.
    assert int((train.values.max(axis=0) > 0).sum()) == 676


def test_images_are_upright() -> None:
    digit = load("mnist:test").head(1).values.reshape(28, 28) > 0  # the digit 7
    assert digit[8, 6:22].sum() > 5  # its bar at the top
    assert not digit[20:, :8].any()  # empty at the bottom left


def test_compress_is_the_inverse_of_decompress(packed: bytes) -> None:
    bright, labels = mnist.decompress(packed)
    assert (bright.shape, bright.dtype, labels.shape) == ((70_000, 28, 28), np.bool_, (70_000,))
    # A few pixels at the corners stand for the whole set, whose compression takes ten seconds.
    few = np.zeros_like(bright)
    few[0, 0, 0] = few[-1, -1, -1] = few[59_999, 3, 27] = True
    again, same = mnist.decompress(mnist.compress(few, labels))
    assert np.array_equal(again, few)
    assert np.array_equal(same, labels)


def test_a_damaged_file_is_refused(packed: bytes) -> None:
    flipped = bytearray(packed)
    flipped[len(flipped) // 2] ^= 1
    with pytest.raises(FirstspikeError) as caught:
        mnist.decompress(bytes(flipped))
    assert str(caught.value) == (
        "the shipped MNIST file must hold 70000 images and labels: mnist-1bit.xz is damaged (Corrupt input data); "
        "reinstall firstspike, or remake the file with scripts/make_mnist_1bit.py"
    )
    with pytest.raises(FirstspikeError, match="Compressed data ended before the end-of-stream marker was reached"):
        mnist.decompress(packed[:-9])
    with pytest.raises(FirstspikeError) as caught:
        mnist.decompress(lzma.compress(b"short"))
    assert str(caught.value) == (
        "the shipped MNIST file must hold 70000 images and labels: mnist-1bit.xz has 5 bytes after decompression "
        "instead of 7910000; reinstall firstspike, or remake the file with scripts/make_mnist_1bit.py"
    )


def test_the_licence_lies_beside_the_file() -> None:
    text = SHIPPED.parent.joinpath("LICENSE-MNIST.md").read_text()
    for needed in ("CC BY-SA 3.0", "LeCun", "Cortes", "Burges", "Changes made"):
        assert needed in text


@pytest.mark.grey
def test_shipped_pixels_and_labels_are_those_of_the_raw_files(grey: Path) -> None:
    for split in ("train", "test"):
        raw, shipped = load_folder(grey, split), load(f"mnist:{split}")
        assert np.array_equal(shipped.values > 0, raw.values > 127)
        assert np.array_equal(shipped.labels, raw.labels)


@pytest.mark.grey
def test_the_script_makes_the_shipped_pixels(grey: Path, capsys: pytest.CaptureFixture, monkeypatch) -> None:
    path = ROOT / "scripts" / "make_mnist_1bit.py"
    spec = importlib.util.spec_from_file_location("make_mnist_1bit", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr("sys.argv", [str(path), "--raw", str(grey), "--check"])
    assert script.main() == 0
    assert capsys.readouterr().out == f"{script.TARGET}: same\n"
