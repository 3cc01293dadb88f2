"""Options of the reader must agree with the metadata of a file, and the metadata with the graph."""

import json
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from networks import float_network

from firstspike_compiler.formats.nir.metadata import metadata_of
from firstspike_compiler.formats.nir.reader import DEFAULT_STEPS, read_nir
from firstspike_compiler.formats.nir.writer import network_graph
from firstspike_compiler.ir import Encoding
from firstspike_contract.common.errors import FirstspikeError, UsageError

NETWORK = float_network(sizes=(3, 4, 2), steps=16, encoding="two-time")


def written(path: Path, metadata: dict[str, Any] | None = None, **changed: Any) -> Path:
    """Writes NETWORK with changed entries of its metadata, or without metadata if that is None; returns the path."""
    graph = network_graph(NETWORK)
    content = {**json.loads(metadata_of(NETWORK)), **(metadata or {}), **changed}
    graph.metadata = {} if metadata is None else {"firstspike": json.dumps(content)}
    nir.write(path / "net.nir", graph)
    return path / "net.nir"


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(FirstspikeError) as error:
        read_nir(path, **options)
    return str(error.value)


def test_options_replace_missing_metadata(tmp_path: Path) -> None:
    path = written(tmp_path)
    encoding = Encoding(name="latency", t_late=0.5)
    found = read_nir(path, kernel="linear", t_max=3, encoding=encoding, steps=32)
    assert (found.t_max, found.steps, found.encoding, found.record, found.mask) == (3.0, 32, encoding, {}, None)
    assert read_nir(path, kernel="linear", t_max=3, encoding="events").steps == DEFAULT_STEPS


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, "--kernel, --t-max, --encoding"),
        ({"kernel": "linear", "t_max": 1.0}, "--encoding"),
        ({"encoding": "binary", "steps": 16}, "--kernel, --t-max"),
    ],
)
def test_options_that_are_missing_are_named(options: dict[str, Any], flags: str, tmp_path: Path) -> None:
    path = written(tmp_path)
    assert f"; if so, add {flags}, e.g. --kernel linear " in refusal(path, **options).replace("network; if", "; if")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kernel": "linear", "t_max": 2.0, "steps": 16},
        {"encoding": "two-time"},  # an encoding without t_late leaves t_late to the file
        {"encoding": Encoding(name="two-time", t_late=1.0)},
    ],
)
def test_options_may_repeat_the_metadata(options: dict[str, Any], tmp_path: Path) -> None:
    assert read_nir(written(tmp_path, {}), **options).encoding == NETWORK.encoding


@pytest.mark.parametrize(
    ("options", "said", "given"),
    [
        ({"t_max": 1.0}, "t_max 2.0", "1.0"),
        ({"steps": 32}, "steps 16", "32"),
        ({"encoding": "binary"}, "encoding two-time", "binary"),
        ({"encoding": Encoding(name="two-time", t_late=0.5)}, "t_late 1.0", "0.5"),
    ],
)
def test_options_must_not_contradict_the_metadata(
    options: dict[str, Any], said: str, given: str, tmp_path: Path
) -> None:
    path = written(tmp_path, {})
    assert refusal(path, **options) == (
        f"{path} says {said}, the command line says {given}; leave the option out, the file knows how it was trained"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"t_max": 0.0}, "t_max must be a positive number in the time unit of the graph, not 0.0, e.g. 1.4"),
        (
            {"t_max": float("inf")},
            "t_max must be a positive number in the time unit of the graph, not inf, e.g. 1.4",
        ),
        (
            {"encoding": Encoding(name="binary", t_late=1.0)},
            "t_late is the latest spike of two-time and latency; leave it out for binary",
        ),
        ({"steps": 0}, "steps must be one of 16, 32, 64, 128, 256, not 0"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read_nir(written(tmp_path, {}), **options)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (
            {"mask": "01"},
            "the mask has one character per input: input has 2 characters, need 3; write one 0 or 1 per input address, "
            "or null",
        ),
        (
            {"layers": [{"node": "hidden_weights"}]},
            "metadata.layers names neuron nodes of the graph: hidden_weights has no such node, need the name of an IF "
            "or CubaLIF node; rename the entry, or leave it out for a float layer",
        ),
        (
            {"layers": [{"node": "hidden", "fraction_bits": 3}, {"node": "readout", "fraction_bits": 4}]},
            "metadata.layers: fraction_bits must be the same for all layers, not {3, 4}",
        ),
    ],
)
def test_metadata_that_do_not_fit_the_graph_are_refused(metadata: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert refusal(written(tmp_path, metadata)) == message


@pytest.mark.parametrize(("time", "good"), [(0.0, True), (1.99, True), (2.0, False)])
def test_constant_inputs_spike_inside_the_window(time: float, good: bool, tmp_path: Path) -> None:
    graph = network_graph(NETWORK)
    graph.nodes |= {"ones": nir.Input(input_type=np.array([1])), "w": nir.Linear(weight=np.full((4, 1), 0.5))}
    graph.edges += [("ones", "w"), ("w", "hidden_synapse")]
    content = json.loads(metadata_of(NETWORK)) | {"constant_inputs": [{"node": "ones", "times": [time]}]}
    graph.metadata = {"firstspike": json.dumps(content)}
    nir.write(tmp_path / "net.nir", graph)
    if not good:
        assert refusal(tmp_path / "net.nir") == ("metadata.constant_inputs: times of ones must be in 0..2.0, not [2.0]")
        return
    layer = read_nir(tmp_path / "net.nir").layers[0]
    assert layer.constant_times.tolist() == [time]
    assert layer.weights[-1].tolist() == [0.5] * 4


def test_scale_mask_and_record_come_from_the_metadata(tmp_path: Path) -> None:
    metadata = {
        "mask": "101",
        "training": {"seed": 3},
        "layers": [{"node": "readout", "scale": 0.5, "fraction_bits": 4}],
    }
    found = read_nir(written(tmp_path, metadata))
    assert found.mask is not None
    assert (found.mask.tolist(), found.record, found.fraction_bits) == ([True, False, True], {"seed": 3}, 4)
    assert [layer.scale for layer in found.layers] == [None, 0.5]
