"""A deployment directory is whole or absent. It is never overwritten by accident, and it is checked when it is read."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from networks import float_network

from firstspike_compiler.deployment import check_output, directory, encode_image, read_deployment, write_deployment
from firstspike_compiler.pipeline import compile_network
from firstspike_compiler.targets import load_target
from firstspike_contract.common.errors import FirstspikeError


@pytest.fixture(scope="module")
def compiled():
    return compile_network(float_network(sizes=(12, 8, 3), steps=16), load_target("generic"))


def message_of(call, *args, **kwargs):
    with pytest.raises(FirstspikeError) as error:
        call(*args, **kwargs)
    assert error.value.exit_code == 1
    return str(error.value)


def test_round_trip(compiled, tmp_path):
    write_deployment(tmp_path / "dep", compiled)
    assert {path.name for path in tmp_path.rglob("*")} == {"dep", "manifest.yaml", "image.bin", "golden.npz"}
    again = read_deployment(tmp_path / "dep")
    assert encode_image(again.network) == encode_image(compiled.network)
    assert again.manifest["sizes"] == [12, 8, 3]
    for name in ("results", "rows"):
        np.testing.assert_array_equal(getattr(again.golden.batch, name), getattr(compiled.golden.batch, name))
    for a, b in zip(again.golden.batch.times, compiled.golden.batch.times, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(again.golden.events.events, compiled.golden.events.events)


def test_same_input_same_bytes(compiled, tmp_path):
    write_deployment(tmp_path / "a", compiled)
    again = compile_network(float_network(sizes=(12, 8, 3), steps=16), load_target("generic"))
    write_deployment(tmp_path / "b", again)
    for name in ("manifest.yaml", "image.bin", "golden.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_existing_directory(compiled, tmp_path):
    write_deployment(tmp_path / "dep", compiled)
    before = (tmp_path / "dep" / "manifest.yaml").stat().st_ino
    assert message_of(write_deployment, tmp_path / "dep", compiled) == (
        f"{tmp_path}/dep exists and is not overwritten; use another name, or --force to replace it"
    )
    assert (tmp_path / "dep" / "manifest.yaml").stat().st_ino == before
    write_deployment(tmp_path / "dep", compiled, force=True)
    assert (tmp_path / "dep" / "manifest.yaml").stat().st_ino != before
    assert [path.name for path in tmp_path.iterdir()] == ["dep"]


def test_force_replaces_deployments_only(compiled, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("years of work")
    strange = "'thesis.tex', which no deployment has; --force replaces deployment directories only"
    assert message_of(write_deployment, home, compiled, force=True) == f"{home} holds {strange}"
    write_deployment(tmp_path / "dep", compiled)
    (tmp_path / "dep" / "thesis.tex").write_text("years of work")
    assert message_of(write_deployment, tmp_path / "dep", compiled, force=True) == f"{tmp_path}/dep holds {strange}"
    assert (tmp_path / "dep" / "thesis.tex").exists()
    (tmp_path / "link").symlink_to(home)
    assert message_of(check_output, tmp_path / "link", force=True) == (
        f"{tmp_path}/link is not a directory; --force replaces deployment directories only"
    )


def test_folder_that_does_not_exist(compiled, tmp_path):
    assert message_of(write_deployment, tmp_path / "no" / "dep", compiled) == (
        f"{tmp_path}/no/dep: the folder {tmp_path}/no does not exist; make it first"
    )


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("fail_at", [0, 1, 2])
def test_disk_full(compiled, tmp_path, monkeypatch, fail_at, force):
    if force:
        write_deployment(tmp_path / "dep", compiled)
    written = []

    def write(path, data):
        if len(written) == fail_at:
            path.write_bytes(data[:10])
            raise OSError(28, "No space left on device")
        written.append(path)
        path.write_bytes(data)

    monkeypatch.setattr(directory, "_write_file", write)
    assert message_of(write_deployment, tmp_path / "dep", compiled, force=force) == (
        f"cannot write {tmp_path}/dep: No space left on device; nothing was left behind"
    )
    assert [path.name for path in tmp_path.iterdir()] == (["dep"] if force else [])
    if force:
        read_deployment(tmp_path / "dep")


def test_file_size_limit_of_the_operating_system(compiled, tmp_path):
    """The operating system itself refuses the write here; nothing is simulated."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        message = message_of(write_deployment, tmp_path / "dep", compiled)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert message == f"cannot write {tmp_path}/dep: File too large; nothing was left behind"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("fail_at", "force"), [("_write_file", False), ("_write_file", True), ("second rename", True)])
def test_interrupted(compiled, tmp_path, monkeypatch, fail_at, force):
    if force:
        write_deployment(tmp_path / "dep", compiled)

    def interrupt(*args):
        raise KeyboardInterrupt

    if fail_at == "_write_file":
        monkeypatch.setattr(directory, "_write_file", interrupt)
    else:
        rename, calls = os.rename, []

        def second(source, target):
            calls.append(source)
            if len(calls) == 2:
                raise KeyboardInterrupt
            rename(source, target)

        monkeypatch.setattr(directory.os, "rename", second)
    with pytest.raises(KeyboardInterrupt):
        write_deployment(tmp_path / "dep", compiled, force=force)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == (["dep"] if force else [])
    if force:
        read_deployment(tmp_path / "dep")


def damage(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("position", [0, 40, 0.3, 0.7, -1])
def test_flipped_byte_in_golden(compiled, tmp_path, position):
    write_deployment(tmp_path / "dep", compiled)
    path = tmp_path / "dep" / "golden.npz"
    damage(path, position if isinstance(position, int) else int(position * path.stat().st_size))
    assert message_of(read_deployment, tmp_path / "dep") == (
        f"{path}: not the file that manifest.yaml names (its sha256 differs); compile again"
    )


def test_image_of_another_deployment(compiled, tmp_path):
    write_deployment(tmp_path / "dep", compiled)
    other = compile_network(float_network(sizes=(12, 8, 3), steps=16, seed=9), load_target("generic"))
    (tmp_path / "dep" / "image.bin").write_bytes(encode_image(other.network))
    assert message_of(read_deployment, tmp_path / "dep") == (
        f"{tmp_path}/dep/image.bin: not the file that manifest.yaml names (its sha256 differs); compile again"
    )


@pytest.mark.parametrize("name", ["manifest.yaml", "image.bin", "golden.npz"])
def test_missing_file(compiled, tmp_path, name):
    write_deployment(tmp_path / "dep", compiled)
    (tmp_path / "dep" / name).unlink()
    assert message_of(read_deployment, tmp_path / "dep") == (
        f"{tmp_path}/dep/{name}: No such file or directory; compile again"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not readable as YAML; compile again"),
        ("\x00", "not readable as YAML; compile again"),
        ("a: 1", "not the manifest of a deployment (format: firstspike-deployment); compile again"),
        ("!!python/object/apply:os.system ['true']", "not readable as YAML; compile again"),
        ("{format: firstspike-deployment, version: 2}", "version 2, not 1; compile again"),
        ("{format: firstspike-deployment, version: 1}", "lists no files; compile again"),
    ],
)
def test_damaged_manifest(compiled, tmp_path, content, message):
    write_deployment(tmp_path / "dep", compiled)
    (tmp_path / "dep" / "manifest.yaml").write_text(content)
    assert message_of(read_deployment, tmp_path / "dep") == f"{tmp_path}/dep/manifest.yaml: {message}"


def test_no_directory(tmp_path):
    assert message_of(read_deployment, tmp_path / "dep") == (
        f"{tmp_path}/dep: no such deployment directory; make one with firstspike compile NET -o {tmp_path}/dep"
    )


def test_manifest_is_plain_and_holds_no_date_and_no_path(compiled, tmp_path):
    write_deployment(tmp_path / "dep", compiled)
    text = (tmp_path / "dep" / "manifest.yaml").read_text()
    assert yaml.safe_load(text)["tools"].keys() == {"firstspike", "numpy", "nir", "h5py"}
    assert str(tmp_path) not in text


def test_reading_needs_numpy_and_yaml_only():
    """Imports the package in a fresh interpreter in which the other large packages cannot be imported."""
    code = (
        "import sys\n"
        "for name in ('nir', 'h5py', 'jsonschema', 'numba', 'scipy', 'torch', 'matplotlib'): sys.modules[name] = None\n"
        "import firstspike_compiler.deployment\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
