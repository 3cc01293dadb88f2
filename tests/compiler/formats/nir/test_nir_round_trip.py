"""Writing NIR and reading it back gives the same IR; nir itself reads the file, and its bytes are reproducible."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from networks import TAU_STEPS, float_layer, float_network, integer_networks

from firstspike_compiler.formats.nir.metadata import metadata_of, metadata_schema, parse_metadata
from firstspike_compiler.formats.nir.reader import DEFAULT_STEPS, read_nir
from firstspike_compiler.formats.nir.writer import network_graph, write_nir
from firstspike_compiler.integers import network_to_ir
from firstspike_compiler.ir import Encoding, NetworkIR
from firstspike_contract import KERNELS
from firstspike_contract.common.errors import FirstspikeError


def rich_network(kernel: str = "exponential") -> NetworkIR:
    random = np.random.default_rng(5)
    layers = (
        float_layer(
            "hidden",
            random.integers(-127, 128, (7, 5)) / 64,
            threshold=1.5,
            constant_times=np.array([0.1, 0.2]),
            delays=random.random(5),
            scale=1 / 64,
        ),
        float_layer("readout", random.normal(size=(5, 3)), threshold=0.7),
    )
    return NetworkIR(
        kernel=kernel,
        t_max=1.4,
        steps=16,
        tau=1.0 if kernel in ("linear", "step") else 0.3,
        encoding=Encoding(name="two-time", t_late=0.4),
        layers=layers,
        input_delays=random.random(5),
        mask=np.array([1, 1, 0, 1, 1], bool),
        record={"seed": np.int64(3), "accuracy": 0.5},
        fraction_bits=9,
    )


def same(a: NetworkIR, b: NetworkIR) -> None:
    for name in ("kernel", "t_max", "steps", "tau", "encoding", "fraction_bits"):
        assert getattr(a, name) == getattr(b, name), name
    np.testing.assert_array_equal(a.input_delays, b.input_delays)
    for x, y in zip(a.layers, b.layers, strict=True):
        assert (x.name, x.threshold, x.scale) == (y.name, y.threshold, y.scale)
        for array in ("weights", "constant_times", "delays"):
            np.testing.assert_array_equal(getattr(x, array), getattr(y, array), err_msg=array)


@pytest.mark.parametrize("kernel", KERNELS)
def test_everything_comes_back(kernel, tmp_path):
    network = rich_network(kernel)
    write_nir(network, tmp_path / "net.nir")
    again = read_nir(tmp_path / "net.nir")
    same(network, again)
    np.testing.assert_array_equal(again.mask, network.mask)
    assert again.record == {"seed": 3, "accuracy": 0.5}


@settings(derandomize=True, deadline=None, max_examples=25)
@given(network=integer_networks())
def test_integer_networks_come_back(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("nir") / "net.nir"
    ir = network_to_ir(network, tau_steps=TAU_STEPS * network.steps / 16, t_max=1.3)
    write_nir(ir, path)
    same(ir, read_nir(path))


@pytest.mark.parametrize("kernel", KERNELS)
def test_nir_itself_reads_it(kernel, tmp_path):
    write_nir(rich_network(kernel), tmp_path / "net.nir")
    graph = nir.read(tmp_path / "net.nir")
    assert set(graph.inputs) == {"input", "hidden_constants"}
    jsonschema.validate(json.loads(graph.metadata["firstspike"]), metadata_schema())


def test_same_network_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_nir(rich_network(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def plain_file(path, kernel):
    graph = network_graph(float_network(kernel))
    graph.metadata = {}
    nir.write(path, graph)


@pytest.mark.parametrize("kernel", KERNELS)
def test_without_metadata_the_arguments_of_the_reader_are_used(kernel, tmp_path):
    plain_file(tmp_path / "net.nir", kernel)
    again = read_nir(tmp_path / "net.nir", kernel=kernel, t_max=2.0, encoding="binary")
    assert (again.steps, again.encoding, again.layers[0].scale) == (DEFAULT_STEPS, Encoding(name="binary"), None)
    # A file that names no scale may hold float32 weights.
    np.testing.assert_allclose(again.layers[0].weights, float_network(kernel).layers[0].weights)


def test_without_metadata_and_arguments_the_error_names_both(tmp_path):
    plain_file(tmp_path / "net.nir", "linear")
    with pytest.raises(FirstspikeError) as error:
        read_nir(tmp_path / "net.nir", t_max=2.0)
    assert error.value.exit_code == 2
    assert str(error.value) == (
        f'{tmp_path}/net.nir has no metadata["firstspike"], so nothing says that it is a time-to-first-spike network; '
        "if so, add --kernel, --encoding, e.g. --kernel linear --t-max 1.4 --encoding binary (a rate-coded network is "
        "not supported because only the first spike of a neuron is computed)"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"kernel": "liner"},
            "unknown kernel 'liner', did you mean linear? known: linear, exponential, lif-2to1, alpha, step",
        ),
        ({"encoding": "xyz"}, "unknown encoding 'xyz'; known: binary, two-time, latency, events"),
        ({"steps": 17}, "steps must be one of 16, 32, 64, 128, 256, not 17"),
        ({"t_max": -1.0}, "t_max must be a positive number in the time unit of the graph, not -1.0, e.g. 1.4"),
        (
            {"kernel": "linear"},
            "{path} says kernel exponential, the command line says linear; leave the option out, the file knows how it "
            "was trained",
        ),
    ],
)
def test_arguments_that_do_not_fit(options, message, tmp_path):
    write_nir(rich_network(), tmp_path / "net.nir")
    with pytest.raises(FirstspikeError) as error:
        read_nir(tmp_path / "net.nir", **options)
    assert str(error.value) == message.format(path=tmp_path / "net.nir")
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{",
            'metadata["firstspike"] must be JSON: Expecting property name enclosed in double quotes: line 1 column 2',
        ),
        ('{"version": NaN}', 'metadata["firstspike"] must be JSON: NaN is not a finite number, e.g. 1.4'),
        ("[]", "metadata does not follow the schema (docs/nir.md): [] is not of type 'object'"),
    ],
)
def test_metadata_against_the_schema(text, message):
    with pytest.raises(FirstspikeError) as error:
        parse_metadata(text)
    assert str(error.value).startswith(message)


def test_metadata_names_the_offending_entry():
    content = json.loads(metadata_of(rich_network()))
    content["steps"] = 17
    with pytest.raises(FirstspikeError) as error:
        parse_metadata(json.dumps(content))
    assert str(error.value) == (
        "metadata.steps does not follow the schema (docs/nir.md): 17 is not one of [16, 32, 64, 128, 256]"
    )


@pytest.mark.parametrize("name", ["", "a/b", ".hidden", "input"])
def test_layer_names_that_a_file_cannot_hold(name):
    network = rich_network()
    bad = replace(network.layers[0], name=name)
    with pytest.raises(FirstspikeError, match="layer"):
        network_graph(NetworkIR(**{**network.__dict__, "layers": (bad, network.layers[1])}))


def test_disk_full(tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(FirstspikeError) as error:
        write_nir(rich_network(), tmp_path / "net.nir")
    assert str(error.value) == f"cannot write {tmp_path}/net.nir: No space left on device"
    assert not list(tmp_path.iterdir())


def test_the_example_of_the_documentation_follows_the_schema():
    page = (Path(__file__).parents[4] / "docs" / "nir.md").read_text()
    example = page.split("```json\n")[1].split("```")[0]
    assert parse_metadata(example)["layers"][0]["node"] == "hidden"
