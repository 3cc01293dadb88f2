"""Writes network IR as NIR (docs/nir.md).

Any NIR reader understands the graph; a JSON string in its metadata holds what NIR has no word for.
"""

import io
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstspike_compiler.ir import LayerIR, NetworkIR
from firstspike_contract.common.errors import FirstspikeError

from .metadata import constants_node, metadata_of

__all__ = ["network_graph", "write_nir"]


def write_nir(ir: NetworkIR, path: str | os.PathLike[str]) -> None:
    """Writes `ir` as a `.nir` file; equal networks give equal bytes. An existing file is replaced in one step.

    Raises FirstspikeError if HDF5 cannot hold a node name, if the metadata are not JSON, or if the disk fails.
    """
    import nir

    buffer = io.BytesIO()
    nir.write(buffer, network_graph(ir))
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(buffer.getvalue())
        os.replace(temporary, target)
    except OSError as error:
        raise FirstspikeError(f"cannot write {target}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def network_graph(ir: NetworkIR) -> Any:
    """Returns the `nir.NIRGraph` of a network; nir checks its types."""
    import nir

    _check_names(ir)
    nodes: dict[str, Any] = {"input": nir.Input(input_type=np.array([ir.addresses]))}
    edges: list[tuple[str, str]] = []
    last = "input"
    if ir.input_delays.any():
        nodes["input_delay"] = nir.Delay(delay=np.asarray(ir.input_delays, np.float64))
        edges.append((last, "input_delay"))
        last = "input_delay"
    for layer in ir.layers:
        last = _add_layer(ir, layer, last, nodes, edges)
    nodes["output"] = nir.Output(output_type=np.array([ir.layers[-1].weights.shape[1]]))
    edges.append((last, "output"))
    return nir.NIRGraph(nodes=nodes, edges=edges, metadata={"firstspike": metadata_of(ir)})


def _add_layer(ir: NetworkIR, layer: LayerIR, last: str, nodes: dict[str, Any], edges: list[tuple[str, str]]) -> str:
    """Adds synapses, neurons and delays of one layer behind node `last`; returns the layer's last node."""
    import nir

    inputs = len(layer.weights) - layer.constants
    chain = _neurons(ir, layer)
    weights_node, first = f"{layer.name}_weights", next(iter(chain))
    nodes[weights_node] = nir.Linear(weight=_compact(layer.weights[:inputs].T))
    edges += [(last, weights_node), (weights_node, first)]
    if layer.constants:
        source, weights_node = constants_node(layer), f"{layer.name}_constant_weights"
        nodes[source] = nir.Input(input_type=np.array([layer.constants]))
        nodes[weights_node] = nir.Linear(weight=_compact(layer.weights[inputs:].T))
        edges += [(source, weights_node), (weights_node, first)]
    if layer.delays.any():
        chain[f"{layer.name}_delay"] = nir.Delay(delay=np.asarray(layer.delays, np.float64))
    nodes.update(chain)
    names = list(chain)
    edges += itertools.pairwise(names)
    return names[-1]


def _neurons(ir: NetworkIR, layer: LayerIR) -> dict[str, Any]:
    """Returns the nodes from the weights to the spikes; their impulse response is the kernel (docs/nir.md)."""
    import nir

    ones = np.ones(layer.weights.shape[1])
    if ir.kernel in ("lif-2to1", "alpha"):
        ratio = 2.0 if ir.kernel == "lif-2to1" else 1.0
        neuron = nir.CubaLIF(
            tau_syn=ir.tau * ones,
            tau_mem=ratio * ir.tau * ones,
            r=ones,
            v_leak=0.0 * ones,
            v_threshold=layer.threshold * ones,
            v_reset=0.0 * ones,
            w_in=ir.tau * ones,  # cancels the factor 1 / tau_syn, so that Linear.weight is the effective weight
        )
        return {layer.name: neuron}
    fire = nir.IF(r=ones, v_threshold=layer.threshold * ones, v_reset=0.0 * ones)
    if ir.kernel == "step":
        return {layer.name: fire}
    synapse = nir.I(r=ones) if ir.kernel == "linear" else nir.LI(tau=ir.tau * ones, r=ones, v_leak=0.0 * ones)
    return {f"{layer.name}_synapse": synapse, layer.name: fire}


def _compact(weights: NDArray[np.float64]) -> NDArray[Any]:
    """Returns the weights in C order: float32 if that loses nothing (integers times a power of two), else float64."""
    single = weights.astype(np.float32)
    exact = bool(np.array_equal(single.astype(np.float64), weights))
    return np.ascontiguousarray(single if exact else weights)


def _check_names(ir: NetworkIR) -> None:
    seen: set[str] = set()
    for layer in ir.layers:
        name = layer.name
        if not name or "/" in name or name.startswith(".") or "\0" in name:
            raise FirstspikeError(f"a layer's name must be a plain word, not {name!r}, e.g. 'hidden'")
        taken = {name, f"{name}_weights", f"{name}_synapse", f"{name}_delay", f"{name}_constant_weights"}
        taken.add(constants_node(layer))
        clash = (taken & seen) | (taken & {"input", "input_delay", "output"})
        if clash:
            raise FirstspikeError(
                f"layer names must differ from each other and from input, output: {sorted(clash)[0]!r}"
            )
        seen |= taken
