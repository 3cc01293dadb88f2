"""The comparison of gateware and model finds a difference of any kind and names it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import random_network

from firstspike_contract import RESULT, Batch
from firstspike_contract.core.stream_format import RESULT_PACKET
from firstspike_sim.rtl.compare import compare, difference
from firstspike_sim.rtl.core import RtlBatch

NETWORK = random_network(1, sizes=(4, 3, 2))


def batch(images: int = 3) -> Batch:
    times = tuple(np.full((images, size), -1, np.int16) for size in NETWORK.sizes)
    return Batch(results=np.zeros(images, RESULT), times=times, rows=np.zeros((images, 2), np.int32))


def gateware(answers: Batch) -> RtlBatch:
    return RtlBatch(batch=answers, packets=np.zeros(len(answers), RESULT_PACKET.dtype), total_cycles=0)


def changed(image: int, what: str) -> Batch:
    one = batch()
    if what in (RESULT.names or ()):
        one.results[what][image] = 1
    else:
        one.times[int(what)][image, 1] = 5
    return one


def test_equal_answers_do_not_differ() -> None:
    assert compare(NETWORK, gateware(batch()), batch()) == []
    assert compare(NETWORK, gateware(batch(0)), batch(0)) == []
    assert difference(batch(), batch(), 0) == ""


@pytest.mark.parametrize("image", [0, 2])
@pytest.mark.parametrize("what", [*(RESULT.names or ()), "0", "1", "2"])
def test_each_difference_is_found_and_named(image: int, what: str) -> None:
    other = changed(image, what)
    assert compare(NETWORK, gateware(other), batch()) == [image]
    if what in (RESULT.names or ()):
        value = other.results[what][image]
        assert difference(other, batch(), image) == f"{what} is {value}, not {batch().results[what][image]}"
    else:
        assert difference(other, batch(), image) == f"neuron 1 of layer {what} spikes at 5, not -1 (-1: never)"
    assert difference(other, batch(), 1) == ""


def test_fields_are_named_before_spikes_and_all_of_them() -> None:
    other = changed(0, "2")
    other.results["class"][0], other.results["step"][0] = 1, 7
    assert difference(other, batch(), 0) == "class is 1, not 0, step is 7, not 0"


def test_answers_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^the gateware gives 2 answers, the model 3; compare the same images$"):
        compare(NETWORK, gateware(batch(2)), batch())
    narrow: Any = replace(batch(), times=(*batch().times[:2], np.zeros((3, 1), np.int16)))
    with pytest.raises(ValueError, match=r"^spike times of 2 and 1 neurons, the network has 2$"):
        compare(NETWORK, gateware(batch()), narrow)
