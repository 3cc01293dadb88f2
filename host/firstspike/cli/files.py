"""Writing results: never over existing ones unless told, and whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firstspike_hw.contract.errors import FirstspikeError

__all__ = ["refuse_existing", "whole_file"]


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuses an output before the work is done.

    Raises FirstspikeError if it exists (without `force`), is a directory, or has no folder to be in.
    """
    if os.path.lexists(path) and not force:
        raise FirstspikeError(f"{path} exists and is not overwritten; use another name, or --force to replace it")
    if path.is_dir():
        raise FirstspikeError(f"{path} is a directory; --force replaces files only")
    if not path.absolute().parent.is_dir():
        raise FirstspikeError(f"{path}: the folder {path.absolute().parent} does not exist; make it first")


@contextmanager
def whole_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary name beside `path` to write to; it becomes `path` at the end of a block that raised nothing."""
    refuse_existing(path, force=force)
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=f".{path.name}.") as folder:
        draft = Path(folder) / path.name
        yield draft
        os.replace(draft, path)
