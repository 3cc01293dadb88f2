"""metadata["firstspike"]: the content that is written, the limits of depth and length, and whole error messages."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import float_network

from firstspike_compiler.formats.nir.metadata import (
    MAX_DEPTH,
    METADATA_VERSION,
    constants_node,
    metadata_of,
    metadata_schema,
    parse_metadata,
)
from firstspike_contract.common.errors import FirstspikeError

NETWORK = float_network(encoding="two-time")


def with_training(value: str) -> str:
    """Returns the metadata of a network with `value`, as JSON, in its training record."""
    return metadata_of(NETWORK).replace('"training": {}', f'"training": {{"note": {value}}}')


def refusal(text: str) -> str:
    with pytest.raises(FirstspikeError) as error:
        parse_metadata(text)
    return str(error.value)


def test_the_metadata_of_a_network() -> None:
    first = replace(
        NETWORK.layers[0],
        weights=np.ones((22, 30)),
        constant_times=np.array([0.0, 0.5]),
        scale=0.25,
    )
    network = replace(
        NETWORK,
        layers=(first, NETWORK.layers[1]),
        mask=np.array([True, False] * 10),
        fraction_bits=7,
        record={"epochs": np.int64(3), "losses": np.array([0.5, 0.25])},
    )
    content = json.loads(metadata_of(network))
    assert content == {
        "version": METADATA_VERSION,
        "kernel": "linear",
        "t_max": 2.0,
        "steps": 64,
        "rounding": "nearest-half-up",
        "encoding": {"name": "two-time", "t_late": 1.0},
        "mask": "10" * 10,
        "constant_inputs": [{"node": "hidden_constants", "times": [0.0, 0.5]}],
        "layers": [
            {"node": "hidden", "scale": 0.25, "bits": 8, "fraction_bits": 7},
            {"node": "readout", "scale": None, "bits": 8, "fraction_bits": 7},
        ],
        "training": {"epochs": 3, "losses": [0.5, 0.25]},
    }
    assert constants_node(first) == "hidden_constants"
    assert parse_metadata(metadata_of(network)) == content


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"loss": float("nan")}, "Out of range float values are not JSON compliant"),
        ({"by": {1, 2}}, "set has no JSON form"),
    ],
)
def test_a_training_record_that_is_no_json_is_refused(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(FirstspikeError) as error:
        metadata_of(replace(NETWORK, record=record))
    assert str(error.value).startswith(f"the metadata must be plain JSON: {reason}")
    assert str(error.value).endswith("; numbers must be finite, e.g. 0.98")


@pytest.mark.parametrize(("lists", "good"), [(MAX_DEPTH - 2, True), (MAX_DEPTH - 1, False)])
def test_metadata_may_be_nested_up_to_a_limit(lists: int, good: bool) -> None:
    """The lists and their number lie two levels deep, inside the metadata and the training record."""
    text = with_training("[" * lists + "0" + "]" * lists)
    if good:
        parse_metadata(text)
    else:
        assert refusal(text) == 'metadata["firstspike"] must be JSON: nested deeper than 32 levels'


@pytest.mark.parametrize(("digits", "good"), [(1, True), (18, True), (19, False)])
def test_integers_may_have_18_digits(digits: int, good: bool) -> None:
    text = with_training("9" * digits)
    if good:
        assert parse_metadata(text)["training"] == {"note": 10**digits - 1}
    else:
        assert refusal(text) == (
            f'metadata["firstspike"] must be JSON: {"9" * digits} has more than 18 digits, e.g. 16'
        )


@pytest.mark.parametrize("missing", ["version", "kernel", "t_max", "steps", "rounding", "encoding"])
def test_an_entry_that_is_missing_is_named(missing: str) -> None:
    content = json.loads(metadata_of(NETWORK))
    del content[missing]
    assert refusal(json.dumps(content)) == (
        f"metadata does not follow the schema (docs/nir.md): '{missing}' is a required property"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "metadata.version does not follow the schema (docs/nir.md): 1 was expected"),
        ({"mask": "012"}, "metadata.mask does not follow the schema (docs/nir.md): '012' does not match '^[01]*$'"),
        (
            {"encoding": {"name": "rate"}},
            "metadata.encoding.name does not follow the schema (docs/nir.md): 'rate' is not one of ['binary', "
            "'two-time', 'latency', 'events']",
        ),
    ],
)
def test_an_entry_that_is_wrong_is_named(change: dict[str, Any], message: str) -> None:
    assert refusal(json.dumps(json.loads(metadata_of(NETWORK)) | change)) == message


def test_a_long_reason_is_cut() -> None:
    said = refusal(json.dumps(json.loads(metadata_of(NETWORK)) | {"mask": "2" * 300}))
    assert said.endswith("222...")
    assert len(said) == len("metadata.mask does not follow the schema (docs/nir.md): ") + 200


def test_the_schema_is_read_once() -> None:
    assert metadata_schema() is metadata_schema()
