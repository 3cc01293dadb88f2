"""Describes a deployment and the data that it is run on.

Tested by tests/host/cli/test_commands.py and tests/host/cli/test_bad_input.py.
"""

from typing import TYPE_CHECKING, Any

from firstspike.datasets import Samples
from firstspike_contract import EventSet
from firstspike_contract.common.errors import FirstspikeError

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment

__all__ = ["described", "encoding_of"]


def encoding_of(deployment: "Deployment") -> dict[str, Any]:
    """Returns name and late code of the network's input encoding.

    Raises FirstspikeError if the manifest names none, which happens only after somebody edited it.
    """
    encoding = deployment.manifest.get("encoding")
    if not isinstance(encoding, dict) or not isinstance(encoding.get("name"), str):
        raise FirstspikeError(f"{deployment.path / 'manifest.yaml'} names no input encoding; compile again")
    late = encoding.get("late")
    return {"name": encoding["name"], "late": late if isinstance(late, int) else None}


def described(deployment: "Deployment", data: Samples | EventSet, spec: str, level: str = "model") -> dict[str, Any]:
    """Returns facts about the deployment and the data.

    spec: the data as the command line names them. level: what runs the deployment, such as ``model`` or ``board``.
    """
    name, split = (data.name, data.split) if isinstance(data, Samples) else (spec, None)
    inputs = deployment.network.addresses
    masked = (deployment.manifest.get("inputs") or {}).get("masked", 0)
    return {
        "deployment": deployment.path,
        "level": level,
        "network": (deployment.manifest.get("source") or {}).get("file"),
        "target": deployment.manifest.get("target"),
        "dataset": name,
        "split": split,
        "kernel": deployment.network.kernel,
        "steps_grid": deployment.network.steps,
        "inputs": inputs,
        "inputs_seen": inputs - masked,
    }
