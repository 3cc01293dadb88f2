"""Writes and reads the deployment directory: manifest.yaml, image.bin and golden.npz (docs/deployment.md).

A directory is written whole or not at all.
"""

import hashlib
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import yaml

from firstspike_contract import Network
from firstspike_contract.common.errors import FirstspikeError

from .golden import Golden, decode_golden, encode_golden
from .image import decode_image, encode_image
from .manifest_file import FORMAT, MANIFEST_VERSION, check_against, parse_manifest

__all__ = [
    "FORMAT",
    "MANIFEST_VERSION",
    "Deployable",
    "Deployment",
    "check_output",
    "read_deployment",
    "write_deployment",
]

_MAX_BYTES: Final = 2**30


class Deployable(Protocol):
    """The content of a deployment, as `compile_network` returns it and `write_deployment` takes it."""

    @property
    def network(self) -> Network: ...
    @property
    def manifest(self) -> dict[str, Any]: ...
    @property
    def golden(self) -> Golden: ...


class _Dumper(yaml.SafeDumper):
    """A YAML dumper without aliases, which the reader refuses: it writes a repeated list in full each time."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@dataclass(frozen=True, kw_only=True, eq=False)
class Deployment:
    """A deployment that was read from a directory.

    network:  integer network of image.bin.
    manifest: content of manifest.yaml, parsed.
    golden:   golden images with their answers.
    path:     the directory.
    """

    network: Network
    manifest: dict[str, Any]
    golden: Golden
    path: Path


def check_output(path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Refuses an output path that `write_deployment` would refuse, so that a command can ask before it works.

    Raises FirstspikeError if the parent folder is missing, if something exists at `path` (without `force`), or if it is
    no deployment (with `force`).
    """
    target = Path(path)
    if not os.path.lexists(target):
        if not target.absolute().parent.is_dir():
            raise FirstspikeError(f"{target}: the folder {target.absolute().parent} does not exist; make it first")
        return
    if not force:
        raise FirstspikeError(f"{target} exists and is not overwritten; use another name, or --force to replace it")
    if target.is_symlink() or not target.is_dir():
        raise FirstspikeError(f"{target} is not a directory; --force replaces deployment directories only")
    present = {entry.name for entry in target.iterdir()}
    if present and not (_is_deployment(target) and present <= _own_files(target)):
        strange = sorted(present - _own_files(target)) or sorted(present)
        raise FirstspikeError(
            f"{target} holds {strange[0]!r}, which no deployment has; --force replaces deployment directories only"
        )


def write_deployment(path: str | os.PathLike[str], compiled: Deployable, force: bool = False) -> None:
    """Writes the directory beside `path` and renames it, so that `path` never holds half a deployment.

    Raises FirstspikeError if `check_output` refuses the path, or if the disk fails, with its reason.
    """
    check_output(path, force=force)
    target = Path(path)
    image, golden = encode_image(compiled.network), encode_golden(compiled.golden)
    files = {"image.bin": image, "golden.npz": golden}
    manifest = {
        "format": FORMAT,
        "version": MANIFEST_VERSION,
        **compiled.manifest,
        "files": {name: {"bytes": len(data), "sha256": _sha256(data)} for name, data in files.items()},
    }
    files["manifest.yaml"] = yaml.dump(
        manifest, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True
    ).encode()
    staging = target.absolute().with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        staging.mkdir()
        for name, data in files.items():
            _write_file(staging / name, data)
        _put_in_place(staging, target)
    except OSError as error:
        raise FirstspikeError(f"cannot write {target}: {error.strerror}; nothing was left behind") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # exists only after a failure


def read_deployment(path: str | os.PathLike[str]) -> Deployment:
    """Reads a deployment directory and checks every byte of it.

    Raises FirstspikeError if it is no deployment, or if a file is missing, damaged or not the one that the manifest
    names.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise FirstspikeError(
            f"{folder}: no such deployment directory; make one with firstspike compile NET -o {folder}"
        )
    manifest = _manifest(folder)
    image, golden = _read_file(folder / "image.bin"), _read_file(folder / "golden.npz")
    network = decode_image(image)
    for name, data in (("image.bin", image), ("golden.npz", golden)):
        recorded = manifest.get("files", {}).get(name, {}).get("sha256")
        if recorded != _sha256(data):
            raise FirstspikeError(
                f"{folder / name}: not the file that manifest.yaml names (its sha256 differs); compile again"
            )
    check_against(manifest, network, folder / "manifest.yaml")
    return Deployment(network=network, manifest=manifest, golden=decode_golden(golden, network), path=folder)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.yaml"
    try:
        text = _read_file(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FirstspikeError(f"{path}: not readable as YAML; compile again") from error
    return parse_manifest(text, path)


def _is_deployment(folder: Path) -> bool:
    try:
        _manifest(folder)
    except FirstspikeError:
        return False
    return True


def _own_files(folder: Path) -> set[str]:
    """Returns the file names that belong to a deployment: its three files, and those that its manifest lists."""
    listed = _manifest(folder)["files"] if _is_deployment(folder) else {}
    return {"manifest.yaml", "image.bin", "golden.npz", *map(str, listed)}


def _put_in_place(staging: Path, target: Path) -> None:
    """Renames `staging` to `target`.

    An old deployment is first renamed out of the way; it is renamed back if `staging` cannot take its place.
    """
    if not target.exists():
        os.rename(staging, target)
        return
    aside = staging.with_suffix(".old")
    os.rename(target, aside)
    try:
        os.rename(staging, target)
    except BaseException:
        os.rename(aside, target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _write_file(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FirstspikeError(f"{path}: larger than {_MAX_BYTES} bytes; compile again")
        return path.read_bytes()
    except OSError as error:
        raise FirstspikeError(f"{path}: {error.strerror}; compile again") from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
