"""Contradictory networks, sets of images and labels are refused with the rule and the place."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import layer_of, network_of, random_network, set_of

from firstspike_contract import (
    DROPPED,
    EVENT,
    EventSet,
    FirstspikeError,
    Network,
    check_event_arrays,
    check_events,
    check_labels,
    check_network,
)

GOOD = network_of(
    layer_of(np.ones((4, 3)), theta=3, constant_times=(0, 15), delays=(0, 1, 99)),
    layer_of(np.ones((3, 2)), theta=3),
    input_map=(1, DROPPED, 0),
)


def with_layer(k: int, **changed: Any) -> Network:
    layers = tuple(replace(layer, **(changed if n == k else {})) for n, layer in enumerate(GOOD.layers))
    return replace(GOOD, layers=layers)


def counted(first: int) -> np.ndarray:
    return np.arange(first, first + 16)


def message(check: Any, *arguments: Any) -> str:
    with pytest.raises(FirstspikeError) as error:
        check(*arguments)
    return str(error.value)


def test_good_networks_pass() -> None:
    check_network(GOOD)
    for seed in range(5):
        check_network(random_network(seed))
    check_network(network_of(layer_of(np.ones((2, 1)), theta=1, constant_times=(0, 0)), input_map=(DROPPED,)))


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (replace(GOOD, steps=8), "network: steps must be a power of two in 16..256, not 8"),
        (replace(GOOD, layers=()), "network: needs at least one layer"),
        (replace(GOOD, input_delays=np.zeros(3)), "network: needs one input delay for each of its 2 rows"),
        (replace(GOOD, input_delays=np.array([0, -1])), "network: input delays must be >= 0"),
        (replace(GOOD, input_map=np.array([0, 2])), "network: input map must lead to rows 0..1"),
        (replace(GOOD, input_map=np.array([0, -2])), "network: input map must lead to rows 0..1"),
        (replace(GOOD, input_map=np.array([1, 0, 1])), "network: input map must not lead two addresses to one row"),
        (with_layer(0, weights=np.ones((4, 3))), "layer 0: weights must be a matrix of int8"),
        (with_layer(1, weights=np.ones(3, np.int8)[:, None, None]), "layer 1: weights must be a matrix of int8"),
        (
            with_layer(1, weights=np.ones((3, 0), np.int8)),
            "layer 1: needs at least one neuron and a row per constant input",
        ),
        (
            with_layer(1, constant_times=np.zeros(4, np.int64)),
            "layer 1: needs at least one neuron and a row per constant input",
        ),
        (with_layer(0, a=np.ones(15)), "layer 0: table a must have 16 entries"),
        (with_layer(0, m=np.ones((16, 1))), "layer 0: table m must have 16 entries"),
        (with_layer(1, th=np.ones(17)), "layer 1: table th must have 16 entries"),
        (with_layer(0, a=counted(-1)), "layer 0: table a must be >= 0"),
        (with_layer(0, m=counted(-1)), "layer 0: table m must be >= 0 and not fall"),
        (with_layer(0, m=counted(0)[::-1]), "layer 0: table m must be >= 0 and not fall"),
        (with_layer(0, th=counted(0)), "layer 0: table th must be > 0"),
        (with_layer(0, constant_times=np.array([0, 16])), "layer 0: constant inputs must spike at 0..15"),
        (with_layer(0, constant_times=np.array([-1, 0])), "layer 0: constant inputs must spike at 0..15"),
        (with_layer(0, delays=np.zeros(2)), "layer 0: needs one delay for each of its 3 neurons"),
        (with_layer(0, delays=np.array([0, -1, 0])), "layer 0: delays must be >= 0"),
        (with_layer(1, weights=np.ones((4, 2), np.int8)), "layer 1: has rows for 4 inputs, its source has 3"),
        (with_layer(1, delays=np.array([0, 1])), "layer 1: output delays must be 0"),
    ],
)
def test_a_network_that_no_model_could_run_is_refused(network: Network, text: str) -> None:
    assert message(check_network, network) == text


OFFSETS = "offsets must be a list of integers, one more than there are images; for example [0, 3, 5]"


def falling(first: int, last: int) -> str:
    return f"offsets must rise from 0 to the number of events, 2, without falling; these go from {first} to {last}"


@pytest.mark.parametrize(
    ("offsets", "text"),
    [
        ([0, 0, 2], None),
        ([0, 2], None),
        (np.zeros(0, np.int64), OFFSETS),
        ([[0, 2]], OFFSETS),
        ([0.0, 2.0], OFFSETS),
        ([1, 2], falling(1, 2)),
        ([0, 1], falling(0, 1)),
        ([0, 3], falling(0, 3)),
        ([0, 2, 1, 2], falling(0, 2)),
    ],
)
def test_offsets_at_their_limits(offsets: Any, text: str | None) -> None:
    events = EventSet(events=np.zeros(2, EVENT), offsets=np.asarray(offsets))
    if text is None:
        check_event_arrays(events)
    else:
        assert message(check_event_arrays, events) == text


def test_a_set_without_images_is_a_set() -> None:
    check_events(set_of([]), GOOD)
    check_events(set_of([np.zeros(0, EVENT)], np.array([1])), GOOD)


@pytest.mark.parametrize("events", [np.zeros(2), np.zeros((1, 2), EVENT)])
def test_events_of_another_type_are_refused(events: Any) -> None:
    found = message(check_event_arrays, EventSet(events=events, offsets=np.array([0, 2])))
    assert found == f"events must be one array of (t: uint16, x: uint16), not {events.dtype}"


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([0, 1], None),
        ([0, 2], "image 1: label 2 is out of range; this network has classes 0..1"),
        ([-1, 2], "image 0: label -1 is out of range; this network has classes 0..1"),
    ],
)
def test_labels_are_classes(labels: list[int], text: str | None) -> None:
    events = set_of([np.zeros(0, EVENT)] * 2, np.array(labels))
    if text is None:
        check_labels(events, GOOD)
    else:
        assert message(check_labels, events, GOOD) == text


def test_the_first_offender_is_named_by_image_and_event() -> None:
    images = [np.zeros(0, EVENT), np.array([(0, 0), (15, 2), (16, 1), (16, 0)], EVENT)]
    assert message(check_events, set_of(images), GOOD) == (
        "image 1, event 2: time code 16 is out of range; this network takes 0..15"
    )
