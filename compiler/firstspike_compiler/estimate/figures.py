"""Estimates what a network costs on a core before synthesis: logic, block RAM, multipliers, cycles, data moved.

Tested by tests/host/cli/test_estimate.py.
"""

from dataclasses import asdict
from typing import Any

import numpy as np

from firstspike_contract import Batch, CoreConfig, Network
from firstspike_contract.core.cycles import image_cycles
from firstspike_contract.core.loading import place

from .resources import resources

__all__ = ["estimate"]


def estimate(
    network: Network, config: CoreConfig, batch: Batch, *, clock_mhz: float, family: str = "ecp5"
) -> dict[str, Any]:
    """Returns figures of a network on a core, under the names of the results files.

    Cycles, reads and additions are means per image over the images of `batch`. Raises FirstspikeError if the network
    does not fit the core.
    """
    cycles = image_cycles(network, config, batch)
    p50, p99 = np.percentile(cycles, [50, 99])
    stages = [config.stages[k] for k in place(network, config)]
    events = batch.rows.astype(np.int64)  # [N, layers], weight rows that the decision depended on
    rows = np.array([s.rows(layer.outputs) for s, layer in zip(stages, network.layers, strict=True)])
    reads = float((events * rows).sum(axis=1).mean())
    lanes = np.array([s.lanes for s in stages])
    walked = (batch.results["step"].astype(np.int64) + 1).mean()
    adds = float((events * rows * lanes).sum(axis=1).mean() + walked * (rows * lanes).sum())
    mean = float(cycles.mean())
    return {
        **asdict(resources(config, family)),
        "clock_mhz": clock_mhz,
        "cycles": {"mean": mean, "p50": float(p50), "p99": float(p99)},
        "latency_us": mean / clock_mhz,
        "images_per_second": 1e6 * clock_mhz / mean,
        "row_reads": reads,
        "weight_bits_read": float((events * rows * lanes).sum(axis=1).mean() * 8),
        "adds": adds,
        "weight_bits": int(sum(layer.weights.size for layer in network.layers) * 8),
        "memory_bits": int(sum(8 * s.lanes * s.depth for s in config.stages)),
    }
