"""Saves learnt weights: the deployment with these weights, as network IR and as a deployment directory.

Tested by tests/host/cli/test_learn.py.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstspike_contract import EventSet, Network

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment
    from firstspike_compiler.ir import NetworkIR

__all__ = ["learnt_ir", "write_learnt"]


def learnt_ir(deployment: "Deployment", network: Network, record: dict[str, Any]) -> "NetworkIR":
    """Returns the deployment's network with the weights of `network`, and unchanged scales, time window and encoding.

    record: record of the learning; the network keeps it beside the record of its training.
    """
    from dataclasses import replace

    from firstspike_compiler.integers import network_to_ir
    from firstspike_compiler.ir import Encoding

    manifest = deployment.manifest
    encoding, layers = manifest["encoding"], manifest["layers"]
    ir = network_to_ir(
        network,
        tau_steps=float(manifest["tau"]) * network.steps / float(manifest["t_max"]),
        t_max=float(manifest["t_max"]),
        scales=tuple(float(layer["scale"]) for layer in layers),
        encoding=Encoding(name=encoding["name"], t_late=encoding["t_late"]),
        names=tuple(str(layer["name"]) for layer in layers),
    )
    return replace(ir, record={**(manifest.get("training") or {}), "learning": record})


def write_learnt(
    deployment: "Deployment", ir: "NetworkIR", output: Path, images: EventSet, source: Path | None, *, force: bool
) -> None:
    """Writes a deployment directory with the learnt weights, for the target of `deployment`.

    images: images from which the golden images are taken.
    source: the network file that the manifest names, or None.
    """
    from firstspike_compiler.deployment import write_deployment
    from firstspike_compiler.pipeline import compile_network
    from firstspike_compiler.targets import load_target

    inputs = deployment.manifest["inputs"]
    compiled = compile_network(
        ir,
        load_target(str(deployment.manifest["target"])),
        calibration=images.head(500),
        keep_inputs=inputs["rows"] == inputs["addresses"],
        source=source,
    )
    write_deployment(output, compiled, force=force)
