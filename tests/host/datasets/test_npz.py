"""Event files and value files are written and read back; wrong, damaged and oversized files are refused."""

import contextlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstspike.datasets import load, npz, read_npz, read_values, write_npz
from firstspike_contract import EVENT, EventSet
from firstspike_contract.common.errors import FirstspikeError

EXAMPLE = "for example numpy.savez('events.npz', t=[0, 3], x=[7, 9], offsets=[0, 2], labels=[1])"
GOOD = {"t": [0, 3, 65535], "x": [65535, 9, 0], "offsets": [0, 2, 2, 3], "labels": [1, 0, 65535]}


def saved(path: Path, **changes: object) -> Path:
    arrays = {**GOOD, **changes}
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def error_of(call, *arguments, **options) -> str:
    with pytest.raises(FirstspikeError) as caught:
        call(*arguments, **options)
    assert caught.value.exit_code == 1
    return str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.npz"


def test_an_event_file_is_read_whole(path: Path) -> None:
    events = load(str(saved(path)))
    assert isinstance(events, EventSet)
    assert events.events.dtype == EVENT
    assert events.events.tolist() == [(0, 65535), (3, 9), (65535, 0)]
    assert (events.offsets.tolist(), events.offsets.dtype) == ([0, 2, 2, 3], np.int64)
    assert (events.labels.tolist(), events.labels.dtype) == ([1, 0, 65535], np.int64)


def test_labels_are_optional_and_other_arrays_ignored(path: Path) -> None:
    events = read_npz(saved(path, labels=None, note=np.array("any")))
    assert events.labels is None
    assert len(events) == 3


def test_whole_floats_compressed_files_and_empty_sets_are_accepted(path: Path) -> None:
    np.savez_compressed(path, t=np.array([1.0, 2.0]), x=np.array([0, 1], ">i8"), offsets=np.array([0, 2], np.uint64))
    assert read_npz(path).events.tolist() == [(1, 0), (2, 1)]
    none = np.array([], np.uint16)
    assert len(read_npz(saved(path, t=none, x=none, offsets=[0], labels=none))) == 0


@settings(derandomize=True, max_examples=40, deadline=None)
@given(data=st.data())
def test_reading_gives_what_was_written(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(0, 5), max_size=6))
    code = st.integers(0, 65535)
    rows = data.draw(st.lists(st.tuples(code, code), min_size=sum(counts), max_size=sum(counts)))
    labels = data.draw(st.none() | st.lists(code, min_size=len(counts), max_size=len(counts)))
    events = EventSet(
        events=np.array(rows, EVENT),
        offsets=np.cumsum([0, *counts], dtype=np.int64),
        labels=None if labels is None else np.array(labels, np.int64),
    )
    file = tmp_path_factory.mktemp("npz") / "events.npz"
    write_npz(file, events)
    again = read_npz(file)
    assert np.array_equal(again.events, events.events)
    assert np.array_equal(again.offsets, events.offsets)
    assert (again.labels is None and labels is None) or again.labels.tolist() == labels


def test_writing_is_deterministic_and_leaves_no_other_file(path: Path) -> None:
    events = read_npz(saved(path))
    first, second = path.with_name("a.npz"), path.with_name("b.npz")
    write_npz(first, events)
    write_npz(second, events)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.npz", "b.npz", "events.npz"]
    assert first.stat().st_mode & 0o777 == 0o666 & ~npz._umask()


def test_an_existing_file_is_kept_unless_forced(path: Path) -> None:
    path.write_bytes(b"precious")
    events = read_npz(saved(path.with_name("a.npz")))
    assert error_of(write_npz, path, events) == (
        f"an existing file is not overwritten unless forced: {path} exists; for example --force"
    )
    assert path.read_bytes() == b"precious"
    write_npz(path, events, force=True)
    assert len(read_npz(path)) == 3


def test_a_full_disk_is_reported_and_leaves_no_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = read_npz(saved(path.with_name("a.npz")))

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(np, "savez", full)
    assert error_of(write_npz, path, events) == f"cannot write {path}: No space left on device"
    assert [p.name for p in path.parent.iterdir()] == ["a.npz"]


NUMBERS = "must be a list of whole numbers 0.."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t": None}, "an event file needs the arrays t, x and offsets: {path} lacks t and holds labels, offsets, x"),
        ({"t": [0.0, np.nan, 1.0]}, f"t {NUMBERS}65535: {{path}} has nan in entry 1"),
        ({"t": [0.0, 1.5, 1.0]}, f"t {NUMBERS}65535: {{path}} has 1.5 in entry 1"),
        ({"t": [0, 1, -1]}, f"t {NUMBERS}65535: {{path}} has -1 in entry 2"),
        ({"x": [0, 65536, 1]}, f"x {NUMBERS}65535: {{path}} has 65536 in entry 1"),
        ({"x": [0.0, 1.0, np.inf]}, f"x {NUMBERS}65535: {{path}} has inf in entry 2"),
        ({"x": [[0, 1, 2]]}, f"x {NUMBERS}65535: {{path}} has the shape [1, 3]"),
        ({"x": [True, False, True]}, f"x {NUMBERS}65535: {{path}} has the type bool"),
        ({"x": [1, 2]}, "t and x must have one entry for each event: {path} has 3 and 2"),
        (
            {"offsets": [0, 3, 2, 3]},
            "offsets must begin with 0, never decrease and end with the number of events (3): "
            "{path} has 3 and then 2 in entry 2",
        ),
        (
            {"offsets": [1, 2, 2, 3]},
            "offsets must begin with 0, never decrease and end with the number of events (3): {path} has from 1 to 3",
        ),
        (
            {"offsets": [0, 2, 2, 4]},
            "offsets must begin with 0, never decrease and end with the number of events (3): {path} has from 0 to 4",
        ),
        (
            {"offsets": np.array([], np.int64)},
            "offsets must begin with 0, never decrease and end with the number of events (3): {path} has no entry",
        ),
        (
            {"offsets": [0, 2, 2, 2**63 - 1]},
            f"offsets {NUMBERS}281474976710656: {{path}} has 9223372036854775807 in entry 3",
        ),
        ({"labels": [0, 1]}, "there must be one label for each image: {path} holds 3 images and 2 labels"),
        ({"labels": [0, 1, -3]}, f"labels {NUMBERS}65535: {{path}} has -3 in entry 2"),
    ],
)
def test_wrong_arrays_are_refused(path: Path, changes: dict, message: str) -> None:
    got = error_of(read_npz, saved(path, **changes))
    assert got.removesuffix(f"; {EXAMPLE}") == message.format(path=path)


def test_nothing_is_unpickled(path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (pytest.fail, ("unpickled",))

    np.savez(path, t=np.array([Trap(), 1, 2], object), x=GOOD["x"], offsets=GOOD["offsets"])
    assert error_of(read_npz, path) == f"an array must hold plain numbers: {path}, array t holds |O; for example uint16"
    np.savez(path, t=np.array(["a", "b", "c"]), x=GOOD["x"], offsets=GOOD["offsets"])
    assert (
        error_of(read_npz, path) == f"an array must hold plain numbers: {path}, array t holds <U1; for example uint16"
    )


def header(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<u2", "fortran_order": False, "shape": shape})
    return stream.getvalue()


def with_t(path: Path, data: bytes) -> Path:
    with zipfile.ZipFile(saved(path)) as archive:
        others = {name: archive.read(name) for name in archive.namelist() if name != "t.npy"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**others, "t.npy": data}.items():
            archive.writestr(name, content)
    return path


def test_announced_sizes_are_checked_before_memory_is_allocated(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert error_of(read_npz, with_t(path, header((2**40,)) + bytes(6))) == (
        f"an array must be whole: {path}, array t announces 2199023255552 bytes of values and holds 6"
    )
    assert error_of(read_npz, with_t(path, header((3,)) + bytes(8))) == (
        f"an array must be whole: {path}, array t announces 6 bytes of values and holds 8"
    )
    assert error_of(read_npz, with_t(path, header((-3,)) + bytes(6))) == (
        f"an array must be in numpy's .npy format: {path}, array t: its header has an impossible shape"
    )
    monkeypatch.setattr(npz, "MAX_VALUES", 4)
    assert read_npz(saved(path)).events["x"].tolist() == GOOD["x"]
    assert error_of(read_npz, saved(path, t=np.zeros(5, np.uint8))) == (f"t may have at most 4 entries: {path} has 5")
    monkeypatch.setattr(npz, "MAX_BYTES", 100)
    assert error_of(read_npz, saved(path, t=np.zeros(3, np.uint16))) == (
        f"an array may have at most 100 bytes: {path}, array t announces 134"
    )


def damaged_at_the_end(path: Path, member: str) -> None:
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
    data = bytearray(path.read_bytes())
    data[data.index(b"NUMPY", info.header_offset) - 1 + info.file_size - 1] ^= 1
    path.write_bytes(data)


def test_sizes_are_compared_before_any_values_are_unpacked(path: Path) -> None:
    long = np.zeros(20000, np.uint16)
    damaged_at_the_end(saved(path, t=long, x=long, labels=None), "t.npy")
    assert "Bad CRC-32 for file 't.npy'" in error_of(read_npz, path)  # reading the values would raise this error
    damaged_at_the_end(saved(path, t=long), "t.npy")
    assert error_of(read_npz, path) == f"t and x must have one entry for each event: {path} has 20000 and 3"


def test_a_file_that_is_no_npz_is_refused(path: Path) -> None:
    whole = saved(path).read_bytes()
    path.write_bytes(whole[:-30])
    assert error_of(read_npz, path) == f"an event file must be a whole .npz: {path}: File is not a zip file; {EXAMPLE}"
    flipped = bytearray(whole)
    flipped[whole.index(b"NUMPY") + 130] ^= 1  # flips a bit in a value of t
    path.write_bytes(flipped)
    assert error_of(read_npz, path) == (
        f"an event file must be a whole .npz: {path}: Bad CRC-32 for file 't.npy'; {EXAMPLE}"
    )
    assert error_of(read_npz, with_t(path, b"no magic here")) == (
        f"an array must be in numpy's .npy format: {path}, array t: "
        r"the magic string is not correct; expected b'\x93NUMPY', got b'no mag'"
    )
    absent = path.with_name("absent.npz")
    assert error_of(read_npz, absent) == f"cannot read {absent}: No such file or directory"


@pytest.mark.parametrize("position", range(0, 700, 7))
def test_no_flipped_byte_gives_a_traceback(path: Path, position: int) -> None:
    damaged = bytearray(saved(path).read_bytes())
    damaged[position] ^= 0x55
    path.write_bytes(damaged)
    with contextlib.suppress(FirstspikeError):  # the file is refused, unless the byte does not matter
        read_npz(path)


@pytest.mark.parametrize("order", ["C", "F"])
def test_values_are_flattened(tmp_path: Path, order: str) -> None:
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    np.save(tmp_path / "images.npy", np.asarray(images, order=order))
    values = read_values(tmp_path / "images.npy")
    assert (values.tolist(), values.dtype) == (images.reshape(2, 12).tolist(), np.uint8)
    np.save(tmp_path / "images.npy", np.full((2, 5), 0.5, np.float32))
    assert read_values(tmp_path / "images.npy").dtype == np.float64


def test_a_file_that_is_no_array_of_images_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "images.npy"
    np.save(path, np.zeros(5, np.uint8))
    rule = "images must be an array [images, ...] of bytes 0..255 or floats 0..1"
    assert error_of(read_values, path) == f"{rule}: {path} holds uint8 [5]; for example uint8 [10, 28, 28]"
    np.save(path, np.zeros((5, 2), np.int16))
    assert error_of(read_values, path) == f"{rule}: {path} holds int16 [5, 2]; for example uint8 [10, 28, 28]"
    np.save(path, np.array([[None]]), allow_pickle=True)
    assert error_of(read_values, path) == f"an array must hold plain numbers: {path} holds |O; for example uint16"
    path.write_bytes(b"")
    assert error_of(read_values, path) == (
        f"an array must be in numpy's .npy format: {path}: EOF: reading magic string, expected 8 bytes got 0"
    )


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.npz"
    os.mkfifo(pipe)
    message = f"cannot read {pipe}: not a regular file; save it to one first, for example events.npz"
    assert error_of(read_npz, pipe) == message
    assert error_of(read_values, pipe) == message


def test_damaged_lzma_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name in GOOD:
            archive.writestr(f"{name}.npy", header((3,)) + bytes(6))
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    assert error_of(read_npz, path).startswith(f"an event file must be a whole .npz: {path}: ")


def test_an_interrupted_write_leaves_no_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupted)
    events = EventSet(events=np.zeros(0, EVENT), offsets=np.zeros(2, np.int64))
    with pytest.raises(KeyboardInterrupt):
        write_npz(path, events)
    assert list(path.parent.iterdir()) == []
