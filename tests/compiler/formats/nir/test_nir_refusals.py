"""Graphs that are not feed-forward TTFS networks are refused; each message names the node and the reason."""

import json

import nir
import numpy as np
import pytest
from networks import float_network

from firstspike_compiler.formats.nir.metadata import metadata_of, parse_metadata
from firstspike_compiler.formats.nir.reader import read_nir
from firstspike_compiler.formats.nir.writer import network_graph
from firstspike_contract.common.errors import FirstspikeError, RuleViolations


def refusal(path, graph):
    nir.write(path, graph)
    with pytest.raises(FirstspikeError) as error:
        read_nir(path)
    assert error.value.exit_code == 1
    return str(error.value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.nir"


def graph_of(kernel="linear", **changed):
    """Returns the graph of a float network in which the `changed` nodes are replaced."""
    graph = network_graph(float_network(kernel))
    graph.nodes.update(changed)
    return graph


def ones(n, value=1.0):
    return np.full(n, value)


def test_recurrent(path):
    graph = graph_of()
    graph.edges.append(("hidden", "hidden_weights"))
    assert refusal(path, graph) == (
        "the graph is feed-forward: hidden has the recurrent path hidden -> hidden_weights -> "
        "hidden_synapse -> hidden, "
        "need no cycle; not supported because a neuron spikes at most once; remove the recurrent edge"
    )


@pytest.mark.parametrize(
    ("node", "kind", "reason"),
    [
        (
            nir.LIF(tau=ones(30), r=ones(30), v_leak=ones(30, 0.0), v_threshold=ones(30)),
            "LIF",
            "not supported because a leaky neuron driven by bare spikes is none of the five kernels; use CubaLIF with "
            "tau_mem = 2 tau_syn (lif-2to1) or tau_mem = tau_syn (alpha)",
        ),
        (
            nir.Threshold(threshold=ones(30)),
            "Threshold",
            "not supported because it is stateless: its output is a rate, not a spike time; use IF",
        ),
        (
            nir.Scale(scale=ones(30)),
            "Scale",
            "not supported because it belongs in the weights; multiply it into the Linear before it",
        ),
    ],
)
def test_unsupported_nodes(node, kind, reason, path):
    assert refusal(path, graph_of(hidden=node)) == (
        f"every node belongs to a feed-forward time-to-first-spike network: hidden has {kind}, "
        f"need one of Input, Output, Linear, Affine, Delay, Flatten, I, LI, IF, CubaLIF; {reason}"
    )


def test_every_unsupported_node_is_listed(path):
    scale = nir.Scale(scale=ones(30))
    nir.write(path, graph_of(hidden=scale, hidden_synapse=nir.Scale(scale=ones(30))))
    with pytest.raises(RuleViolations) as error:
        read_nir(path)
    assert {violation.node for violation in error.value.violations} == {"hidden", "hidden_synapse"}


def test_bias(path):
    affine = nir.Affine(weight=np.ones((30, 20)), bias=ones(30, 0.5))
    assert refusal(path, graph_of(hidden_weights=affine)) == (
        "weights have no bias: hidden_weights has Affine with a bias that is not zero, need Linear; not "
        "supported because "
        "a bias is a current that never ends; train a constant input (a bias spike)"
    )


def test_everything_wrong_with_single_nodes_is_listed(path):
    weights = np.ones((30, 20))
    weights[0, 0] = np.nan
    graph = graph_of(
        hidden_weights=nir.Linear(weight=weights),
        hidden=nir.IF(r=ones(30), v_threshold=np.linspace(1, 2, 30)),
        readout=nir.IF(r=ones(4), v_threshold=ones(4, -1.0)),
    )
    assert [line.partition(" need ")[0] for line in refusal(path, graph).splitlines()] == [
        "every weight is a finite number: hidden_weights has nan,",
        "v_threshold is equal over a layer: hidden has v_threshold from 1 to 2,",
        "thresholds are positive: readout has v_threshold -1,",
        "a neuron resets below its threshold: readout has v_reset 0 at v_threshold -1,",
    ]


def test_affine_without_bias_is_linear(path):
    nir.write(path, graph_of(hidden_weights=nir.Affine(weight=np.ones((30, 20)), bias=ones(30, 0.0))))
    assert (read_nir(path).layers[0].weights == 1).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(value, path):
    weights = np.ones((30, 20))
    weights[3, 4] = value
    assert refusal(path, graph_of(hidden_weights=nir.Linear(weight=weights))) == (
        f"every weight is a finite number: hidden_weights has {value}, need numbers; train again; e.g. 0.25"
    )


def test_wrong_shape(path):
    assert refusal(path, graph_of(hidden_weights=nir.Linear(weight=np.ones((30, 21))))) == (
        "shapes fit together: hidden_weights has shape (30, 21), need (neurons, 20), as 20 spikes "
        "arrive; correct the shape"
    )


def test_wrong_number_of_neurons(path):
    neurons = nir.IF(r=ones(29), v_threshold=ones(29))
    assert refusal(path, graph_of(hidden=neurons)).startswith(
        "every neuron has its parameters: hidden has v_threshold of shape (29,), need shape (30,); "
    )


def test_thresholds_that_differ(path):
    neurons = nir.IF(r=ones(30), v_threshold=np.linspace(1, 2, 30))
    assert refusal(path, graph_of(hidden=neurons)) == (
        "v_threshold is equal over a layer: hidden has v_threshold from 1 to 2, need one value; scale each neuron's "
        "incoming weights and threshold by one factor: its spikes stay as they are"
    )


def cuba(n=30, *, tau_syn=1.0, tau_mem=2.0, v_leak=0.0, v_reset=0.0):
    return nir.CubaLIF(
        tau_syn=ones(n, tau_syn),
        tau_mem=ones(n, tau_mem),
        r=ones(n),
        v_leak=ones(n, v_leak),
        v_threshold=ones(n),
        v_reset=ones(n, v_reset),
    )


@pytest.mark.parametrize(
    ("neuron", "message"),
    [
        (
            cuba(v_leak=0.5),
            "v_leak is 0: hidden has v_leak 0.5, need 0; shift threshold and potential by it; a standing "
            "drive is made of "
            "constant inputs",
        ),
        (
            cuba(tau_mem=3.0),
            "the time constants have the kernel's ratio: hidden has tau_mem / tau_syn = 3, need 2 for kernel lif-2to1; "
            "train with tau_mem = 2 tau_syn (lif-2to1) or tau_mem = tau_syn (alpha)",
        ),
        (
            cuba(v_reset=2.0),
            "a neuron resets below its threshold: hidden has v_reset 2 at v_threshold 1, need v_reset below "
            "v_threshold; "
            "e.g. 0",
        ),
        (
            cuba(tau_syn=0.5, tau_mem=1.0),
            "all layers have the same time constant: readout has tau_s = 1, need 0.5; train with one "
            "synaptic time constant",
        ),
    ],
)
def test_neurons_that_make_no_kernel(neuron, message, path):
    assert refusal(path, graph_of("lif-2to1", hidden=neuron)) == message


def test_neurons_of_another_kernel(path):
    graph = graph_of("linear")
    content = json.loads(metadata_of(float_network("linear"))) | {"kernel": "step"}
    graph.metadata["firstspike"] = json.dumps(content)
    assert refusal(path, graph).splitlines() == [
        f"the neurons are those of the kernel: {name} has Linear -> I -> IF, need Linear -> IF for "
        "kernel step; see docs/nir.md"
        for name in ("hidden", "readout")
    ]


def test_branches(path):
    graph = graph_of()
    graph.nodes["skip"] = nir.Linear(weight=np.ones((4, 20)))
    graph.edges += [("input", "skip"), ("skip", "readout_synapse")]
    assert refusal(path, graph) == (
        "layers are a chain: input has 2 edges out of it: hidden_weights, skip, need one edge; "
        "not supported because each layer feeds the next only"
    )


def test_a_second_input_must_be_a_constant_one(path):
    graph = graph_of()
    graph.nodes |= {"bias": nir.Input(input_type=np.array([1])), "bias_weights": nir.Linear(weight=np.ones((30, 1)))}
    graph.edges += [("bias", "bias_weights"), ("bias_weights", "hidden_synapse")]
    assert refusal(path, graph) == (
        "a graph has one Input: bias has 2 Input nodes (bias, input), need one; keep one Input; "
        "constant inputs are named "
        'in metadata["firstspike"].constant_inputs'
    )


def test_constant_inputs_need_a_time_each(path):
    graph = graph_of()
    graph.nodes |= {"bias": nir.Input(input_type=np.array([1])), "bias_weights": nir.Linear(weight=np.ones((30, 1)))}
    graph.edges += [("bias", "bias_weights"), ("bias_weights", "hidden_synapse")]
    content = json.loads(metadata_of(float_network("linear"))) | {
        "constant_inputs": [{"node": "bias", "times": [0, 1]}]
    }
    graph.metadata["firstspike"] = json.dumps(content)
    assert refusal(path, graph) == (
        "metadata.constant_inputs: node bias has 1 elements, 2 times; give one time per element"
    )


def test_subgraphs(path):
    graph = graph_of()
    graph.nodes["inner"] = network_graph(float_network("linear"))
    nir.write(path, graph)
    with pytest.raises(RuleViolations, match=r"inner has NIRGraph.*only flat graphs are read"):
        read_nir(path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("NaN", "NaN is not a finite number, e.g. 1.4"),
        ("1e400", "1e400 is not a finite number, e.g. 1.4"),
        ("1" + "0" * 400, "1" + "0" * 36 + "... has more than 18 digits, e.g. 16"),
        ("[" * 40 + "]" * 40, "nested deeper than 32 levels"),
        ("[" * 9000 + "]" * 9000, "nested deeper than 32 levels"),
    ],
)
def test_metadata_that_no_reader_could_hold(value, message):
    text = metadata_of(float_network("linear")).replace('"training": {}', f'"training": {{"note": {value}}}')
    with pytest.raises(FirstspikeError) as error:
        parse_metadata(text)
    assert str(error.value) == f'metadata["firstspike"] must be JSON: {message}'


def test_a_gain_that_overflows(path):
    nir.write(path, graph_of("lif-2to1", hidden=cuba(tau_syn=1e-310, tau_mem=2e-310)))
    with pytest.raises(
        FirstspikeError, match=r"^hidden: weights times r and time constants must be finite numbers, not "
    ):
        read_nir(path)
