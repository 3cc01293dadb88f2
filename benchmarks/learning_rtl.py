#!/usr/bin/env python3
"""Learning images through the simulated gateware of a whole core, every weight and answer compared with the model's.

    python benchmarks/learning_rtl.py build/learning/scratch-1-start --images 2000

Prints the figures of one course as a JSON object: cycles of an image that learns, of one that does not, and of the
changes. Every fourth image does not learn. Exit 1 at a difference.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from firstspike.cli.deployments import encoding_of
from firstspike.cli.events_for import events_for, load_limited
from firstspike_compiler.deployment import read_deployment
from firstspike_contract import CONFIGS, EventSet, LearnSettings, Network
from firstspike_contract.core.register_map import offset_of
from firstspike_sim import Learner
from firstspike_sim.rtl.core import RtlCore

__all__ = ["main", "measured"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deployment", type=Path)
    parser.add_argument("--data", default="mnist:train")
    parser.add_argument("--images", type=int, default=2000, help="that learn (default 2000)")
    parser.add_argument("--core", default="learning", choices=[name for name, built in CONFIGS.items() if built.learns])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    deployment = read_deployment(args.deployment)
    total = -(-4 * args.images // 3)
    events = events_for(load_limited(args.data, total), deployment.network, encoding_of(deployment))
    learning = np.arange(len(events)) % 4 != 3
    t = deployment.network.steps
    settings = LearnSettings(
        margin=t // 8, late=13 * t // 16, chances=(1,) * len(deployment.network.layers), seed=args.seed
    )
    found = measured(deployment.network, events, learning, settings, args.core)
    found |= {"network": args.deployment.name, "dataset": "mnist", "split": "train", "start": "rtl", "seed": args.seed}
    print(json.dumps(found))
    return int(found["mismatches"] > 0)


def measured(
    network: Network, events: EventSet, learning: np.ndarray, settings: LearnSettings, core_name: str
) -> dict[str, Any]:
    """Both, image by image. learning: bool ``[N]``, which images may change weights."""
    learner = Learner(network, settings)
    model = learner.run(events, learning)
    with RtlCore(CONFIGS[core_name]) as core:
        core.load(network)
        core.set_learning(settings, 0)
        rtl = core.run(events, learning=learning)
        after = core.learnt()
        changing, triggered, count = (
            core.sim.read(offset_of(name)) for name in ("LEARN_CYCLES", "TRIGGERED", "LEARN_COUNT")
        )
        core.load(network)
        plain = core.run(events)  # the same images with the weights at first, none of them learning
    weights = sum(
        int((a.weights != b.weights).sum()) for a, b in zip(after.layers, learner.network.layers, strict=True)
    )
    answers = int((rtl.batch.results != model.results).sum())
    moved = model.triggered
    flags = int((rtl.triggered != moved).sum())
    cycles, alone = rtl.cycles, plain.cycles
    quiet = learning & ~moved
    return {
        "core": core_name,
        "images": int(learning.sum()),
        "images_between": int((~learning).sum()),
        "kernel": network.kernel,
        "steps": None,
        "steps_grid": network.steps,
        "margin": settings.margin,
        "trigger_rate": triggered / count,
        "cycles_inference_mean": float(cycles[~learning].mean()),
        "cycles_same_weights_mean": float(alone.mean()),
        "cycles_not_triggered_mean": float(cycles[quiet].mean()) if quiet.any() else None,
        "cycles_triggered_mean": float(cycles[moved].mean()) + changing / max(1, triggered),
        "cycles_changing_mean": changing / max(1, triggered),
        "cycles_total": rtl.total_cycles,
        "cycles_total_inference": plain.total_cycles,
        "weights_differing": weights,
        "mismatches": weights + answers + flags,
    }


if __name__ == "__main__":
    sys.exit(main())
