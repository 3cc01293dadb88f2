"""A manifest.yaml edited by hand is read as plain values of the right types, or refused with one line."""

from pathlib import Path

import pytest
import yaml
from networks import random_network

from firstspike_compiler.deployment.manifest_file import check_against, parse_manifest
from firstspike_contract.common.errors import FirstspikeError

PATH = Path("dep/manifest.yaml")
HEAD = "format: firstspike-deployment\nversion: 1\nfiles: {}\n"


def message_of(call, *args):
    with pytest.raises(FirstspikeError) as error:
        call(*args)
    assert error.value.exit_code == 1
    return str(error.value)


def test_plain_values_are_read():
    assert parse_manifest(HEAD + "source: null\ninputs: {masked: 3}\nreport: [1, 0.5, a, true]\n", PATH)["report"] == [
        1,
        0.5,
        "a",
        True,
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a: &a [x]\nb: [*a, *a]", "not readable as YAML"),
        ("a: &a [*a]", "not readable as YAML"),
        ("a: !!bool perhaps", "not readable as YAML"),
        ("a: !!timestamp never", "not readable as YAML"),
        ("a: 2026-99-99", "not readable as YAML"),
        ("a: " + "9" * 5000, "not readable as YAML"),
        ("a: " + "[" * 900 + "]" * 900, "not readable as YAML"),
        ("a: " + "[" * 70 + "]" * 70, "a[0][0][0][0][0][0][0][0][0][0][0][0][0] is nested deeper than 64 levels"),
        ("a: .nan", "a is nan, which is no number; for example 0.5"),
        ("a: [1, {b: -.inf}]", "a[1].b is -inf, which is no number; for example 0.5"),
        ("a: 99999999999999999999", "a is a number of more than 64 bits; for example 16"),
        ("a: 2026-01-31", "a is a date; write it as text, for example '2026-01-31'"),
        ("5: a", "it has the key 5, which is no text"),
        ("? [1, 2]\n: a", "not readable as YAML"),
        ("files: 5", "files is 5, not as in files: image.bin: {sha256: ..}"),
        ("source: [1]", "source is [1], not as in source: file: network.nir"),
        ("source: {file: 3}", "source.file is 3, not as in source.file: network.nir"),
        ("kernel: cubic", "kernel is cubic, not as in kernel: linear"),
        ("encoding: x", "encoding is x, not as in encoding: name: binary"),
        ("encoding: {name: bynary}", "encoding.name is bynary, not as in encoding.name: binary"),
        ("encoding: {late: -1}", "encoding.late is -1, not as in encoding.late: 15"),
        ("encoding: {late: 1.5}", "encoding.late is 1.5, not as in encoding.late: 15"),
        ("inputs: 5", "inputs is 5, not as in inputs: addresses: 784"),
        ("inputs: {masked: many}", "inputs.masked is many, not as in inputs.masked: 392"),
    ],
)
def test_refused(line, message):
    assert message_of(parse_manifest, HEAD + line + "\n", PATH) == f"dep/manifest.yaml: {message}; compile again"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("kernel", "step", "kernel is step, image.bin holds a network of kernel linear"),
        ("steps", 32, "steps is 32, image.bin holds a network of steps 16"),
        ("sizes", "x" * 99, f"sizes is {'x' * 40}, image.bin holds a network of sizes [5, 4, 3]"),
    ],
)
def test_another_network_than_in_the_image(name, value, message):
    network = random_network(1, sizes=(5, 4, 3), normal_form=True)
    manifest = {"kernel": "linear", "steps": 16, "sizes": [5, 4, 3]}
    check_against(manifest, network, PATH)
    assert message_of(check_against, manifest | {name: value}, network, PATH) == (
        f"dep/manifest.yaml: {message}; compile again"
    )


def test_a_list_that_occurs_twice_is_written_twice(tmp_path):
    from firstspike_compiler.deployment.directory import _Dumper

    twice = [1, 2]
    assert yaml.dump({"a": twice, "b": twice}, Dumper=_Dumper) == "a:\n- 1\n- 2\nb:\n- 1\n- 2\n"
