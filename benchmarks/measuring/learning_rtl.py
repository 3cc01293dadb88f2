"""Send learning images through the simulated gateware of a core; compare every weight and answer with the model's.

    python benchmarks/measure.py learning_rtl build/learning/scratch-1-start --images 2000

Every fourth image does not learn. Prints one JSON object: the clock cycles of an image that learns, of one that does
not, and of the weight changes alone. Exit status 1 if anything differs.
"""

import argparse
import json
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


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deployment", type=Path)
    parser.add_argument("--data", default="mnist:train")
    parser.add_argument("--images", type=int, default=2000, help="number of images that learn (default 2000)")
    parser.add_argument("--core", default="learning", choices=[name for name, built in CONFIGS.items() if built.learns])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
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
    """Runs the images through the model and through the gateware; returns the figures of the gateware.

    learning: bool ``[N]``, the images that may change weights.
    """
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
        plain = core.run(events)  # the same images with the first weights and without learning
    weights = sum(
        int((a.weights != b.weights).sum()) for a, b in zip(after.layers, learner.network.layers, strict=True)
    )
    answers = int((rtl.batch.results != model.results).sum())
    flags = int((rtl.triggered != model.triggered).sum())
    return {
        "core": core_name,
        "images": int(learning.sum()),
        "images_between": int((~learning).sum()),
        "kernel": network.kernel,
        "steps": None,
        "steps_grid": network.steps,
        "margin": settings.margin,
        "trigger_rate": triggered / count,
        **_cycles(rtl.cycles, learning, model.triggered, changing / max(1, triggered)),
        "cycles_same_weights_mean": float(plain.cycles.mean()),
        "cycles_total": rtl.total_cycles,
        "cycles_total_inference": plain.total_cycles,
        "weights_differing": weights,
        "mismatches": weights + answers + flags,
    }


def _cycles(cycles: np.ndarray, learning: np.ndarray, triggered: np.ndarray, changing: float) -> dict[str, Any]:
    """Returns mean clock cycles of images, by what they did.

    cycles:   int ``[N]``, of each image, without its weight changes.
    changing: mean clock cycles of the weight changes of one image that triggered.
    """
    quiet = learning & ~triggered
    return {
        "cycles_inference_mean": float(cycles[~learning].mean()),
        "cycles_not_triggered_mean": float(cycles[quiet].mean()) if quiet.any() else None,
        "cycles_triggered_mean": float(cycles[triggered].mean()) + changing,
        "cycles_changing_mean": changing,
    }
