"""Layers are read by walking along a chain of nodes; broken chains are refused at the node that breaks them."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from firstspike_compiler.formats.nir.chain import Chain, chain_of
from firstspike_compiler.formats.nir.graph import Graph
from firstspike_contract.common.errors import RuleViolations

Nodes = dict[str, dict[str, Any]]


def node(kind: str, **parameters: Any) -> dict[str, Any]:
    return {"type": kind} | {name: np.asarray(value) for name, value in parameters.items()}


def linear(outputs: int, inputs: int) -> dict[str, Any]:
    return node("Linear", weight=np.arange(outputs * inputs).reshape(outputs, inputs))


def chain_nodes() -> Nodes:
    """Returns the nodes of one layer with three inputs and two neurons."""
    return {"in": node("Input", shape=[3]), "w": linear(2, 3), "n": node("IF"), "out": node("Output")}


def along(*names: str) -> list[tuple[str, str]]:
    return list(pairwise(names))


def read(nodes: Nodes, edges: list[tuple[str, str]], *constants: str) -> Chain:
    return chain_of(Graph(nodes=nodes, edges=edges, metadata={}), constant_nodes=frozenset(constants))


def refusal(nodes: Nodes, edges: list[tuple[str, str]], *constants: str) -> str:
    with pytest.raises(RuleViolations) as error:
        read(nodes, edges, *constants)
    return str(error.value)


def test_one_layer() -> None:
    chain = read(chain_nodes(), along("in", "w", "n", "out"))
    (layer,) = chain.layers
    assert (chain.addresses, layer.name, layer.outputs, layer.synapse, layer.constants) == (3, "n", 2, None, [])
    np.testing.assert_array_equal(layer.weights, [[0, 1, 2], [3, 4, 5]])
    assert layer.weights.dtype == np.float64
    assert not chain.input_delays.any()
    assert not layer.delays.any()
    assert chain.violations == []


def test_a_chain_with_all_kinds_of_nodes() -> None:
    nodes = {
        "in": node("Input", shape=[1, 3]),
        "d0": node("Delay", delay=[[1, 2, 3]]),
        "flat": node("Flatten"),
        "w1": linear(2, 3),
        "syn": node("LI"),
        "n1": node("IF"),
        "d1": node("Delay", delay=0.5),
        "w2": node("Affine", weight=np.ones((4, 2)), bias=np.zeros(4)),
        "n2": node("CubaLIF"),
        "ones": node("Input", shape=2),
        "w3": linear(2, 2),
        "out": node("Output"),
    }
    edges = [*along("in", "d0", "flat", "w1", "syn", "n1", "d1", "w2", "n2", "out"), *along("ones", "w3", "syn")]
    chain = read(nodes, edges, "ones")
    first, second = chain.layers
    assert chain.input_delays.tolist() == [1, 2, 3]
    assert (first.name, second.name) == ("n1", "n2")
    assert first.synapse == ("syn", nodes["syn"])
    assert first.delays.tolist() == [0.5, 0.5]
    ((name, weights),) = first.constants
    assert (name, weights.tolist()) == ("ones", [[0, 1], [2, 3]])
    assert (second.weights.shape, second.neuron) == ((4, 2), nodes["n2"])


@pytest.mark.parametrize(("shape", "addresses"), [(1, 1), ([65536], 65536), ([256, 256], 65536), ([2, 1, 3], 6)])
def test_the_shape_of_the_input_counts_addresses(shape: Any, addresses: int) -> None:
    nodes = chain_nodes() | {"in": node("Input", shape=shape), "w": node("Linear", weight=np.zeros((2, addresses)))}
    assert read(nodes, along("in", "w", "n", "out")).addresses == addresses


@pytest.mark.parametrize(
    ("shape", "shown"), [(0, "[0]"), (65537, "[65537]"), ([256, 257], "[256 257]"), ([1.5], "[1.5]")]
)
def test_an_input_that_cannot_be_numbered_is_refused(shape: Any, shown: str) -> None:
    assert refusal(chain_nodes() | {"in": node("Input", shape=shape)}, along("in", "w", "n", "out")) == (
        f"inputs are numbered 0..65535: in has shape {shown}, need 1 to 65536 inputs; e.g. [784]"
    )


CHAIN = along("in", "w", "n", "out")
BROKEN: dict[str, tuple[Nodes, list[tuple[str, str]], str]] = {
    "no output": (
        {"out": node("IF")},
        CHAIN,
        "a graph has one Output: graph has 0 Output nodes, need one; keep one Output",
    ),
    "two outputs": (
        {"end": node("Output")},
        CHAIN,
        "a graph has one Output: out has 2 Output nodes (out, end), need one; keep one Output",
    ),
    "no layer": (
        {},
        [("in", "out")],
        "a network has a layer: in has none, need Linear and neurons; add a layer",
    ),
    "a dead end": (
        {},
        along("in", "w", "n"),
        "layers are a chain: n has no edge out of it, need one edge; not supported because each layer feeds the next "
        "only",
    ),
    "two ways in": (
        {"w2": linear(2, 2), "n2": node("IF"), "x": node("IF")},
        [*along("in", "w", "n", "w2", "n2", "out"), ("x", "w2")],
        "layers are a chain: w2 has 2 edges into it: n, x, need one edge; not supported because layers do not merge",
    ),
    "beside the path": (
        {"lost": node("IF")},
        CHAIN,
        "every node is on the path from input to output: lost has no way to it, need one path; remove it",
    ),
    "no weights": (
        {},
        along("in", "n", "out"),
        "a layer begins with weights: n has IF, need Linear; put a Linear before the neurons",
    ),
    "no neurons": (
        {},
        along("in", "w", "out"),
        "a layer is weights and neurons: out has Output, need IF or CubaLIF; see docs/nir.md",
    ),
    "no numbers": (
        {"w": node("Linear")},
        CHAIN,
        "a node has a weight: w has none, need numbers; write the file with nir.write",
    ),
    "too few inputs": (
        {"w": linear(2, 2)},
        CHAIN,
        "shapes fit together: w has shape (2, 2), need (neurons, 3), as 3 spikes arrive; correct the shape",
    ),
    "no neurons in the weights": (
        {"w": node("Linear", weight=np.zeros((0, 3)))},
        CHAIN,
        "shapes fit together: w has shape (0, 3), need (neurons, 3), as 3 spikes arrive; correct the shape",
    ),
    "a delay too many": (
        {"d": node("Delay", delay=[1, 2, 3])},
        along("in", "w", "n", "d", "out"),
        "shapes fit together: d has shape (3,), need (2,); correct the shape",
    ),
    "a skip connection": (
        {"skip": linear(2, 3), "w2": linear(2, 2), "n2": node("IF"), "n": node("IF")},
        [*along("in", "w", "n", "w2", "n2", "out"), ("skip", "n2")],
        "a layer has one source of spikes and constant inputs: skip has a second path into the layer (Linear), need "
        'Linear behind an Input named in metadata["firstspike"].constant_inputs; not supported because layers are a '
        "chain; remove the skip connection or name the constant input",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_chain_is_refused(case: str) -> None:
    changed, edges, message = BROKEN[case]
    assert refusal(chain_nodes() | changed, edges) == message


def test_constant_inputs_have_a_node_and_a_weight_for_each_neuron() -> None:
    assert refusal(chain_nodes(), CHAIN, "w") == (
        "constant inputs are Input nodes: w has no such Input node, need an Input node; add the node"
    )
    nodes = chain_nodes() | {"ones": node("Input", shape=1), "cw": linear(3, 1)}
    assert refusal(nodes, [*CHAIN, *along("ones", "cw", "n")], "ones") == (
        "shapes fit together: cw has shape (3, 1), need 2 rows, one per neuron; correct the shape"
    )


def test_violations_of_single_nodes_are_collected() -> None:
    """The walk continues after such a violation, so that one run reports all of them."""
    weights = np.zeros((2, 3))
    weights[1, 2] = np.nan
    nodes = chain_nodes() | {
        "w": node("Affine", weight=weights, bias=[0, 1]),
        "d": node("Delay", delay=[1, -2]),
    }
    chain = read(nodes, along("in", "w", "n", "d", "out"))
    assert [str(violation).partition(", need")[0] for violation in chain.violations] == [
        "weights have no bias: w has Affine with a bias that is not zero",
        "every weight is a finite number: w has nan",
        "delays are not negative: d has -2",
    ]
