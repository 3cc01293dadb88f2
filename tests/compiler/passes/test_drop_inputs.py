"""Inputs without a nonzero weight lose their weight rows; constant inputs never do."""

import numpy as np
import pytest

from firstspike_compiler.passes.drop_inputs import drop_inputs, explain_drop_inputs
from firstspike_compiler.passes.quantise import IntegerLayer
from firstspike_contract import DROPPED


def layer(*rows: int, constants: int = 0) -> IntegerLayer:
    """Returns a layer of two neurons. The weights of the second are `rows`, those of the first are zero."""
    return IntegerLayer(
        name="hidden",
        weights=np.array([[0, row] for row in rows], np.int8).reshape(-1, 2),
        theta=1,
        scale=1.0,
        constant_times=np.zeros(constants, np.int64),
        delays=np.zeros(2, np.int64),
    )


@pytest.mark.parametrize(
    ("rows", "kept"),
    [((), []), ((0,), []), ((1,), [0]), ((-1, 0, 127, 0), [0, 2]), ((0, 0, -127), [2]), ((1, 2, 3), [0, 1, 2])],
)
def test_inputs_without_weights_lose_their_rows(rows: tuple[int, ...], kept: list[int]) -> None:
    smaller, found = drop_inputs(layer(*rows))
    assert found.kept.tolist() == kept
    assert smaller.weights[:, 1].tolist() == [rows[n] for n in kept]
    wanted = [kept.index(n) if n in kept else DROPPED for n in range(len(rows))]
    assert found.input_map.tolist() == wanted
    assert explain_drop_inputs(found) == [
        f"{len(rows) - len(kept)} of {len(rows)} inputs have no row, {len(kept)} keep theirs"
    ]


def test_constant_inputs_keep_their_rows() -> None:
    smaller, found = drop_inputs(layer(0, 5, 0, 0, 9, constants=3))
    assert smaller.weights[:, 1].tolist() == [5, 0, 0, 9]
    assert found.input_map.tolist() == [DROPPED, 0]


def test_all_inputs_keep_their_rows_on_request() -> None:
    same, found = drop_inputs(layer(0, 5, 0, constants=1), keep_all=True)
    assert same.weights[:, 1].tolist() == [0, 5, 0]
    assert found.input_map.tolist() == found.kept.tolist() == [0, 1]
