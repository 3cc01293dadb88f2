"""Checkpoints of a learning run. One .npz file holds all that is needed to continue as if nothing had happened.

Tested by tests/host/learning/test_course.py and tests/host/cli/test_learn.py.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import FirstspikeError
from firstspike_contract.common.npy import arrays_from_npz

__all__ = ["Checkpoint", "read_checkpoint", "write_checkpoint"]

Weights = tuple[NDArray[np.int8], ...]

HEADER_BYTES: Final = 2**26  # room for the history of a hundred thousand entries


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """State of a run between two images.

    plan:    description of the run, as plain values; a run that continues from here must have an equal one.
    done:    number of images learnt in this run.
    count:   number of learning images so far, modulo 2^32; the random bits depend on it.
    weights: int8 weights of each layer.
    best:    accuracy and weights of the best check so far, or None.
    history: the entries so far, as plain values.
    """

    plan: dict[str, Any]
    done: int
    count: int
    weights: Weights
    best: tuple[float, Weights] | None
    history: list[dict[str, Any]]


def write_checkpoint(path: Path, state: Checkpoint) -> None:
    """Replaces the file, whole or not at all. Raises FirstspikeError if it cannot be written."""
    accuracy, best = (None, ()) if state.best is None else state.best
    header = {"plan": state.plan, "done": state.done, "count": state.count, "best": accuracy, "history": state.history}
    arrays = {f"weights{k}": w for k, w in enumerate(state.weights)} | {f"best{k}": w for k, w in enumerate(best)}
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            np.savez(file, **{"header": np.array(json.dumps(header)), **arrays})  # type: ignore[arg-type]  # see npz.py
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise FirstspikeError(f"cannot write {path}: {error.strerror or error}") from error
    finally:  # also when interrupted
        temporary.unlink(missing_ok=True)


def read_checkpoint(path: Path, plan: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> Checkpoint:
    """Reads the state that a run of this plan has left. shapes: shapes of its network's weights.

    Raises FirstspikeError if the file is not a checkpoint, is damaged, or belongs to another run.
    """
    try:
        if not path.is_file():
            raise ValueError("it is not a regular file")
        arrays = arrays_from_npz(path, bytes_max=2 * sum(map(np.prod, shapes)) + HEADER_BYTES)
        header = json.loads(str(arrays["header"])) if "header" in arrays else None
        if not isinstance(header, dict) or not isinstance(header.get("plan"), dict):
            raise ValueError("it has no header")
        _check_plan(path, header["plan"], plan)
        numbers = [header.get(name) for name in ("done", "count")]
        if not all(isinstance(n, int) and n >= 0 for n in numbers) or not isinstance(header.get("history"), list):
            raise ValueError("its header is incomplete")
        accuracy = header.get("best")
        best = None if accuracy is None else (float(accuracy), _weights(arrays, "best", shapes))
        return Checkpoint(
            plan=plan,
            done=header["done"],
            count=header["count"],
            weights=_weights(arrays, "weights", shapes),
            best=best,
            history=header["history"],
        )
    except OSError as error:
        raise FirstspikeError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise FirstspikeError(f"{path} is no checkpoint of learning ({error}); delete it to start afresh") from error


def _check_plan(path: Path, have: dict[str, Any], need: dict[str, Any]) -> None:
    differs = sorted(name for name in have.keys() | need.keys() if have.get(name) != need.get(name))
    if differs:
        raise FirstspikeError(
            f"{path} belongs to another run ({', '.join(differs)[:200]} differ); "
            "repeat its options, or start afresh without --resume"
        )


def _weights(arrays: dict[str, Any], name: str, shapes: tuple[tuple[int, ...], ...]) -> Weights:
    found = []
    for k, shape in enumerate(shapes):
        array = arrays.get(f"{name}{k}")
        if array is None or array.dtype != np.int8 or array.shape != shape or (array == -128).any():
            raise ValueError(f"its array {name}{k} is not int8 {list(shape)} in -127..127")
        found.append(array)
    return tuple(found)
