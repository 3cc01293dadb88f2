"""A small network, images that it can learn, and a pupil that sometimes loses its weights."""

import numpy as np
from networks import layer_of, network_of

from firstspike.learning import CoursePlan, ModelPupil, Schedule
from firstspike.learning.pupil import PupilLost
from firstspike_contract import EVENT, EventSet, LearnResults, LearnSettings, Network

T = 16
SIDE = 4


def network(seed: int = 1) -> Network:
    rng = np.random.default_rng(seed)
    hidden = layer_of(rng.normal(4, 20, (SIDE * SIDE, 20)), theta=200)
    return network_of(hidden, layer_of(rng.normal(3, 15, (20, 3)), theta=300))


def images(count: int, seed: int = 1) -> EventSet:
    """Returns labelled images of three noisy patterns of 4 x 4 pixels; bright pixels spike at step 0."""
    patterns = np.random.default_rng(0).random((3, SIDE * SIDE)) < 0.5
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    bright = patterns[labels] ^ (rng.random((count, SIDE * SIDE)) < 0.05)
    image, x = np.nonzero(bright)
    events = np.zeros(len(x), EVENT)
    events["x"] = x
    offsets = np.concatenate([[0], np.cumsum(np.bincount(image, minlength=count))]).astype(np.int64)
    return EventSet(events=events, offsets=offsets, labels=labels)


def plan(epochs: int = 2, **changes: object) -> CoursePlan:
    schedule = Schedule(margin=(2,), late=(12,), chances=((0,), (1, 2)), seed=3)
    return CoursePlan(**{"epochs": epochs, "schedule": schedule, "seed": 5, **changes})  # type: ignore[arg-type]


class Forgetful(ModelPupil):
    """A pupil that loses its weights in the calls of `learn` numbered in `losses`; it counts calls and loads."""

    def __init__(self, losses: set[int]) -> None:
        super().__init__()
        self.losses, self.calls, self.loads = losses, 0, 0

    def load(self, network: Network, count: int) -> None:
        self.loads += 1
        super().load(network, count)

    def learn(self, events: EventSet, settings: LearnSettings) -> LearnResults:
        self.calls += 1
        found = super().learn(events, settings)
        if self.calls in self.losses:
            raise PupilLost("the board was reset in the middle of learning")
        return found
