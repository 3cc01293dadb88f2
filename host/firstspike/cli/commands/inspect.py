"""firstspike inspect: describes the contents of a network file or of a deployment.

Tested by tests/host/cli/test_commands.py.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from firstspike.cli.answer import Answer, facts
from firstspike.cli.network_file import add_network_options, read_network
from firstspike.report import table

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment
    from firstspike_compiler.ir import LayerIR, NetworkIR

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Describe the contents of a network file or of a deployment."
EXAMPLE: Final = """\
  firstspike inspect examples/mnist-784-600-10.nir
  Prints kernel, time window, encoding and layers. With --json, also prints the training record of a network file, or
  the manifest of a deployment."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds NET|DIR, and the options for a file without metadata."""
    parser.add_argument("path", metavar="NET|DIR", type=Path, help="a network file (.nir) or a deployment directory")
    add_network_options(parser)


def run(args: argparse.Namespace) -> Answer:
    """Describes a deployment if the path is a directory, else a network file."""
    if args.path.is_dir():
        from firstspike_compiler.deployment import read_deployment

        return _deployment(read_deployment(args.path))
    return _network(read_network(args, args.path), args.path)


def _network(ir: "NetworkIR", path: Path) -> Answer:
    seen = ir.addresses if ir.mask is None else int(ir.mask.sum())
    said: dict[str, Any] = {
        "network": path,
        "kernel": ir.kernel,
        "t_max": ir.t_max,
        "tau": ir.tau,
        "steps_grid": ir.steps,
        "encoding": ir.encoding.name,
        "t_late": ir.encoding.t_late,
        "inputs": ir.addresses,
        "inputs_seen": seen,
    }
    layers = [_layer(layer) for layer in ir.layers]
    return Answer(text=_text(said, layers), data={**said, "layers": layers, "record": ir.record})


def _layer(layer: "LayerIR") -> dict[str, Any]:
    weights = layer.weights
    return {
        "layer": layer.name,
        "inputs": len(weights) - layer.constants,
        "constants": layer.constants,
        "outputs": weights.shape[1],
        "threshold": float(layer.threshold),
        "scale": layer.scale,
        "weights_zero": int((weights == 0).sum()),
        "weight_min": float(weights.min()),
        "weight_max": float(weights.max()),
        "delay_max": float(layer.delays.max(initial=0)),
    }


def _deployment(deployment: "Deployment") -> Answer:
    network, manifest = deployment.network, deployment.manifest
    said: dict[str, Any] = {
        "deployment": deployment.path,
        "source": (manifest.get("source") or {}).get("file"),
        "target": manifest.get("target"),
        "kernel": network.kernel,
        "steps_grid": network.steps,
        "encoding": (manifest.get("encoding") or {}).get("name"),
        "inputs": network.addresses,
        "inputs_dropped": int((network.input_map < 0).sum()),
        "golden_images": len(deployment.golden.events),
    }
    layers = [
        {
            "layer": k,
            "rows": layer.inputs,
            "constants": layer.constants,
            "outputs": layer.outputs,
            "threshold": int(layer.th[-1]),
            "weights_zero": int((layer.weights == 0).sum()),
            "weight_max": int(np.abs(layer.weights.astype(int)).max(initial=0)),
            "delay_max": int(layer.delays.max(initial=0)),
        }
        for k, layer in enumerate(network.layers)
    ]
    return Answer(text=_text(said, layers), data={**said, "layers": layers, "manifest": manifest})


def _text(said: dict[str, Any], layers: list[dict[str, Any]]) -> str:
    return f"{facts(said)}\n\n{table(layers)}"
