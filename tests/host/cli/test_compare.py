"""A difference of any kind between two answers is found and assigned to its image."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from firstspike.cli.compare import differing
from firstspike_contract import RESULT, Batch


def batch(images: int = 3) -> Batch:
    times = tuple(np.full((images, size), -1, np.int16) for size in (4, 2))
    return Batch(results=np.zeros(images, RESULT), times=times, rows=np.zeros((images, 2), np.int32))


def changed(image: int, what: str) -> Batch:
    one = batch()
    if what in (RESULT.names or ()):
        one.results[what][image] = 1
    elif what == "rows":
        one.rows[image, 1] = 1
    else:
        one.times[int(what)][image, 1] = 5
    return one


def test_equal_answers_do_not_differ() -> None:
    assert differing(batch(), batch()) == []
    assert differing(batch(0), batch(0)) == []


@pytest.mark.parametrize("image", [0, 2])
@pytest.mark.parametrize("what", [*(RESULT.names or ()), "rows", "0", "1"])
def test_each_difference_is_found(image: int, what: str) -> None:
    assert differing(batch(), changed(image, what)) == [image]
    assert differing(changed(image, what), batch()) == [image]


def test_answers_of_different_networks_are_not_compared() -> None:
    one: Any = replace(batch(), times=batch().times[:1])
    with pytest.raises(ValueError, match="zip"):
        differing(batch(), one)
