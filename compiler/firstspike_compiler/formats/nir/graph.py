"""A NIR graph as it stands in the file, and the checks that it can be a feed-forward TTFS network at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from firstspike_compiler.violation import Violation
from firstspike_contract.common.errors import FirstspikeError

__all__ = ["NEURONS", "SYNAPSES", "Graph", "Node"]

Node = dict[str, Any]

# Node types that are refused, with the reason.
UNSUPPORTED: Final = {
    "Conv1d": "not supported because the core keeps one weight per synapse; unroll the convolution into a Linear",
    "Conv2d": "not supported because the core keeps one weight per synapse; unroll the convolution into a Linear",
    "AvgPool2d": "not supported because an average of spikes is a rate, not a spike time; train without pooling",
    "SumPool2d": "not supported because a sum of spikes is a rate, not a spike time; train without pooling",
    "LIF": "not supported because a leaky neuron driven by bare spikes is none of the five kernels; "
    "use CubaLIF with tau_mem = 2 tau_syn (lif-2to1) or tau_mem = tau_syn (alpha)",
    "CubaLI": "not supported because it never spikes; end the layer with CubaLIF",
    "Scale": "not supported because it belongs in the weights; multiply it into the Linear before it",
    "Threshold": "not supported because it is stateless: its output is a rate, not a spike time; use IF",
    "NIRGraph": "not supported because only flat graphs are read; inline the subgraph",
}
NEURONS: Final = ("IF", "CubaLIF")
SYNAPSES: Final = ("I", "LI")
SUPPORTED: Final = ("Input", "Output", "Linear", "Affine", "Delay", "Flatten", *SYNAPSES, *NEURONS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """A NIRGraph before its meaning is read.

    nodes:    for each node name, its parameters by name; `type` is one of them.
    edges:    (name of the source, name of the target).
    metadata: metadata of the graph.
    """

    nodes: dict[str, Node]
    edges: list[tuple[str, str]]
    metadata: dict[str, Any]

    @classmethod
    def from_tree(cls, tree: dict[str, Any], path: Path) -> "Graph":
        """Returns the graph in the content of a file. Raises FirstspikeError if the content is no NIR graph."""
        root = tree.get("node")
        if not isinstance(root, dict) or root.get("type") != "NIRGraph" or not isinstance(root.get("nodes"), dict):
            raise FirstspikeError(f"{path}: an HDF5 file, but not a NIR graph; write it with nir.write(path, graph)")
        nodes, edges = root["nodes"], np.asarray(root.get("edges", ()))
        if not all(isinstance(node, dict) and isinstance(node.get("type"), str) for node in nodes.values()):
            raise FirstspikeError(f"{path}: a node of the NIR graph has no type; write it with nir.write(path, graph)")
        if edges.size and (edges.ndim != 2 or edges.shape[1] != 2):
            raise FirstspikeError(f"{path}: the edges of a NIR graph are pairs of names, not of shape {edges.shape}")
        metadata = root.get("metadata", {})
        pairs = [(str(a), str(b)) for a, b in edges] if edges.size else []
        return cls(nodes=nodes, edges=pairs, metadata=metadata if isinstance(metadata, dict) else {})

    def form_violations(self) -> list[Violation]:
        """Returns violations: all unsupported nodes, all edges to missing nodes, and one recurrent path."""
        return [*self._unsupported(), *self._dangling(), *self._cycle()]

    def after(self, name: str) -> list[str]:
        return [b for a, b in self.edges if a == name]

    def before(self, name: str) -> list[str]:
        return [a for a, b in self.edges if b == name]

    def kind(self, name: str) -> str:
        return str(self.nodes[name]["type"])

    def of_kind(self, kind: str) -> list[str]:
        return [name for name in self.nodes if self.kind(name) == kind]

    def _unsupported(self) -> list[Violation]:
        return [
            Violation(
                rule="every node belongs to a feed-forward time-to-first-spike network",
                node=name,
                have=self.kind(name),
                need="one of " + ", ".join(SUPPORTED),
                remedy=UNSUPPORTED.get(self.kind(name), "not supported because NIR 1.0.8 does not define it"),
            )
            for name in self.nodes
            if self.kind(name) not in SUPPORTED
        ]

    def _dangling(self) -> list[Violation]:
        return [
            Violation(
                rule="edges join nodes of the graph",
                node=name,
                have=f"the edge {a} -> {b} but no such node",
                need="a node of that name",
                remedy="remove the edge or add the node",
            )
            for a, b in self.edges
            for name in (a, b)
            if name not in self.nodes
        ]

    def _cycle(self) -> list[Violation]:
        left = dict.fromkeys(self.nodes)
        while True:
            targets = {b for a, b in self.edges if a in left}
            free = [name for name in left if name not in targets]
            if not free:
                break
            for name in free:
                del left[name]
        if not left:
            return []
        name = min(left)
        walk = [name]
        while walk.count(name) < 2:  # backwards, as every node that is left has a predecessor that is left
            name = next(a for a, b in self.edges if b == name and a in left)
            walk.append(name)
        loop = walk[walk.index(name) :][::-1]
        return [
            Violation(
                rule="the graph is feed-forward",
                node=loop[0],
                have="the recurrent path " + " -> ".join(loop),
                need="no cycle",
                remedy="not supported because a neuron spikes at most once; remove the recurrent edge",
            )
        ]
