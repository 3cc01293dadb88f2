"""Weights of two networks are compared move by move."""

from dataclasses import replace

import numpy as np
from learning_cases import network

from firstspike.learning.difference import differences


def test_every_move_is_counted() -> None:
    first = network()
    weights = first.layers[0].weights.copy()
    weights[2, 3] = np.clip(weights[2, 3] + 5, -127, 127)
    weights[4] = -weights[4]
    weights[0, 0] = 127
    second = replace(first, layers=(replace(first.layers[0], weights=weights), first.layers[1]))
    one, other = differences(first, second)
    moves = weights.astype(int) - first.layers[0].weights
    np.testing.assert_array_equal(one.moves, moves)
    figures = one.figures()
    assert figures["changed"] == figures["up"] + figures["down"] == (moves != 0).sum()
    assert figures["largest_move"] == abs(moves).max()
    assert figures["signs_changed"] == ((weights >= 0) != (first.layers[0].weights >= 0)).sum()
    assert figures["saturated_after"] == figures["saturated_before"] + 1
    assert other.figures()["changed"] == 0


def test_rows_are_compared_by_address() -> None:
    """Another order of the rows is no difference, nor is an input that is dropped because its weights are zero."""
    first = network()
    weights = first.layers[0].weights.copy()
    weights[5] = 0
    first = replace(first, layers=(replace(first.layers[0], weights=weights), first.layers[1]))
    order = np.array([k for k in reversed(range(16)) if k != 5])
    input_map = np.full(16, -1)
    input_map[order] = np.arange(15)
    rows = replace(first.layers[0], weights=weights[order])
    second = replace(first, input_map=input_map, input_delays=np.zeros(15, np.int64), layers=(rows, first.layers[1]))
    assert not any(layer.moves.any() for layer in differences(first, second))
