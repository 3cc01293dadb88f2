"""Lets random networks learn in the gateware and in the model; weights, answers and triggers must be equal."""

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import CoreConfig, EventSet, LearnSettings, Network
from firstspike_contract.arithmetic.random_bits import CHANCE_MAX
from firstspike_sim.model.learner import Learner

from .core import RtlBatch, RtlCore
from .random_cases import Case

__all__ = ["LearningCase", "learning_core", "learning_differs", "random_learning_case", "shuffled"]

_SHUFFLE: Final = 3  # second seed of the random numbers that shuffle the events of images


@dataclass(frozen=True, kw_only=True, eq=False)
class LearningCase:
    """The way in which the images of a case are learnt.

    settings: settings of learning.
    count:    number of learning images before the case.
    learning: bool ``[N]``, images that may change weights.
    """

    settings: LearnSettings
    count: int
    learning: NDArray[np.bool_]


def learning_core(config: CoreConfig) -> CoreConfig:
    """Returns the configuration of a core with the learning unit added to every stage."""
    stages = tuple(dataclasses.replace(stage, learning=True) for stage in config.stages)
    return dataclasses.replace(config, stages=stages)


def random_learning_case(seed: int, network: Network, images: int) -> LearningCase:
    """Returns random settings of learning. Most images learn, and sometimes the count is about to wrap around."""
    rng = np.random.default_rng([seed, 2])
    settings = LearnSettings(
        margin=int(rng.choice([0, 1, network.steps // 8, network.steps // 2, 255])),
        late=int(rng.choice([0, network.steps // 2, network.steps - 1, 255])),
        chances=tuple(rng.integers(0, rng.choice([1, 3, CHANCE_MAX + 1]), len(network.layers)).tolist()),
        seed=int(rng.integers(0, 2**32)),
    )
    count = int(rng.choice([0, 2**32 - 2, int(rng.integers(0, 2**32))]))
    return LearningCase(settings=settings, count=count, learning=rng.random(images) < rng.choice([0.5, 0.9, 1.0]))


def shuffled(events: EventSet, seed: int) -> EventSet:
    """Returns images with their events in a random order, except images in which an input spikes twice."""
    rng = np.random.default_rng([seed, _SHUFFLE])
    mixed = events.events.copy()
    for n in range(len(events)):
        image = events.image(n)
        if len(np.unique(image["x"])) == len(image):
            mixed[events.offsets[n] : events.offsets[n + 1]] = image[rng.permutation(len(image))]
    return EventSet(events=mixed, offsets=events.offsets, labels=events.labels)


def learning_differs(core: RtlCore, case: Case, how: LearningCase) -> tuple[str, int]:
    """Returns the first difference between gateware and model after learning, as text, and how many images triggered.

    The text is empty if there is no difference. The images are learnt twice: as the case has them, then with shuffled
    events and other stalls. The weights must be equal both times.
    """
    learner = Learner(case.network, how.settings, how.count)
    model = learner.run(case.events, how.learning)
    triggered = int(model.triggered.sum())
    for attempt, events in enumerate((case.events, shuffled(case.events, case.seed))):
        core.sim.stalls()
        core.load(case.network, verify=False)
        core.set_learning(how.settings, how.count)
        stalls = (case.gaps, case.results, case.trace) if attempt == 0 else (case.trace, case.gaps, case.results)
        core.sim.stalls(gaps=stalls[0], results=stalls[1], trace=stalls[2], seed=case.seed + 1 + attempt)
        bitmap = case.bitmap and attempt == 0
        rtl = core.run(events, learning=how.learning, run_on=case.run_on, bitmap=bitmap)
        if wrong := _wrong(rtl, model.results, model.triggered):
            return f"{'shuffled: ' if attempt else ''}{wrong}", triggered
        core.sim.stalls()
        after = core.learnt()
        for k, (have, want) in enumerate(zip(after.layers, learner.network.layers, strict=True)):
            if len(moved := np.argwhere(have.weights != want.weights)):
                i, j = moved[0]
                return (
                    f"{'shuffled: ' if attempt else ''}layer {k}: {len(moved)} weights differ, [{i}, {j}] is "
                    f"{have.weights[i, j]}, not {want.weights[i, j]}"
                ), triggered
    return "", triggered


def _wrong(rtl: RtlBatch, results: NDArray[np.void], triggered: NDArray[np.bool_]) -> str:
    have = rtl.batch.results
    for i in np.flatnonzero(have != results):
        names = [name for name in results.dtype.names or () if have[i][name] != results[i][name]]
        return f"image {i}: " + ", ".join(f"{name} is {have[i][name]}, not {results[i][name]}" for name in names)
    for i in np.flatnonzero(rtl.triggered != triggered):
        return f"image {i}: triggered is {rtl.triggered[i]}, not {triggered[i]}"
    return ""
