"""Finds the trained networks that ship with firstspike, in the repository or beside the installed package."""

from pathlib import Path

from firstspike_contract.common.errors import FirstspikeError

__all__ = ["example"]


def example(name: str) -> Path:
    """Returns the path of a shipped network, such as ``mnist-784-600-10.nir``. Raises FirstspikeError without it."""
    package = Path(__file__).parent
    for folder in (package.parents[1] / "examples", package / "examples"):
        if (folder / name).is_file():
            return folder / name
    raise FirstspikeError(f"the example network {name} is missing; reinstall firstspike, or run git checkout examples")
