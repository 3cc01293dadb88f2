"""Writes results, whole or not at all. Existing results are replaced only on request."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firstspike_contract.common.errors import FirstspikeError

__all__ = ["refuse_existing", "refuse_existing_folder", "whole_file", "whole_folder"]


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuses an output before the work is done.

    Raises FirstspikeError if it exists (without `force`), is a directory, or would lie in a folder that does not exist.
    """
    if os.path.lexists(path) and not force:
        raise FirstspikeError(f"{path} exists and is not overwritten; use another name, or --force to replace it")
    if path.is_dir():
        raise FirstspikeError(f"{path} is a directory; --force replaces files only")
    if not path.absolute().parent.is_dir():
        raise FirstspikeError(f"{path}: the folder {path.absolute().parent} does not exist; make it first")


@contextmanager
def whole_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yields a temporary path to write a file to; it becomes `path` at the end of a block that raised nothing."""
    refuse_existing(path, force=force)
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=f".{path.name}.") as folder:
        draft = Path(folder) / path.name
        yield draft
        os.replace(draft, path)


def refuse_existing_folder(path: Path, *, force: bool, own: frozenset[str], what: str) -> None:
    """Refuses an output folder before the work is done.

    own:  names of the files that such a folder contains; `force` replaces only a folder that contains no others.
    what: a phrase for such folders, for messages.

    Raises FirstspikeError if the folder may not be written.
    """
    if not os.path.lexists(path):
        if not path.absolute().parent.is_dir():
            raise FirstspikeError(f"{path}: the folder {path.absolute().parent} does not exist; make it first")
        return
    if not force:
        raise FirstspikeError(f"{path} exists and is not overwritten; use another name, or --force to replace it")
    if path.is_symlink() or not path.is_dir():
        raise FirstspikeError(f"{path} is not a directory; --force replaces {what} only")
    strange = sorted({entry.name for entry in path.iterdir()} - own)
    if strange:
        raise FirstspikeError(f"{path} holds {strange[0]!r}, which {what} do not have; --force replaces {what} only")


@contextmanager
def whole_folder(path: Path, *, force: bool, own: frozenset[str], what: str) -> Iterator[Path]:
    """Yields a temporary folder to write to; it becomes `path` at the end of a block that raised nothing."""
    refuse_existing_folder(path, force=force, own=own, what=what)
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=f".{path.name}.") as scratch:
        draft = Path(scratch) / "new"
        draft.mkdir()
        yield draft
        if path.is_dir():
            os.replace(path, Path(scratch) / "old")
        os.replace(draft, path)
