"""Encoders are compared with their definitions and tested at the boundaries of their values."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from firstspike.datasets import ENCODINGS, encode
from firstspike_contract import EVENT
from firstspike_contract.common.errors import FirstspikeError, UsageError

BYTES = np.array([[0, 127, 128, 255], [0, 0, 0, 0]], np.uint8)


def by_definition(value: int, encoding: str, late: int) -> int | None:
    """Returns the time code of a byte, computed exactly from the definition in the docstring of `encode`."""
    if encoding == "latency":
        return floor(late * (1 - Fraction(value, 255)) + Fraction(1, 2)) if value else None
    return 0 if value > 127 else {"binary": None, "two-time": late}[encoding]


def test_binary_encodes_bright_values_at_step_0_and_dark_ones_never() -> None:
    events = encode(BYTES, "binary", steps=16)
    assert events.events.dtype == EVENT
    assert events.events.tolist() == [(0, 2), (0, 3)]
    assert events.offsets.tolist() == [0, 2, 2]
    assert events.offsets.dtype == np.int64
    assert events.labels is None


def test_two_time_encodes_dark_values_late() -> None:
    events = encode(BYTES, "two-time", steps=16, late=9, labels=np.array([4, 5]))
    assert events.image(0).tolist() == [(0, 2), (0, 3), (9, 0), (9, 1)]
    assert events.image(1).tolist() == [(9, 0), (9, 1), (9, 2), (9, 3)]
    assert events.labels.tolist() == [4, 5]


def test_latency_is_ordered_by_time_then_address() -> None:
    events = encode(np.array([[0.0, 0.1, 1.0, 0.5, 0.1]]), "latency", steps=16, late=10)
    assert events.events.tolist() == [(0, 2), (5, 3), (9, 1), (9, 4)]


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(derandomize=True, max_examples=50, deadline=None)
@given(data=st.data())
def test_every_code_equals_that_of_the_definition(encoding: str, data: st.DataObject) -> None:
    values = data.draw(arrays(np.uint8, st.tuples(st.integers(0, 4), st.integers(1, 9))))
    late = data.draw(st.integers(0, 63))
    events = encode(values, encoding, steps=64, late=late)
    for n, row in enumerate(values):
        codes = {x: by_definition(int(v), encoding, late) for x, v in enumerate(row)}
        expected = sorted((t, x) for x, t in codes.items() if t is not None)
        assert events.image(n).tolist() == expected


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bytes_and_their_fractions_give_the_same_spikes(encoding: str) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(1, 256)
    for late in (0, 1, 15, 254):  # with 255 the code of every odd byte would be exactly between two steps
        as_bytes = encode(values, encoding, steps=256, late=late)
        as_floats = encode(values / 255, encoding, steps=256, late=late)
        assert np.array_equal(as_bytes.events, as_floats.events)


def test_large_sets_are_converted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).integers(0, 256, (50, 7), dtype=np.uint8)
    whole = encode(values, "latency", steps=32, late=31)
    monkeypatch.setattr("firstspike.datasets.encoders._CHUNK", 20)
    parts = encode(values, "latency", steps=32, late=31)
    assert np.array_equal(whole.events, parts.events)
    assert np.array_equal(whole.offsets, parts.offsets)


def test_no_images_are_no_events() -> None:
    events = encode(np.empty((0, 4), np.uint8), "binary", steps=16)
    assert (len(events), events.offsets.tolist(), len(events.events)) == (0, [0], 0)


RULE = "values must be grey levels, bytes 0..255 or floats 0..1, as an array [images, inputs]: "


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            (BYTES, "two-times", 16, 3),
            UsageError,
            "unknown encoding 'two-times', did you mean two-time? known: binary, two-time, latency",
        ),
        (
            (BYTES, "latency", 16, None),
            UsageError,
            "the encoding 'latency' needs the code of its latest spike: none given; for example 15",
        ),
        (
            (BYTES, "latency", 16, 16),
            UsageError,
            "the latest spike must have a code in 0..15: have 16; for example 15",
        ),
        (
            (BYTES, "two-time", 32, -1),
            UsageError,
            "the latest spike must have a code in 0..31: have -1; for example 31",
        ),
        (
            (BYTES.astype(np.int32), "binary", 16, None),
            FirstspikeError,
            RULE + "have the type int32; for example uint8 [10000, 784]",
        ),
        (
            (BYTES[0], "binary", 16, None),
            FirstspikeError,
            RULE + "have the shape [4]; for example uint8 [10000, 784]",
        ),
        (
            (np.zeros((1, 65537), np.uint8), "binary", 16, None),
            FirstspikeError,
            "an image has at most 65536 inputs: have 65537; for example 784",
        ),
        (
            (np.array([[0.5, 0.5], [0.5, np.nan]]), "binary", 16, None),
            FirstspikeError,
            RULE + "image 1, input 1 has nan; for example 0.5",
        ),
        (
            (np.array([[1.5, 0.5]]), "binary", 16, None),
            FirstspikeError,
            RULE + "image 0, input 0 has 1.5; for example 0.5",
        ),
        (
            (np.array([[-0.25]]), "binary", 16, None),
            FirstspikeError,
            RULE + "image 0, input 0 has -0.25; for example 0.5",
        ),
    ],
)
def test_what_cannot_be_encoded_is_refused(arguments, kind: type, message: str) -> None:
    values, encoding, steps, late = arguments
    with pytest.raises(FirstspikeError) as caught:
        encode(values, encoding, steps=steps, late=late)
    assert type(caught.value) is kind
    assert str(caught.value) == message


def test_a_wrong_number_of_labels_is_refused() -> None:
    with pytest.raises(FirstspikeError) as caught:
        encode(BYTES, "binary", steps=16, labels=np.array([1]))
    assert str(caught.value) == "there must be one label for each image: have 2 images and 1 labels"
