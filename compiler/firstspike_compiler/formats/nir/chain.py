"""Reads a NIR graph as a chain: Input -> [Delay] -> (weights -> neurons -> [Delay])* -> Output.

A graph that is no chain is refused, with the reasons.
"""

from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from firstspike_compiler.violation import Violation
from firstspike_contract.common.errors import RuleViolations

from .graph import NEURONS, SYNAPSES, Graph, Node

__all__ = ["Chain", "FoundLayer", "chain_of"]


@dataclass(kw_only=True, eq=False)
class FoundLayer:
    """One layer as it stands in the graph.

    name:      node name of the neurons.
    weights:   float64 ``[n_out, n_in]``, the orientation that NIR has.
    synapse:   (name, node) of the I or LI between weights and neurons, or None.
    neuron:    the IF or CubaLIF node.
    constants: for each Input node of constant inputs, (its name, their weights float64 ``[n_out, P]``).
    delays:    float64 ``[n_out]``, in time units.
    """

    name: str
    weights: NDArray[np.float64]
    synapse: tuple[str, Node] | None
    neuron: Node
    constants: list[tuple[str, NDArray[np.float64]]] = field(default_factory=list)
    delays: NDArray[np.float64]

    @property
    def outputs(self) -> int:
        return len(self.weights)


@dataclass(frozen=True, kw_only=True, eq=False)
class Chain:
    """A graph that has the form of a chain.

    addresses:    number of inputs.
    input_delays: float64 ``[addresses]``, in time units.
    layers:       layers in order, from the input to the output.
    violations:   violations of single nodes.
    """

    addresses: int
    input_delays: NDArray[np.float64]
    layers: list[FoundLayer]
    violations: list[Violation]


def chain_of(graph: Graph, *, constant_nodes: frozenset[str]) -> Chain:
    """Returns the graph as a chain.

    constant_nodes: names of the Input nodes that are constant inputs.

    Raises RuleViolations for unsupported nodes (all of them at once), recurrence, branches and wrong shapes. Violations
    of single nodes that leave the form right are returned in the chain.
    """
    violations = graph.form_violations()
    if violations:
        raise RuleViolations(violations)
    return _Walk(graph, constant_nodes).run()


class _Walk:
    """A walk from the input to the output, node by node; the first node that breaks the form of a chain ends it."""

    def __init__(self, graph: Graph, constant_nodes: frozenset[str]) -> None:
        self.graph, self.constant_nodes = graph, constant_nodes
        self.visited: set[str] = set()
        self.violations: list[Violation] = []

    def run(self) -> Chain:
        graph = self.graph
        for name in sorted(self.constant_nodes):
            if name not in graph.nodes or graph.kind(name) != "Input":
                self.refuse(
                    "constant inputs are Input nodes", name, "no such Input node", "an Input node", "add the node"
                )
        start = self._only("Input", [n for n in graph.of_kind("Input") if n not in self.constant_nodes])
        end = self._only("Output", graph.of_kind("Output"))
        addresses = self._addresses(start)
        input_delays, at = self._delay(self._next(start), addresses)
        layers: list[FoundLayer] = []
        size = addresses
        while at != end:
            layer, at = self._layer_at(at, size)
            layers.append(layer)
            size = layer.outputs
        if not layers:
            self.refuse("a network has a layer", start, "none", "Linear and neurons", "add a layer")
        for name in graph.nodes:
            if name not in self.visited | {end}:
                self.refuse(
                    "every node is on the path from input to output", name, "no way to it", "one path", "remove it"
                )
        return Chain(addresses=addresses, input_delays=input_delays, layers=layers, violations=self.violations)

    def _layer_at(self, at: str, size: int) -> tuple[FoundLayer, str]:
        """Returns the layer that begins at node `at`, and the node behind the layer.

        size: number of inputs of the layer.
        """
        graph = self.graph
        while graph.kind(at) == "Flatten":  # inputs are numbered in row-major order already
            at = self._next(at)
        weights = self._weights(at, size)
        outputs = len(weights)
        source, at = at, self._next(at, joined=True)
        constants = [self._constant(name, outputs) for name in graph.before(at) if name != source]
        synapse = None
        if graph.kind(at) in SYNAPSES:
            synapse = (at, graph.nodes[at])
            at = self._next(at)
        if graph.kind(at) not in NEURONS:
            self.refuse("a layer is weights and neurons", at, graph.kind(at), "IF or CubaLIF", "see docs/nir.md")
        name, neuron = at, graph.nodes[at]
        delays, at = self._delay(self._next(at), outputs)
        layer = FoundLayer(
            name=name, weights=weights, synapse=synapse, neuron=neuron, constants=constants, delays=delays
        )
        return layer, at

    def _addresses(self, start: str) -> int:
        shape = np.atleast_1d(np.asarray(self.graph.nodes[start].get("shape", 0)))
        addresses = int(np.prod(shape)) if shape.dtype.kind in "iu" else 0
        if not 0 < addresses <= 65536:
            self.refuse("inputs are numbered 0..65535", start, f"shape {shape}", "1 to 65536 inputs", "e.g. [784]")
        return addresses

    def _constant(self, name: str, outputs: int) -> tuple[str, NDArray[np.float64]]:
        """Returns (Input node name, weights) of constant inputs; node `name` joins the layer beside its weights."""
        sources = self.graph.before(name)
        if (
            self.graph.kind(name) not in ("Linear", "Affine")
            or len(sources) != 1
            or sources[0] not in self.constant_nodes
        ):
            self.refuse(
                "a layer has one source of spikes and constant inputs",
                name,
                f"a second path into the layer ({self.graph.kind(name)})",
                'Linear behind an Input named in metadata["firstspike"].constant_inputs',
                "not supported because layers are a chain; remove the skip connection or name the constant input",
            )
        source = sources[0]
        self.visited |= {source, name}
        shape = np.atleast_1d(np.asarray(self.graph.nodes[source].get("shape", 0)))
        weights = self._weights(name, int(np.prod(shape)))
        if len(weights) != outputs:
            self._refuse_shape(name, weights.shape, f"{outputs} rows, one per neuron")
        return source, weights

    def _weights(self, name: str, size: int) -> NDArray[np.float64]:
        """Returns the weights float64 ``[n_out, n_in]`` of a Linear node, or of an Affine node without bias."""
        kind, node = self.graph.kind(name), self.graph.nodes[name]
        if kind not in ("Linear", "Affine"):
            self.refuse("a layer begins with weights", name, kind, "Linear", "put a Linear before the neurons")
        if kind == "Affine" and np.any(node.get("bias", 0)):
            self.note(
                "weights have no bias",
                name,
                "Affine with a bias that is not zero",
                "Linear",
                "not supported because a bias is a current that never ends; train a constant input (a bias spike)",
            )
        weights = self._numbers(name, "weight")
        if weights.ndim != 2 or weights.shape[1] != size or weights.shape[0] == 0:
            self._refuse_shape(name, weights.shape, f"(neurons, {size}), as {size} spikes arrive")
        return weights

    def _delay(self, at: str, size: int) -> tuple[NDArray[np.float64], str]:
        """Returns delays and the node behind them: those of node `at` if it is a Delay, else zeros and `at` itself."""
        if self.graph.kind(at) != "Delay":
            return np.zeros(size), at
        delays = self._numbers(at, "delay").reshape(-1)
        if len(delays) not in (1, size):
            self._refuse_shape(at, delays.shape, f"({size},)")
        if (delays < 0).any():
            self.note("delays are not negative", at, f"{delays.min():g}", "0 or more", "shift all times up")
        return np.broadcast_to(delays, (size,)).copy(), self._next(at)

    def _numbers(self, name: str, parameter: str) -> NDArray[np.float64]:
        value = np.asarray(self.graph.nodes[name].get(parameter, "missing"))
        if value.dtype.kind not in "fiu":
            self.refuse(f"a node has a {parameter}", name, "none", "numbers", "write the file with nir.write")
        if not np.isfinite(value).all():
            bad = value[~np.isfinite(value)].flat[0]
            self.note(f"every {parameter} is a finite number", name, str(bad), "numbers", "train again; e.g. 0.25")
        return value.astype(np.float64)

    def _next(self, name: str, *, joined: bool = False) -> str:
        """Returns the one node behind `name`.

        joined: constant inputs may join at that node.
        """
        self.visited.add(name)
        after = self.graph.after(name)
        if len(after) != 1:
            have = "no edge out of it" if not after else f"{len(after)} edges out of it: {', '.join(after)}"
            self.refuse(
                "layers are a chain", name, have, "one edge", "not supported because each layer feeds the next only"
            )
        before = self.graph.before(after[0])
        if len(before) > 1 and not joined:
            have = f"{len(before)} edges into it: {', '.join(before)}"
            self.refuse("layers are a chain", after[0], have, "one edge", "not supported because layers do not merge")
        return after[0]

    def _only(self, kind: str, names: list[str]) -> str:
        if len(names) != 1:
            have = f"{len(names)} {kind} nodes" + (f" ({', '.join(names)})" if names else "")
            remedy = f"keep one {kind}"
            if kind == "Input":
                remedy += '; constant inputs are named in metadata["firstspike"].constant_inputs'
            self.refuse(f"a graph has one {kind}", names[0] if names else "graph", have, "one", remedy)
        return names[0]

    def _refuse_shape(self, name: str, shape: tuple[int, ...], need: str) -> NoReturn:
        self.refuse("shapes fit together", name, f"shape {shape}", need, "correct the shape")

    def note(self, rule: str, node: str, have: str, need: str, remedy: str) -> None:
        """Records a violation after which the walk can continue."""
        self.violations.append(Violation(rule=rule, node=node, have=have, need=need, remedy=remedy))

    def refuse(self, rule: str, node: str, have: str, need: str, remedy: str) -> NoReturn:
        self.note(rule, node, have, need, remedy)
        raise RuleViolations(self.violations)
