"""Makes the content of manifest.yaml, which describes a deployment to a person, in plain Python values.

docs/deployment.md lists the entries.
"""

import hashlib
import os
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from firstspike_compiler.deployment.golden import Golden
from firstspike_compiler.passes.images import SEED
from firstspike_contract import Layer, core_for, image_cycles
from firstspike_contract.arithmetic.results import figures
from firstspike_contract.common.errors import FirstspikeError

from .ir import NetworkIR
from .lowered import Lowered
from .targets import Target

__all__ = ["make_manifest"]

_TOOLS = ("firstspike", "numpy", "nir", "h5py")


def make_manifest(
    ir: NetworkIR,
    target: Target,
    lowered: Lowered,
    golden: Golden,
    report: dict[str, Any],
    *,
    origin: str,
    source: str | os.PathLike[str] | None,
) -> dict[str, Any]:
    """Returns the manifest without `format`, `version` and `files`, which `write_deployment` adds.

    origin: `generated` or `calibration`, where the golden images are from.
    source: file that the network was read from, or None. Raises FirstspikeError if it cannot be read.

    The manifest holds no dates, so that equal arguments give equal bytes.
    """
    network, grid = lowered.network, lowered.grid
    return {
        "source": _source(source),
        "tools": {tool: _version(tool) for tool in _TOOLS},
        "target": target.name,
        "kernel": ir.kernel,
        "steps": grid.steps,
        "t_max": float(ir.t_max),
        "tau": float(ir.tau),
        "fraction_bits": lowered.fraction_bits,
        "encoding": {"name": ir.encoding.name, "t_late": ir.encoding.t_late, "late": grid.late},
        "sizes": list(network.sizes),
        "inputs": {
            "addresses": network.addresses,
            "rows": network.layers[0].inputs,
            "dropped": report["inputs_dropped"],
            "masked": 0 if ir.mask is None else int((~ir.mask).sum()),
            "delays_up_to": int(network.input_delays.max(initial=0)),
        },
        "layers": [_layer(lowered, k) for k in range(len(network.layers))],
        "weight_blocks": sum(stage.blocks for stage in lowered.stages),
        "estimates": _estimates(lowered, golden),
        "golden": {
            "images": len(golden.events),
            "origin": origin,
            "seed": SEED if origin == "generated" else None,
            "figures": figures(network, golden.batch, golden.events.labels),
        },
        "report": report,
        "training": ir.record,
    }


def _layer(lowered: Lowered, k: int) -> dict[str, Any]:
    layer, integer, bounds = lowered.network.layers[k], lowered.layers[k], lowered.bounds[k]
    return {
        "name": integer.name,
        "inputs": layer.inputs,
        "constants": layer.constants,
        "outputs": layer.outputs,
        "scale": float(integer.scale),
        "theta": integer.theta,
        "constant_times": layer.constant_times.tolist(),
        "delays_up_to": int(layer.delays.max()),
        "tables": _tables(layer),
        "accumulators": {"a_bits": bounds.a_bits, "v_bits": bounds.v_bits},
        "mapping": lowered.stages[k].to_dict(),
    }


def _tables(layer: Layer) -> dict[str, list[int]]:
    """Returns the first and the last entry of each table."""
    return {name: [int(table[0]), int(table[-1])] for name, table in (("a", layer.a), ("m", layer.m), ("th", layer.th))}


def _estimates(lowered: Lowered, golden: Golden) -> dict[str, Any]:
    """Returns the cycles of the golden images on the shipped core that holds the network (`contract.image_cycles`).

    If no shipped core holds it, `core` is None and `reason` says why.
    """
    try:
        name, core = core_for(lowered.network)
    except FirstspikeError as error:
        return {"core": None, "reason": str(error)}
    cycles = image_cycles(lowered.network, core, golden.batch)
    p50, p99 = np.percentile(cycles, [50, 99])
    spread = {"mean": float(cycles.mean()), "p50": float(p50), "p99": float(p99)}
    return {"core": name, "cycles": spread, "images": f"the {len(golden.events)} golden images"}


def _source(path: str | os.PathLike[str] | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise FirstspikeError(f"{path}: {error.strerror}") from error
    return {"file": Path(path).name, "sha256": hashlib.sha256(content).hexdigest()}


def _version(tool: str) -> str:
    try:
        return metadata.version(tool)
    except metadata.PackageNotFoundError:
        return "not installed"
