"""A network is written as the right nodes and edges, with weights as narrow as possible; clashing names are refused."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from networks import float_layer, float_network

from firstspike_compiler.formats.nir.writer import network_graph, write_nir
from firstspike_compiler.ir import NetworkIR
from firstspike_contract import Kernel
from firstspike_contract.common.errors import FirstspikeError


def network(kernel: Kernel = "linear", *names: str, **first: Any) -> NetworkIR:
    """Returns a network of three inputs and a layer of two neurons for each name; `first` changes the first layer."""
    sizes = (3, *(2 for _ in names))
    layers = [
        float_layer(name, np.ones((inputs, 2)), **(first if n == 0 else {}))
        for n, (name, inputs) in enumerate(zip(names, sizes, strict=False))
    ]
    return replace(float_network(kernel, sizes=(3, 2)), layers=tuple(layers), input_delays=np.zeros(3))


@pytest.mark.parametrize(
    ("kernel", "between"),
    [
        ("linear", [("a_synapse", "I"), ("a", "IF")]),
        ("exponential", [("a_synapse", "LI"), ("a", "IF")]),
        ("lif-2to1", [("a", "CubaLIF")]),
        ("alpha", [("a", "CubaLIF")]),
        ("step", [("a", "IF")]),
    ],
)
def test_the_nodes_of_a_layer(kernel: Kernel, between: list[tuple[str, str]]) -> None:
    graph = network_graph(network(kernel, "a"))
    kinds = {name: type(node).__name__ for name, node in graph.nodes.items()}
    assert kinds == {"input": "Input", "a_weights": "Linear", **dict(between), "output": "Output"}
    path = ["input", "a_weights", *(name for name, _ in between), "output"]
    assert set(graph.edges) == set(pairwise(path))


def test_delays_and_constant_inputs_have_nodes_only_where_there_are_any() -> None:
    plain = network("step", "a")
    first = replace(
        plain.layers[0], weights=np.ones((5, 2)), constant_times=np.array([0.0, 1.0]), delays=np.array([0, 0.5])
    )
    graph = network_graph(replace(plain, layers=(first,), input_delays=np.array([0, 0, 0.25])))
    assert set(graph.edges) == {
        ("input", "input_delay"),
        ("input_delay", "a_weights"),
        ("a_weights", "a"),
        ("a_constants", "a_constant_weights"),
        ("a_constant_weights", "a"),
        ("a", "a_delay"),
        ("a_delay", "output"),
    }
    assert graph.nodes["a_weights"].weight.shape == (2, 3)
    assert graph.nodes["a_constant_weights"].weight.shape == (2, 2)
    assert graph.nodes["a_delay"].delay.tolist() == [0, 0.5]


@pytest.mark.parametrize(("weight", "dtype"), [(127 / 64, np.float32), (0.0, np.float32), (0.1, np.float64)])
def test_weights_are_stored_as_float32_if_that_is_exact(weight: float, dtype: type) -> None:
    plain = network("step", "a")
    graph = network_graph(replace(plain, layers=(replace(plain.layers[0], weights=np.full((3, 2), weight)),)))
    found = graph.nodes["a_weights"].weight
    assert (found.dtype, found[0, 0]) == (dtype, weight)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("",), "a layer's name must be a plain word, not '', e.g. 'hidden'"),
        (("a/b",), "a layer's name must be a plain word, not 'a/b', e.g. 'hidden'"),
        ((".a",), "a layer's name must be a plain word, not '.a', e.g. 'hidden'"),
        (("a\0b",), "a layer's name must be a plain word, not 'a\\x00b', e.g. 'hidden'"),
        (("output",), "layer names must differ from each other and from input, output: 'output'"),
        (("a", "a"), "layer names must differ from each other and from input, output: 'a'"),
        (("a", "a_synapse"), "layer names must differ from each other and from input, output: 'a_synapse'"),
        (("a_delay", "a"), "layer names must differ from each other and from input, output: 'a_delay'"),
    ],
)
def test_names_that_no_file_can_hold_are_refused(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(FirstspikeError) as error:
        network_graph(network("linear", *names))
    assert str(error.value) == message


def test_an_existing_file_is_replaced_and_nothing_else_is_left(tmp_path: Any) -> None:
    path = tmp_path / "net.nir"
    path.write_bytes(b"old")
    write_nir(network("step", "a"), path)
    assert path.read_bytes()[:4] == b"\x89HDF"
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.nir"]
    with pytest.raises(FirstspikeError) as error:
        write_nir(network("step", "a"), tmp_path / "none" / "net.nir")
    assert str(error.value) == f"cannot write {tmp_path}/none/net.nir: No such file or directory"
