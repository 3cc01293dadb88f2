"""A checkpoint is written whole or not at all; a file that is not a checkpoint is refused with one line."""

import contextlib
import dataclasses
import errno
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from firstspike_compiler.training import Recipe, train
from firstspike_contract.common.errors import FirstspikeError

RECIPE = Recipe(name="tiny", data="noise", hidden=(3,), epochs=1, batch=5, validation=5)
NOISE = np.random.default_rng(20261122)
VALUES, LABELS = NOISE.integers(0, 256, (20, 6), np.uint8), np.arange(20) % 2


def resume(path: Path, recipe: Recipe = RECIPE, values: np.ndarray = VALUES) -> str:
    """Returns the message with which the checkpoint is refused."""
    with pytest.raises(FirstspikeError) as caught:
        train(recipe, values, LABELS, checkpoint=path, resume=True)
    return str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    train(RECIPE, VALUES, LABELS, checkpoint=tmp_path / "run")
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    return tmp_path / "run"


def test_a_checkpoint_of_another_recipe_or_other_data_is_refused(path: Path) -> None:
    other = dataclasses.replace(RECIPE, seed=9, hidden=(4,))
    assert resume(path, other) == (
        f"{path} was made by another recipe (hidden, seed differ); repeat its options or train without --resume"
    )
    assert resume(path, values=VALUES[:, :4]) == (
        f"{path} is not a training checkpoint (its array 0.w is float32 [6, 3], need float32 [4, 3]); "
        "delete it to start afresh"
    )


def refusal(path: Path, reason: str) -> str:
    return f"{path} is not a training checkpoint ({reason}); delete it to start afresh"


@pytest.mark.parametrize("data", [b"", b"junk", b"PK\\003\\004xx"])
def test_a_file_of_another_format_is_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert resume(path) == refusal(path, "File is not a zip file")


def test_damaged_bytes_never_escape_as_another_error(path: Path) -> None:
    whole, dice = path.read_bytes(), np.random.default_rng(5)
    for _ in range(100):
        data = bytearray(whole)
        data[dice.integers(len(data))] ^= 1 << dice.integers(8)
        path.write_bytes(data[: dice.choice([len(data), dice.integers(len(data))])])
        with contextlib.suppress(FirstspikeError):
            train(RECIPE, VALUES, LABELS, checkpoint=path, resume=True)


def test_damaged_compressed_data_is_refused(path: Path) -> None:
    with np.load(path) as arrays:
        np.savez_compressed(path.with_suffix(".npz"), **arrays)
    data = bytearray(path.with_suffix(".npz").read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(data)
    assert resume(path).startswith(refusal(path, "Error -3 while decompressing data")[:60])


HEADER = "header"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({HEADER: None}, "it has no header"),
        ({HEADER: np.array("[1]")}, "its header has no recipe"),
        ({HEADER: np.array('{"epoch": 1}')}, "its header has no recipe"),
        ({HEADER: np.array("{")}, "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ({HEADER: {"history": None}}, "its header has no history"),
        ({HEADER: {"history": [1]}}, "its header has no history"),
        ({HEADER: {"epoch": 0}}, "its header has the figures of 1 epochs"),
        ({HEADER: {"epoch": 2, "history": [{}, {}]}}, "its header has the figures of 2 epochs"),
        ({"0.m": None}, "it has no array 0.m"),
        ({"0.w": np.zeros((2, 3), np.float32)}, "its array 0.w is float32 [2, 3], need float32 [6, 3]"),
        ({"1.v": np.zeros((3, 2))}, "its array 1.v is float64 [3, 2], need float32 [3, 2]"),
        ({"1.mean": np.full((3, 2), np.nan, np.float32)}, "its array 1.mean holds impossible values"),
        ({"0.count": np.array(-1)}, "its array 0.count holds impossible values"),
        ({"0.w": np.array([None])}, "it holds Python objects, which are never unpickled"),
    ],
)
def test_wrong_content_is_refused(path: Path, changes: dict, reason: str) -> None:
    with np.load(path) as file:
        arrays = dict(file)
    for name, value in changes.items():
        if isinstance(value, dict):
            value = np.array(json.dumps({**json.loads(str(arrays[HEADER])), **value}))
        arrays[name] = value
    with open(path, "wb") as file:
        np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    assert resume(path) == refusal(path, reason)


def test_a_decompression_bomb_is_not_unpacked(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("header.npy", "w") as member:
        for _ in range(257):
            member.write(bytes(1 << 20))
    assert resume(path) == refusal(path, f"it announces {257 << 20} bytes; at most {(1 << 28) + 800} are read")


def test_a_full_disk_is_reported_and_leaves_the_last_checkpoint(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(file, **arrays: np.ndarray) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(FirstspikeError) as caught:
        train(RECIPE, VALUES, LABELS, checkpoint=path)
    assert str(caught.value) == f"cannot write {path}: No space left on device"
    assert ([entry.name for entry in path.parent.iterdir()], path.read_bytes()) == (["run"], before)
