"""Every bad network file gives one clear message and exit status 1 or 2, and never a traceback."""

import dataclasses
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from networks import grid_layer, grid_network

from firstspike_compiler.formats.nir.writer import write_nir
from firstspike_compiler.ir import LayerIR

from .conftest import refused

WITHOUT_METADATA = ["--kernel", "linear", "--t-max", "1.4", "--encoding", "binary"]
NO_NIR = "not a readable NIR file (HDF5): it is damaged, truncated or of another format"


@pytest.mark.parametrize("size", [0, 1, 7, 100, 0.5, -1])
def test_a_truncated_network_file(run, net: Path, size: float) -> None:
    whole = net.read_bytes()
    keep = int(size * len(whole)) if isinstance(size, float) else size
    net.write_bytes(whole[:keep])
    refused(run("check", "net.nir"), 1, f"net.nir: {NO_NIR}")
    refused(run("compile", "net.nir", "-o", "d"), 1, f"net.nir: {NO_NIR}")
    refused(run("inspect", "net.nir"), 1, f"net.nir: {NO_NIR}")
    assert [path.name for path in Path().iterdir()] == ["net.nir"]


def test_a_file_that_is_no_network(run) -> None:
    import h5py

    Path("text.nir").write_text("hello")
    refused(run("check", "text.nir"), 1, f"text.nir: {NO_NIR}")
    with h5py.File("other.nir", "w") as file:
        file["x"] = [1]
    refused(
        run("check", "other.nir"),
        1,
        "other.nir: an HDF5 file, but not a NIR graph; write it with nir.write(path, graph)",
    )
    refused(
        run("check", "absent.nir"),
        1,
        "absent.nir: no such file; give a .nir file, e.g. examples/mnist-784-600-10.nir",
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_network_file_with_random_bytes_in_it(run, net: Path, seed: int) -> None:
    # HDF5 has no checksums, so damage can go unnoticed. The command reads a network or prints a message, and never a
    # traceback.
    data = bytearray(net.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, len(data), 40):
        data[place] = rng.integers(256)
    net.write_bytes(bytes(data))
    done = run("check", "net.nir")
    assert done.code in (0, 1, 2)
    assert done.err == "" or done.err.startswith("error: ")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(run, value: float) -> None:
    weights = grid_network().layers[0].weights.copy()
    weights[1, 2] = value
    layers = (dataclasses.replace(grid_network().layers[0], weights=weights, scale=None), grid_network().layers[1])
    write_nir(grid_network(layers=layers), "net.nir")
    message = f"every weight is a finite number: hidden_weights has {value}, need numbers; train again; e.g. 0.25"
    done = run("check", "net.nir")
    assert (done.code, done.err) == (1, "")
    assert done.out == f"{message}\nnet.nir on ulx3s-85f: 1 rule violation\n"
    refused(run("compile", "net.nir", "-o", "d"), 1, message)


def write_graph(nodes: dict[str, Any], edges: list[tuple[str, str]], inputs: int = 4, outputs: int = 3) -> None:
    ends = {"input": nir.Input(input_type=np.array([inputs])), "output": nir.Output(output_type=np.array([outputs]))}
    nir.write("net.nir", nir.NIRGraph(nodes={**ends, **nodes}, edges=edges, type_check=False))


ONE = np.ones(3)
GRAPHS: dict[str, tuple[dict[str, Any], list[tuple[str, str]], str]] = {
    "wrong shape": (
        {
            "w": nir.Linear(weight=np.ones((3, 5))),
            "i": nir.I(r=ONE),
            "n": nir.IF(r=ONE, v_threshold=ONE),
        },
        [("input", "w"), ("w", "i"), ("i", "n"), ("n", "output")],
        "shapes fit together: w has shape (3, 5), need (neurons, 4), as 4 spikes arrive; correct the shape",
    ),
    "recurrent": (
        {
            "w": nir.Linear(weight=np.ones((3, 4))),
            "i": nir.I(r=ONE),
            "n": nir.IF(r=ONE, v_threshold=ONE),
            "r": nir.Linear(weight=np.ones((3, 3))),
        },
        [("input", "w"), ("w", "i"), ("i", "n"), ("n", "r"), ("r", "i"), ("n", "output")],
        "the graph is feed-forward: i has the recurrent path i -> n -> r -> i, need no cycle; "
        "not supported because a neuron spikes at most once; remove the recurrent edge",
    ),
    "leaky": (
        {"w": nir.Linear(weight=np.ones((3, 4))), "n": nir.LIF(tau=ONE, r=ONE, v_leak=0 * ONE, v_threshold=ONE)},
        [("input", "w"), ("w", "n"), ("n", "output")],
        "every node belongs to a feed-forward time-to-first-spike network: n has LIF, need one of Input, Output, "
        "Linear, Affine, Delay, Flatten, I, LI, IF, CubaLIF; not supported because a leaky neuron driven by bare "
        "spikes is none of the five kernels; use CubaLIF with tau_mem = 2 tau_syn (lif-2to1) or tau_mem = tau_syn "
        "(alpha)",
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_that_is_no_feed_forward_network(run, name: str) -> None:
    nodes, edges, message = GRAPHS[name]
    write_graph(nodes, edges)
    done = run("check", "net.nir", *WITHOUT_METADATA)
    assert (done.out, done.err) == (f"{message}\nnet.nir on ulx3s-85f: 1 rule violation\n", "")
    assert done.code == 1
    refused(run("compile", "net.nir", "-o", "d", *WITHOUT_METADATA), 1, message)
    assert not Path("d").exists()


def test_a_graph_that_may_be_rate_coded(run) -> None:
    nodes, edges, _ = GRAPHS["leaky"]
    write_graph(nodes, edges)
    refused(
        run("check", "net.nir"),
        2,
        'net.nir has no metadata["firstspike"], so nothing says that it is a time-to-first-spike network; if so, add '
        "--kernel, --t-max, --encoding, e.g. --kernel linear --t-max 1.4 --encoding binary (a rate-coded network is "
        "not supported because only the first spike of a neuron is computed)",
    )


def test_a_network_too_large_for_the_target(run) -> None:
    write_nir(grid_network(inputs=900, hidden=2000), "large.nir")
    refused(
        run("compile", "large.nir", "-o", "d"),
        1,
        "weights fit the block memories: hidden has 2000 neurons with 900 weights each in 796 blocks at least, need at "
        "most 183 blocks on ulx3s-85f; train fewer neurons, or zero the rows of inputs that hardly spike",
    )


def test_weights_that_would_overflow_an_accumulator(run) -> None:
    high: LayerIR = grid_layer("hidden", 4, 8, seed=1, threshold=1e6)
    write_nir(
        grid_network(kernel="exponential", steps=256, t_max=10.0, layers=(high, grid_network().layers[1])), "over.nir"
    )
    refused(
        run("compile", "over.nir", "-o", "d"),
        1,
        "accumulators never overflow: hidden has a worst case of 8 bits in A and 42 bits in V, need 32 and 40 on "
        "ulx3s-85f; use a smaller threshold relative to the weights, fewer inputs or a shorter time window",
    )


def test_several_violations_are_all_listed(run) -> None:
    write_nir(grid_network(inputs=1100, mask=np.zeros(1100, bool)), "many.nir")
    done = run("compile", "many.nir", "-o", "d", "--json")
    assert done.code == 1
    assert len(done.json["violations"]) == 2
    lines = done.err.splitlines()
    assert lines[0] == "error: 2 rules are violated"
    assert len(lines) == 3
