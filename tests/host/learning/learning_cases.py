"""A small network, images it can learn, and a pupil that is lost now and then."""

import numpy as np

from firstspike.learning import CoursePlan, ModelPupil, Schedule
from firstspike.learning.pupil import PupilLost
from firstspike_contract import EVENT, EventSet, Layer, LearnResults, LearnSettings, Network, kernel_tables

T = 16
SIDE = 4


def layer(weights: np.ndarray, theta: int) -> Layer:
    tables = kernel_tables("linear", steps=T, tau_steps=1.0, theta=theta, fraction_bits=0)
    return Layer(
        weights=weights.astype(np.int8),
        a=tables.a,
        m=tables.m,
        th=tables.th,
        constant_times=np.zeros(0, np.int64),
        delays=np.zeros(weights.shape[1], np.int64),
        source_inputs=len(weights),
    )


def network(seed: int = 1) -> Network:
    rng = np.random.default_rng(seed)
    return Network(
        kernel="linear",
        steps=T,
        input_map=np.arange(SIDE * SIDE),
        input_delays=np.zeros(SIDE * SIDE, np.int64),
        layers=(layer(rng.normal(4, 20, (SIDE * SIDE, 20)), 200), layer(rng.normal(3, 15, (20, 3)), 300)),
    )


def images(count: int, seed: int = 1) -> EventSet:
    """Three noisy patterns of 4 x 4 pixels, bright at step 0."""
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
    """Loses its weights in the middle of some calls of `learn`; counts what it is asked to do."""

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
