"""Reads NIR into the network IR (docs/nir.md).

A graph that is no feed-forward TTFS network is refused; the error names nodes and reasons.
"""

import os
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from firstspike_compiler.ir import Encoding, LayerIR, NetworkIR
from firstspike_compiler.violation import Violation
from firstspike_contract import KERNELS, Kernel
from firstspike_contract.arithmetic.tables import STEPS
from firstspike_contract.common.errors import FirstspikeError, RuleViolations, UsageError
from firstspike_contract.common.names import choose

from .chain import Chain, FoundLayer, chain_of
from .graph import Graph
from .hdf5 import load_tree
from .kernels import neuron_parameters
from .metadata import parse_metadata

__all__ = ["DEFAULT_STEPS", "ENCODINGS", "read_nir"]

ENCODINGS = ("binary", "two-time", "latency", "events")
DEFAULT_STEPS = 256  # for a file that does not give steps; the finest grid changes a float network least


def read_nir(
    path: str | os.PathLike[str],
    *,
    kernel: str | None = None,
    t_max: float | None = None,
    encoding: Encoding | str | None = None,
    steps: int | None = None,
) -> NetworkIR:
    """Reads a `.nir` file.

    The arguments stand in for metadata["firstspike"]. A file without metadata needs them; in a file with metadata they
    must not contradict it.

    kernel:   name of the kernel.
    t_max:    length of the time window, in the time unit of the graph.
    encoding: encoding of the input, or its name.
    steps:    T; optional, DEFAULT_STEPS for a file without metadata.

    Raises UsageError if an argument is unknown, contradicts the metadata, or is missing for a file without metadata;
    RuleViolations, with all violations, for a graph that is no feed-forward TTFS network; FirstspikeError for a file
    that is not NIR, or whose metadata are wrong.
    """
    options = _options(kernel, t_max, encoding, steps)
    tree = load_tree(path)
    graph = Graph.from_tree(tree, Path(path))
    metadata = _metadata(graph, options, Path(path))
    times = {entry["node"]: entry["times"] for entry in metadata.get("constant_inputs", ())}
    chain = chain_of(graph, constant_nodes=frozenset(times))
    return _network(chain, metadata, times)


def _options(
    kernel: str | None, t_max: float | None, encoding: Encoding | str | None, steps: int | None
) -> dict[str, Any]:
    """Returns the arguments that were given, checked, in the form of the metadata."""
    options: dict[str, Any] = {}
    if kernel is not None:
        options["kernel"] = choose("kernel", kernel, KERNELS)
    if t_max is not None:
        if not (np.isfinite(t_max) and t_max > 0):
            raise UsageError(f"t_max must be a positive number in the time unit of the graph, not {t_max}, e.g. 1.4")
        options["t_max"] = float(t_max)
    if encoding is not None:
        given = Encoding(name=encoding) if isinstance(encoding, str) else encoding
        options["encoding"] = {"name": choose("encoding", given.name, ENCODINGS), "t_late": given.t_late}
        if given.t_late is not None and given.name not in ("two-time", "latency"):
            raise UsageError(f"t_late is the latest spike of two-time and latency; leave it out for {given.name}")
    if steps is not None:
        if steps not in STEPS:
            raise UsageError(f"steps must be one of {', '.join(map(str, STEPS))}, not {steps}")
        options["steps"] = steps
    return options


def _metadata(graph: Graph, options: dict[str, Any], path: Path) -> dict[str, Any]:
    """Returns the metadata of the file; if it has none, the arguments take their place."""
    if "firstspike" in graph.metadata:
        metadata = parse_metadata(str(graph.metadata["firstspike"]))
        _refuse_contradictions(metadata, options, path)
        return metadata
    missing = [name for name in ("kernel", "t_max", "encoding") if name not in options]
    if missing:
        flags = ", ".join("--" + name.replace("_", "-") for name in missing)
        raise UsageError(
            f'{path} has no metadata["firstspike"], so nothing says that it is a time-to-first-spike network; if so, '
            f"add {flags}, e.g. --kernel linear --t-max 1.4 --encoding binary (a rate-coded network is not supported "
            "because only the first spike of a neuron is computed)"
        )
    return {"steps": DEFAULT_STEPS, **options}


def _refuse_contradictions(metadata: dict[str, Any], options: dict[str, Any], path: Path) -> None:
    said, given = _flat(metadata), _flat(options)
    for name, value in given.items():
        if value is not None and said.get(name) != value:
            raise UsageError(
                f"{path} says {name} {said.get(name)}, the command line says {value}; leave the option out, "
                "the file knows how it was trained"
            )


def _flat(content: dict[str, Any]) -> dict[str, Any]:
    """Returns metadata in which the two parts of the encoding are entries beside the others."""
    encoding = content.get("encoding", {})
    return {**content, "encoding": encoding.get("name"), "t_late": encoding.get("t_late")}


def _network(chain: Chain, metadata: dict[str, Any], constant_times: dict[str, list[float]]) -> NetworkIR:
    """Returns the IR with the parameters of all nodes; violations of all layers are collected before one error."""
    kernel = cast(Kernel, metadata["kernel"])
    violations: list[Violation] = list(chain.violations)
    entries = {entry["node"]: entry for entry in metadata.get("layers", ())}
    layers, taus = [], []
    for layer in chain.layers:
        parameters = neuron_parameters(layer, kernel)
        violations += parameters.violations
        if violations:
            continue
        taus.append(parameters.tau)
        entry = entries.pop(layer.name, {})
        layers.append(_layer(layer, parameters.gain, parameters.threshold, entry, constant_times, metadata["t_max"]))
    violations += [_unknown_layer(name) for name in entries if not violations]
    violations += _different_taus(chain, taus)
    mask = _mask(metadata, chain.addresses, violations)
    if violations:
        raise RuleViolations(violations)
    fraction_bits = {entry.get("fraction_bits") for entry in metadata.get("layers", ())}
    if len(fraction_bits) > 1:
        raise FirstspikeError(f"metadata.layers: fraction_bits must be the same for all layers, not {fraction_bits}")
    return NetworkIR(
        kernel=kernel,
        t_max=float(metadata["t_max"]),
        steps=int(metadata["steps"]),
        tau=taus[0],
        encoding=Encoding(name=metadata["encoding"]["name"], t_late=metadata["encoding"].get("t_late")),
        layers=tuple(layers),
        input_delays=chain.input_delays,
        mask=mask,
        record=metadata.get("training", {}),
        fraction_bits=fraction_bits.pop() if fraction_bits else None,
    )


def _layer(
    layer: FoundLayer,
    gain: NDArray[np.float64],
    threshold: float,
    entry: dict[str, Any],
    constant_times: dict[str, list[float]],
    t_max: float,
) -> LayerIR:
    """Returns the IR of one layer.

    gain:           float64 ``[n_out]``, factor on the weights of each neuron, from its own parameters.
    entry:          entry of the layer in the metadata, or an empty one.
    constant_times: for each Input node of constant inputs, their times.
    """
    weights, times = [layer.weights.T], []
    for node, constant_weights in layer.constants:
        given = constant_times[node]
        if len(given) != constant_weights.shape[1]:
            raise FirstspikeError(
                f"metadata.constant_inputs: node {node} has {constant_weights.shape[1]} elements, {len(given)} times; "
                "give one time per element"
            )
        if not all(0 <= t < t_max for t in given):
            raise FirstspikeError(f"metadata.constant_inputs: times of {node} must be in 0..{t_max}, not {given}")
        weights.append(constant_weights.T)
        times += given
    every = np.concatenate(weights)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = every * gain[None, :]
    if np.isfinite(every).all() and not np.isfinite(scaled).all():
        raise FirstspikeError(
            f"{layer.name}: weights times r and time constants must be finite numbers, not {np.abs(scaled).max()}, "
            f"with weights up to {np.abs(every).max():g} and a gain of {np.abs(gain).max():g}; e.g. r = 1, tau = 0.01"
        )
    return LayerIR(
        name=layer.name,
        weights=scaled,
        threshold=threshold,
        constant_times=np.array(times, np.float64),
        delays=layer.delays,
        scale=entry.get("scale"),
    )


def _mask(metadata: dict[str, Any], addresses: int, violations: list[Violation]) -> NDArray[np.bool_] | None:
    text = metadata.get("mask")
    if text is None:
        return None
    if len(text) != addresses:
        violations.append(
            Violation(
                rule="the mask has one character per input",
                node="input",
                have=f"{len(text)} characters",
                need=str(addresses),
                remedy="write one 0 or 1 per input address, or null",
            )
        )
    return np.array([c == "1" for c in text], bool)


def _unknown_layer(name: str) -> Violation:
    return Violation(
        rule="metadata.layers names neuron nodes of the graph",
        node=name,
        have="no such node",
        need="the name of an IF or CubaLIF node",
        remedy="rename the entry, or leave it out for a float layer",
    )


def _different_taus(chain: Chain, taus: list[float]) -> list[Violation]:
    return [
        Violation(
            rule="all layers have the same time constant",
            node=layer.name,
            have=f"tau_s = {tau:g}",
            need=f"{taus[0]:g}",
            remedy="train with one synaptic time constant",
        )
        for layer, tau in zip(chain.layers, taus, strict=False)
        if not np.isclose(tau, taus[0], rtol=1e-6, atol=0)
    ]
