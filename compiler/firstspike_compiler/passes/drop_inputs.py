"""Pass: removes the weight rows of inputs whose weights are all zero, which changes no potential."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import DROPPED

from .quantise import IntegerLayer

__all__ = ["InputRows", "drop_inputs", "explain_drop_inputs"]


@dataclass(frozen=True, kw_only=True, eq=False)
class InputRows:
    """The relation between input addresses and weight rows.

    input_map: int64 ``[addresses]``, weight row of each address, or DROPPED.
    kept:      int64 ``[rows]``, address of each weight row.
    """

    input_map: NDArray[np.int64]
    kept: NDArray[np.int64]


def drop_inputs(layer: IntegerLayer, *, keep_all: bool = False) -> tuple[IntegerLayer, InputRows]:
    """Returns the first layer without its zero rows, and the rows of its inputs; constant inputs keep their rows.

    keep_all: all inputs keep their rows.
    """
    addresses = len(layer.weights) - layer.constants
    used = np.ones(addresses, bool) if keep_all else layer.weights[:addresses].any(axis=1)
    kept = np.flatnonzero(used)
    input_map = np.full(addresses, DROPPED, np.int64)
    input_map[kept] = np.arange(len(kept))
    rows = np.concatenate([kept, np.arange(addresses, len(layer.weights))])
    return replace(layer, weights=layer.weights[rows]), InputRows(input_map=input_map, kept=kept)


def explain_drop_inputs(rows: InputRows) -> list[str]:
    """Returns a line with the numbers of dropped and kept inputs."""
    addresses, kept = len(rows.input_map), len(rows.kept)
    return [f"{addresses - kept} of {addresses} inputs have no row, {kept} keep theirs"]
