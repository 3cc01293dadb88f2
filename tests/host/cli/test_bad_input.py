"""Every mistake of a user in names, data, deployments and outputs gives one clear message and status 1 or 2."""

import errno
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstspike_compiler.deployment import directory

from .conftest import refused

EVENTS = "for example numpy.savez('events.npz', t=[0, 3], x=[7, 9], offsets=[0, 2], labels=[1])"


# Names.


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["check", "net.nir", "--target", "ulx3s"],
            "unknown target 'ulx3s', did you mean ulx3s-85f? known: ",
        ),
        (
            ["check", "net.nir", "--kernel", "liner"],
            "unknown kernel 'liner', did you mean linear? known: linear, exponential, lif-2to1, alpha, step",
        ),
        (
            ["compile", "net.nir", "-o", "d", "--calibrate", "mnst:test"],
            "a data set is mnist:train|test, yinyang:train|validation|test, FOLDER:train|test of IDX files or an .npz "
            "of events: unknown data set 'mnst:test', did you mean mnist:test? known: "
            "mnist:train, mnist:test, yinyang:train, yinyang:validation, yinyang:test",
        ),
        (
            ["compile", "net.nir", "-o", "d", "--calibrate", "mnist:tset"],
            "unknown split of mnist 'tset', did you mean test? known: train, test; for example mnist:test",
        ),
        (["train", "mnst", "-o", "x.nir"], "unknown recipe 'mnst', did you mean mnist? known: "),
    ],
)
def test_an_unknown_name_suggests_the_nearest(run, net: Path, words: list[str], message: str) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {message}")
    assert message.endswith("known: ") or done.err == f"error: {message}\n"


SAYS = "leave the option out, the file knows how it was trained"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--t-max 3", f"net.nir says t_max 4.0, the command line says 3.0; {SAYS}"),
        ("--encoding binary", f"net.nir says encoding latency, the command line says binary; {SAYS}"),
        ("--encoding latency --t-late 1", f"net.nir says t_late 2.0, the command line says 1.0; {SAYS}"),
        ("--encoding binary --t-late 1", "t_late is the latest spike of two-time and latency; leave it out for binary"),
        ("--encoding x --t-late 1", "unknown encoding 'x'; known: binary, two-time, latency, events"),
        (
            "--t-late 2",
            "--t-late needs the option --encoding two-time or latency; for example --encoding latency --t-late 1.2",
        ),
    ],
)
def test_options_that_contradict_the_network_file(run, net: Path, options: str, message: str) -> None:
    refused(run("check", "net.nir", *options.split()), 2, message)
    refused(run("compile", "net.nir", "-o", "d", *options.split()), 2, message)


@pytest.mark.parametrize("options", ["", "--encoding latency", "--encoding latency --t-late 2 --t-max 4"])
def test_options_that_repeat_the_network_file(run, net: Path, options: str) -> None:
    assert run("check", "net.nir", *options.split()).code == 0


# Deployments.


def sections(image: bytes) -> list[tuple[str, int, int]]:
    """Returns (name in error messages, first byte, last byte) of each section and its checksum (docs/deployment.md)."""
    places, at = [], 16
    while at < len(image):
        tag, layer_number, length = struct.unpack_from("<4sII", image, at)
        of_network = tag in (b"NETW", b"IMAP", b"IDLY")
        end = at + 12 + length + -length % 4 + 4
        places.append((f"section {tag.decode()}" + ("" if of_network else f" of layer {layer_number}"), at, end - 1))
        at = end
    return places


def test_a_flipped_bit_in_any_section_of_the_image(run, deployment: Path) -> None:
    image = deployment / "image.bin"
    whole = image.read_bytes()
    places = sections(whole)
    assert len(places) == 3 + 2 * 7
    assert places[-1][2] == len(whole) - 1  # every byte after the header belongs to a section
    for name, first, last in places:
        for place in (first, (first + last) // 2, last):
            image.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
            message = f"image.bin, {name}: damaged (its CRC-32 differs); compile again"
            refused(run("simulate", "deployment", "--data", "yinyang:test"), 1, message)
    for place in range(16):
        image.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        done = run("inspect", "deployment")
        assert (done.code, done.out, done.err[:18]) == (1, "", "error: image.bin: ")
    image.write_bytes(whole)
    assert run("inspect", "deployment").code == 0


def test_a_flipped_bit_in_the_golden_answers(run, deployment: Path) -> None:
    golden = deployment / "golden.npz"
    whole = golden.read_bytes()
    for place in (0, len(whole) // 3, len(whole) // 2, len(whole) - 1):
        golden.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        refused(
            run("simulate", "deployment", "--data", "yinyang:test"),
            1,
            "deployment/golden.npz: not the file that manifest.yaml names (its sha256 differs); compile again",
        )


def test_a_deployment_with_a_missing_file_or_a_damaged_manifest(run, deployment: Path) -> None:
    refused(
        run("simulate", "nowhere", "--data", "yinyang:test"),
        1,
        "nowhere: no such deployment directory; make one with firstspike compile NET -o nowhere",
    )
    (deployment / "image.bin").rename("image.bin")
    refused(
        run("inspect", "deployment"),
        1,
        "deployment/image.bin: No such file or directory; compile again",
    )
    (deployment / "manifest.yaml").write_text("format: [")
    refused(run("inspect", "deployment"), 1, "deployment/manifest.yaml: not readable as YAML; compile again")


def test_a_manifest_without_an_encoding(run, deployment: Path) -> None:
    manifest = deployment / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace("\nencoding:", "\nedited:"))
    refused(
        run("simulate", "deployment", "--data", "yinyang:test"),
        1,
        "deployment/manifest.yaml names no input encoding; compile again",
    )


# Data.


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"t": [0, 16], "x": [1, 2], "offsets": [0, 2]},
            "image 0, event 1: time code 16 is out of range; this network takes 0..15",
        ),
        (
            {"t": [0, 1, 2], "x": [1, 2, 4], "offsets": [0, 2, 3]},
            "image 1, event 0: address 4 is out of range; this network takes 0..3",
        ),
        (
            {"t": [0, 5], "x": [1, 1], "offsets": [0, 2]},
            "image 0, event 1: input 1 spikes a second time; an input spikes at most once per image",
        ),
        (
            {"t": [0, 1], "x": [1, 2], "offsets": [0, 2], "labels": [3]},
            "image 0: label 3 is out of range; this network has classes 0..2",
        ),
        (
            {"t": [0, 1], "x": [1, 2], "offsets": [0, 2], "labels": [0, 1]},
            "there must be one label for each image: e.npz holds 1 images and 2 labels",
        ),
        (
            {"t": [0, -1], "x": [1, 2], "offsets": [0, 2]},
            f"t must be a list of whole numbers 0..65535: e.npz has -1 in entry 1; {EVENTS}",
        ),
        (
            {"t": [0, 1], "x": [1, 2]},
            f"an event file needs the arrays t, x and offsets: e.npz lacks offsets and holds t, x; {EVENTS}",
        ),
        (
            {"t": np.zeros(0, int), "x": np.zeros(0, int), "offsets": [0]},
            "a data set must hold at least one image: e.npz holds none",
        ),
    ],
)
def test_events_that_do_not_fit(run, deployment: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez("e.npz", **arrays)
    refused(run("simulate", "deployment", "--data", "e.npz"), 1, message)


def test_values_of_another_number_of_inputs(run, deployment: Path) -> None:
    refused(
        run("simulate", "deployment", "--data", "mnist:test"),
        1,
        "data and network must have the same number of inputs: mnist has 784, the network has 4",
    )


def test_labels_and_images_that_differ_in_number(run, deployment: Path) -> None:
    np.save("images.npy", np.zeros((4, 2, 2), np.uint8))
    np.save("labels.npy", [1, 2])
    refused(
        run("encode", "images.npy", "--labels", "labels.npy", "--encoding", "binary", "-o", "e.npz"),
        1,
        "there must be one label for each image: have 4 images and 2 labels",
    )
    Path("idx").mkdir()
    Path("idx/t10k-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, 2, 2, 2) + bytes(8))
    Path("idx/t10k-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 3) + bytes(3))
    refused(
        run("simulate", "deployment", "--data", "idx:test"),
        1,
        "there must be one label for each image: idx/t10k-images-idx3-ubyte holds 2 images, "
        "idx/t10k-labels-idx1-ubyte holds 3 labels",
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([[1], [2]]), "holds int64 [2, 1]; for example int64 [10000]"),
        (np.array([0.5, 1.0]), "holds float64 [2]; for example int64 [10000]"),
        (np.array([0, -1]), "holds values from -1 to 0"),
        (np.array(["a", "b"], object), ": it holds Python objects, which are never unpickled"),
    ],
)
def test_labels_that_are_no_class_numbers(run, labels: np.ndarray, message: str) -> None:
    np.save("images.npy", np.zeros((2, 4), np.uint8))
    np.save("labels.npy", labels, allow_pickle=True)
    separator = "" if message.startswith(":") else " "
    refused(
        run("encode", "images.npy", "--labels", "labels.npy", "--encoding", "binary", "-o", "e.npz"),
        1,
        f"labels must be a list of class numbers 0..65535 in a .npy file: labels.npy{separator}{message}",
    )


def npy(header: str, body: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body


def of_shape(shape: str, descr: str = "'<u2'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"


NOT_NPY = r"the magic string is not correct; expected b'\x93NUMPY', got "


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "EOF: reading magic string, expected 8 bytes got 0"),
        (b"PK\x03\x04aaaa", NOT_NPY + r"b'PK\x03\x04aa'"),
        (npy(of_shape(f"({10**12},)"), b"ab"), "it announces 2000000000000 bytes of values and holds 2"),
        (npy(of_shape(f"(0, {10**30})")), "its header has an impossible shape"),
        (npy(of_shape("(1,)", descr="('<u2',)"), b"ab"), "tuple index out of range"),
        (npy("{'descr': '<u2'"), "its header is damaged"),
    ],
)
def test_labels_and_masks_in_a_damaged_file(run, data: bytes, message: str) -> None:
    np.save("images.npy", np.zeros((2, 4), np.uint8))
    Path("v.npy").write_bytes(data)
    refused(
        run("encode", "images.npy", "--labels", "v.npy", "--encoding", "binary", "-o", "e.npz"),
        1,
        f"labels must be a list of class numbers 0..65535 in a .npy file: v.npy: {message}",
    )
    refused(
        run("train", "yinyang", "--mask", "v.npy", "-o", "n.nir"),
        1,
        f"mask 'v.npy' cannot be read ({message}); use checkerboard or a .npy file of 4 booleans",
    )


@pytest.mark.parametrize("shape", [(0, 28, 28), (3, 0), (0, 10**9)])
def test_empty_sets_of_images_are_refused(run, shape: tuple[int, ...]) -> None:
    np.save("images.npy", np.empty(shape, np.uint8))
    refused(
        run("encode", "images.npy", "--encoding", "binary", "-o", "e.npz"),
        1,
        f"there must be at least one image, of at least one value: images.npy holds uint8 {list(shape)}; "
        "for example uint8 [10, 28, 28]",
    )
    assert not Path("e.npz").exists()


def test_event_files_need_a_name_that_ends_in_npz(run) -> None:
    refused(
        run("encode", "images.npy", "--encoding", "binary", "-o", "events.txt"),
        2,
        "the output file must have a name ending in .npz: have events.txt; for example events.npz",
    )


# Outputs.


def test_an_existing_output_is_never_overwritten_unless_forced(run, net: Path, deployment: Path) -> None:
    message = "deployment exists and is not overwritten; use another name, or --force to replace it"
    refused(run("compile", "net.nir", "-o", "deployment"), 1, message)
    assert run("compile", "net.nir", "-o", "deployment", "--force").code == 0
    (deployment / "notes.txt").write_text("mine")
    refused(
        run("compile", "net.nir", "-o", "deployment", "--force"),
        1,
        "deployment holds 'notes.txt', which no deployment has; --force replaces deployment directories only",
    )
    np.save("images.npy", np.zeros((2, 4), np.uint8))
    Path("e.npz").write_text("old")
    refused(
        run("encode", "images.npy", "--encoding", "binary", "-o", "e.npz"),
        1,
        "e.npz exists and is not overwritten; use another name, or --force to replace it",
    )
    assert Path("e.npz").read_text() == "old"
    assert run("encode", "images.npy", "--encoding", "binary", "-o", "e.npz", "--force").code == 0


def test_a_full_disk_leaves_nothing_behind(run, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        path.write_bytes(data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(directory, "_write_file", full)
    refused(
        run("compile", "net.nir", "-o", "d"),
        1,
        "cannot write d: No space left on device; nothing was left behind",
    )
    assert [path.name for path in Path().iterdir()] == ["net.nir"]


LIMITED = """
import resource, sys
from firstspike.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))  # longer files fail, as on a full disk
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compile", "net.nir", "-o", "d"], "cannot write d: File too large; nothing was left behind"),
        (["encode", "images.npy", "--encoding", "binary", "-o", "e.npz"], "cannot write e.npz: File too large"),
        (["train", "yinyang", "--epochs", "1", "-o", "n"], "cannot write n.checkpoint: File too large"),
    ],
)
def test_a_write_that_the_system_refuses_leaves_nothing_behind(run, net: Path, words: list[str], message: str) -> None:
    np.save("images.npy", np.full((50, 400), 255, np.uint8))
    before = sorted(Path().iterdir())
    code = LIMITED.format(limit=2000)
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {message}\n")
    assert sorted(Path().iterdir()) == before
