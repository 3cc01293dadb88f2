"""Graphs are read from the content of a file; other content, unknown nodes and cycles of any size are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstspike_compiler.formats.nir.graph import Graph
from firstspike_contract.common.errors import FirstspikeError

PATH = Path("net.nir")


def tree(**root: Any) -> dict[str, Any]:
    return {"node": {"type": "NIRGraph", "nodes": {"a": {"type": "Input"}, "b": {"type": "Output"}}} | root}


def graph(*edges: tuple[str, str], **kinds: str) -> Graph:
    """Returns a graph with these edges; a node has the type IF unless `kinds` gives it another one."""
    names = dict.fromkeys([*kinds, *(name for edge in edges for name in edge)])
    return Graph(nodes={name: {"type": kinds.get(name, "IF")} for name in names}, edges=list(edges), metadata={})


def test_a_graph_is_read_from_the_content_of_a_file() -> None:
    found = Graph.from_tree(tree(edges=np.array([["a", "b"]]), metadata={"x": 1}), PATH)
    assert (found.edges, found.metadata) == ([("a", "b")], {"x": 1})
    assert (found.kind("a"), found.of_kind("Output"), found.of_kind("IF")) == ("Input", ["b"], [])
    assert (found.after("a"), found.before("b"), found.before("a")) == (["b"], ["a"], [])


@pytest.mark.parametrize("edges", [(), np.zeros((0, 2), "U1")])
def test_a_graph_may_have_no_edges_and_no_metadata(edges: Any) -> None:
    found = Graph.from_tree(tree(edges=edges, metadata="none"), PATH)
    assert (found.edges, found.metadata) == ([], {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "net.nir: an HDF5 file, but not a NIR graph; write it with nir.write(path, graph)"),
        ({"node": 3}, "net.nir: an HDF5 file, but not a NIR graph; write it with nir.write(path, graph)"),
        (tree(type="Linear"), "net.nir: an HDF5 file, but not a NIR graph; write it with nir.write(path, graph)"),
        (tree(nodes=[]), "net.nir: an HDF5 file, but not a NIR graph; write it with nir.write(path, graph)"),
        (tree(nodes={"a": {}}), "net.nir: a node of the NIR graph has no type; write it with nir.write(path, graph)"),
        (tree(nodes={"a": 1}), "net.nir: a node of the NIR graph has no type; write it with nir.write(path, graph)"),
        (tree(edges=["a", "b"]), "net.nir: the edges of a NIR graph are pairs of names, not of shape (2,)"),
        (tree(edges=[["a", "b", "a"]]), "net.nir: the edges of a NIR graph are pairs of names, not of shape (1, 3)"),
    ],
)
def test_content_that_is_no_graph_is_refused(content: dict[str, Any], message: str) -> None:
    with pytest.raises(FirstspikeError) as error:
        Graph.from_tree(content, PATH)
    assert str(error.value) == message


def test_a_chain_and_a_diamond_are_feed_forward() -> None:
    assert graph(("a", "b"), ("b", "c")).form_violations() == []
    assert graph(("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")).form_violations() == []
    assert graph(a="Input").form_violations() == []


@pytest.mark.parametrize(
    ("edges", "path"),
    [
        ([("a", "a")], "a -> a"),
        ([("a", "b"), ("b", "a")], "a -> b -> a"),
        ([("in", "b"), ("b", "c"), ("c", "d"), ("d", "b"), ("d", "out")], "b -> c -> d -> b"),
    ],
)
def test_a_recurrent_path_is_reported_in_full(edges: list[tuple[str, str]], path: str) -> None:
    (found,) = graph(*edges).form_violations()
    assert str(found) == (
        f"the graph is feed-forward: {path[0]} has the recurrent path {path}, need no cycle; not supported because a "
        "neuron spikes at most once; remove the recurrent edge"
    )


def test_edges_to_nowhere_and_unknown_nodes_are_all_named() -> None:
    bad = graph(("a", "b"), a="Conv2d", b="Mystery")
    bad.edges.append(("b", "c"))
    found = [str(violation) for violation in bad.form_violations()]
    need = "need one of Input, Output, Linear, Affine, Delay, Flatten, I, LI, IF, CubaLIF; not supported because"
    assert found == [
        f"every node belongs to a feed-forward time-to-first-spike network: a has Conv2d, {need} the core keeps one "
        "weight per synapse; unroll the convolution into a Linear",
        f"every node belongs to a feed-forward time-to-first-spike network: b has Mystery, {need} NIR 1.0.8 does not "
        "define it",
        "edges join nodes of the graph: c has the edge b -> c but no such node, need a node of that name; remove the "
        "edge or add the node",
    ]
