"""Saves and restores checkpoints, which hold the state of a training after an epoch.

A checkpoint is one .npz file. It is written whole or not at all, and every part of it is checked when it is read.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from firstspike_contract.common.errors import FirstspikeError
from firstspike_contract.common.npy import arrays_from_npz

from .layers import Array
from .model import TrainableNetwork
from .recipe import Recipe

__all__ = ["plain_recipe", "restore_checkpoint", "save_checkpoint"]

History = list[dict[str, Any]]

HEADER_BYTES: Final = 2**28  # largest header, with the figures of a million epochs


def plain_recipe(recipe: Recipe) -> dict[str, Any]:
    """Returns the recipe in the form that JSON gives back, so that records compare equal after a round trip."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return plain


def save_checkpoint(network: TrainableNetwork, recipe: Recipe, path: Path, history: History) -> None:
    """Writes the state of the network to the file at `path`, which is replaced.

    history: figures of every epoch so far.

    Raises FirstspikeError if the disk fails; the new file is then removed.
    """
    header = json.dumps({"recipe": plain_recipe(recipe), "epoch": len(history), "history": history})
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            np.savez(file, **{"header": np.array(header), **_arrays(network)})  # type: ignore[arg-type]  # the stubs take **arrays for allow_pickle
        os.replace(temporary, path)
    except OSError as error:
        raise FirstspikeError(f"cannot write {path}: {error.strerror or error}") from error
    finally:  # also when interrupted
        temporary.unlink(missing_ok=True)


def restore_checkpoint(network: TrainableNetwork, recipe: Recipe, path: Path) -> History:
    """Puts the network into the state of the file, and returns the figures of the epochs so far.

    Raises FirstspikeError if the file is no checkpoint or damaged, or belongs to another recipe or other data.
    """
    needed = _arrays(network)
    try:
        if not path.is_file():
            raise ValueError("it is not a regular file")
        arrays = arrays_from_npz(path, bytes_max=sum(2 * array.nbytes for array in needed.values()) + HEADER_BYTES)
        history = _history(arrays, recipe, path)
        _check_arrays(arrays, needed)
    except OSError as error:
        raise FirstspikeError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise FirstspikeError(f"{path} is not a training checkpoint ({error}); delete it to start afresh") from error
    for k, optimiser in enumerate(network.optimisers):
        optimiser.restore({name: arrays[f"{k}.{name}"] for name in optimiser.state()})
    return history


def _arrays(network: TrainableNetwork) -> dict[str, Array]:
    states = enumerate(optimiser.state() for optimiser in network.optimisers)
    return {f"{k}.{name}": np.asarray(value) for k, state in states for name, value in state.items()}


def _history(arrays: dict[str, Array], recipe: Recipe, path: Path) -> History:
    if "header" not in arrays:
        raise ValueError("it has no header")
    header = json.loads(str(arrays["header"]))
    have, history = (header.get("recipe"), header.get("history")) if isinstance(header, dict) else (None, None)
    if not isinstance(have, dict):
        raise ValueError("its header has no recipe")
    need = plain_recipe(recipe)
    if have != need:
        differs = sorted(name for name in have.keys() | need.keys() if have.get(name) != need.get(name))
        raise FirstspikeError(
            f"{path} was made by another recipe ({', '.join(differs)[:200]} differ); "
            "repeat its options or train without --resume"
        )
    if not isinstance(history, list) or not all(isinstance(figures, dict) for figures in history):
        raise ValueError("its header has no history")
    if len(history) != header.get("epoch") or len(history) > recipe.epochs:
        raise ValueError(f"its header has the figures of {len(history)} epochs")
    return history


def _check_arrays(arrays: dict[str, Array], needed: dict[str, Array]) -> None:
    for name, need in needed.items():
        have = arrays.get(name)
        if have is None:
            raise ValueError(f"it has no array {name}")
        if have.shape != need.shape or have.dtype != need.dtype:
            raise ValueError(
                f"its array {name} is {have.dtype} {list(have.shape)}, need {need.dtype} {list(need.shape)}"
            )
        if not np.isfinite(have).all() or (name.endswith(".count") and have < 0):
            raise ValueError(f"its array {name} holds impossible values")
