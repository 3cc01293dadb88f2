"""Random networks with learning and other images, settings, and the results that the contract gives for them."""

import dataclasses
from dataclasses import dataclass
from functools import cache

import numpy as np
from core_bench import Bench
from core_configs import BUILT, small_config
from networks import random_images, random_network

from firstspike_contract import CoreConfig, LearnSettings, Network, evaluate, learn
from firstspike_contract.core.stream_format import Header, ResultFlag, pack_image

IMAGES = 6

# name -> arguments of random_network, margin, late, p of each layer, share of images that learn
LEARNING_SETS = {
    "linear": ({"seed": 5, "sizes": (10, 6, 3)}, 3, 5, (1, 0), 0.8),
    "one layer": ({"seed": 3, "sizes": (12, 4)}, 1, 15, (0,), 1.0),
    "three layers": ({"seed": 8, "sizes": (12, 7, 5, 3)}, 4, 9, (0, 1, 2), 0.8),
    "late": ({"seed": 4, "sizes": (10, 8, 3)}, 0, 0, (0, 0), 1.0),
    "exponential": ({"seed": 2, "kernel": "exponential", "sizes": (10, 6, 3)}, 255, 9, (0, 0), 1.0),
    "alpha": ({"seed": 6, "kernel": "alpha", "sizes": (10, 6, 3)}, 2, 9, (1, 1), 0.8),
    "lif-2to1": ({"seed": 7, "kernel": "lif-2to1", "sizes": (10, 6, 3)}, 2, 9, (0, 2), 0.8),
    "step": ({"seed": 9, "kernel": "step", "sizes": (10, 6, 3), "theta": 90}, 4, 9, (0, 0), 0.8),
    "step, three layers": ({"seed": 11, "kernel": "step", "sizes": (12, 7, 5, 3), "theta": 60}, 2, 9, (0, 1, 0), 1.0),
}


@dataclass(frozen=True, kw_only=True)
class LearningSet:
    """A network, a sequence of images for it, and what the contract says that the network learns from them."""

    config: CoreConfig
    network: Network
    images: list  # EVENT array of each image
    beats: list  # beats of each image
    learns: list  # whether each image is a learning image
    triggered: list  # whether each image triggered
    results: list  # RESULT of each image
    settings: LearnSettings
    count: int  # image count before the first image
    after: Network  # network after the last image


def learnable(**changes) -> CoreConfig:
    """Returns `small_config` with the learning unit; `changes` other than `kernels` apply to every stage."""
    config = small_config(**{k: v for k, v in changes.items() if k == "kernels"})
    others = {k: v for k, v in changes.items() if k != "kernels"}
    stages = tuple(dataclasses.replace(stage, learning=True, **others) for stage in config.stages)
    return dataclasses.replace(config, stages=stages)


@cache
def learning_set(name: str) -> LearningSet:
    """Computes the entry `name` of LEARNING_SETS with the contract."""
    sizes, margin, late, chances, share = LEARNING_SETS[name]
    network = start = random_network(**sizes)
    rng = np.random.default_rng(sizes["seed"])
    images = random_images(network, sizes["seed"], IMAGES)
    # Every second label is the class that the untrained network answers.
    answers = [int(evaluate(network, events).result["class"]) for events in images]
    labels = [answers[n] if n % 2 else int(rng.integers(0, network.classes)) for n in range(IMAGES)]
    learns = (rng.random(IMAGES) < share).tolist()
    settings, count = LearnSettings(margin=margin, late=late, chances=chances, seed=77), 2**32 - 2
    beats, results, triggered, seen = [], [], [], count
    for events, label, does in zip(images, labels, learns, strict=True):
        flags = Header.SPIKES | (Header.LEARN if does else 0)
        beats.append(pack_image(events, flags=flags, label=label))
        if does:
            found = learn(network, events, label, settings, seen)
            network, seen = found.network, (seen + 1) % 2**32
            results.append(found.evaluation.result)
            triggered.append(found.triggered)
        else:
            results.append(evaluate(network, events).result)
            triggered.append(False)
    return LearningSet(
        config=learnable(kernels=BUILT[start.kernel]),
        network=start,
        images=images,
        beats=beats,
        learns=learns,
        triggered=triggered,
        results=results,
        settings=settings,
        count=count,
        after=network,
    )


def differs(name: str, *, beats: list | None = None, stall: float = 0.0) -> str:
    """Returns the differences between gateware and contract as text, empty if there are none."""
    learning = learning_set(name)
    bench = Bench(config=learning.config, stall=stall, limit=20_000 if stall else 12_000)
    try:
        _, _, played, after = bench.run(
            lambda b, ctx: b.load(ctx, learning.network),
            lambda b, ctx: b.set_learning(ctx, learning.network, learning.settings, learning.count),
            lambda b, ctx: b.play(ctx, beats or learning.beats, traced=IMAGES),
            lambda b, ctx: b.learnt(ctx, learning.network),
        )
    except AssertionError as error:
        return str(error) or "the bench fails"
    wrong = [
        f"image {n}: {result}, not {expected}"
        for n, (result, expected) in enumerate(zip(played.results, learning.results, strict=True))
        if result != expected
    ]
    flags = ((played.packets["flags"] & ResultFlag.TRIGGERED) != 0).tolist()
    if flags != learning.triggered:
        wrong.append(f"triggered {flags}, not {learning.triggered}")
    for k, (have, want) in enumerate(zip(after.layers, learning.after.layers, strict=True)):
        moved = np.argwhere(have.weights != want.weights)
        if len(moved):
            i, j = moved[0]
            wrong.append(
                f"layer {k}: {len(moved)} weights differ, [{i}, {j}] is {have.weights[i, j]}, not {want.weights[i, j]}"
            )
    return "; ".join(wrong)
