"""A course of learning: epochs over labelled images, with checks on other images, a guard and checkpoints.

The pupil that learns is the model or a board (see `pupil`); the course treats both alike. The guard brings the best
weights back when a check is much worse than the best one.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EventSet, FirstspikeError, Network, check_events
from firstspike_contract.common.progress import Progress, unheard

from .checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from .images import DEFORM_SIDE, deformed, shifted, side_of, take
from .pupil import Pupil, PupilLost
from .schedule import Schedule

__all__ = ["Course", "CoursePlan", "Entry", "learn_course"]

Weights = tuple[NDArray[np.int8], ...]

_LOSSES: Final = 10  # times that a pupil may be lost between two entries


@dataclass(frozen=True, kw_only=True)
class CoursePlan:
    """Describes a course.

    epochs:   number of passes over the images; each pass has its own order.
    schedule: settings over the course.
    seed:     seed of the orders and shifts. The random bits of learning use the schedule's seed.
    shift:    largest number of pixels by which the host shifts each image, anew in each epoch, in both directions.
              0 means no shift.
    deform:   strength with which the host deforms each image, anew in each epoch (see `deformed`). 0 means not at all.
    every:    number of images between two entries. None means one epoch.
    guard:    fraction by which the accuracy of a check may be below the best one. If it is lower still, the best
              weights are brought back. None means no guard.
    """

    epochs: int
    schedule: Schedule
    seed: int = 1
    shift: int = 0
    deform: float = 0.0
    every: int | None = None
    guard: float | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Figures of the images since the previous entry.

    images:          number of images learnt since the beginning of the course.
    accuracy_live:   accuracy on the images since the previous entry, each answered before it was learnt from.
    trigger_rate:    fraction of these images that triggered.
    weights_changed: fraction of all weights that differ from those at the previous entry.
    weight_change:   mean |difference| to the previous entry, over all weights.
    accuracy:        accuracy on the check images with the weights learnt so far; None without check images.
    margin, late, chances: settings of the latest image.
    rolled_back:     whether the guard brought the best weights back.
    """

    images: int
    accuracy_live: float
    trigger_rate: float
    weights_changed: float
    weight_change: float
    accuracy: float | None
    margin: int
    late: int
    chances: list[int]
    rolled_back: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """The outcome of a course.

    history: all entries.
    network: the network with the learnt weights.
    count:   number of learning images of the course, modulo 2^32.
    """

    history: tuple[Entry, ...]
    network: Network
    count: int

    @property
    def trigger_rate(self) -> float:
        """Fraction of all images that triggered."""
        before = [0, *(entry.images for entry in self.history)]
        moved = sum(e.trigger_rate * (e.images - b) for e, b in zip(self.history, before, strict=False))
        return moved / max(1, before[-1])


def learn_course(
    pupil: Pupil,
    network: Network,
    events: EventSet,
    plan: CoursePlan,
    *,
    check: EventSet | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: Progress = unheard,
    entry: Callable[[Entry], None] | None = None,
) -> Course:
    """Lets a pupil learn, beginning with `network`. Returns the course.

    events:     labelled images to learn from.
    check:      images to classify at every entry, or None.
    checkpoint: file that is rewritten at every entry, or None.
    resume:     continues from the checkpoint; the result equals that of a course without interruption.
    progress:   called in images of the course.
    entry:      called with every new entry.

    Raises FirstspikeError for settings or labels out of range, invalid events, or a checkpoint of another course.
    """
    plan.schedule.check(network)
    check_events(events, network)
    if plan.shift:
        side_of(network.addresses)
    if plan.deform and (network.addresses != DEFORM_SIDE**2 or events.events["t"].any()):
        raise FirstspikeError(
            f"only images of {DEFORM_SIDE} x {DEFORM_SIDE} pixels, bright ones at step 0, can be deformed; "
            "leave --deform away"
        )
    state = _begin(network, plan, events)
    if resume and checkpoint is not None:
        state = read_checkpoint(checkpoint, state.plan, tuple(w.shape for w in state.weights))
    pupil.load(_with(network, state.weights), state.count)
    total = plan.epochs * len(events)
    while state.done < total:
        learn = partial(_to_next_entry, pupil, network, events, plan, state, check, progress)
        state = _persist(learn, pupil, network, state)
        if checkpoint is not None:
            write_checkpoint(checkpoint, state)
        if entry is not None:
            entry(Entry(**state.history[-1]))
    return Course(
        history=tuple(Entry(**each) for each in state.history),
        network=_with(network, state.weights),
        count=state.count,
    )


def _begin(network: Network, plan: CoursePlan, events: EventSet) -> Checkpoint:
    weights = _weights(network)
    digest = hashlib.sha256()
    for array in (events.events, events.offsets, events.labels, *weights):
        digest.update(np.ascontiguousarray(array).tobytes())
    plain = json.loads(json.dumps({**asdict(plan), "data": digest.hexdigest()[:16]}))
    return Checkpoint(plan=plain, done=0, count=0, weights=weights, best=None, history=[])


def _persist(learn: Callable[[], Checkpoint], pupil: Pupil, network: Network, state: Checkpoint) -> Checkpoint:
    """Calls `learn`. If the pupil is lost, loads the same state into it and calls `learn` again."""
    for attempt in range(_LOSSES):
        try:
            return learn()
        except PupilLost:
            if attempt == _LOSSES - 1:
                raise
            pupil.load(_with(network, state.weights), state.count)
    raise AssertionError


def _to_next_entry(
    pupil: Pupil,
    network: Network,
    events: EventSet,
    plan: CoursePlan,
    state: Checkpoint,
    check: EventSet | None,
    progress: Progress,
) -> Checkpoint:
    """Learns until the next entry is due. Returns the state with this entry. Raises PupilLost."""
    total, done, right, moved = plan.epochs * len(events), state.done, 0, 0
    end = min(total, done + (len(events) if plan.every is None else plan.every))
    layers = len(network.layers)
    while done < end:
        epoch, first = divmod(done, len(events))
        settings = plan.schedule.at(done, total, layers)
        last = min(first + end - done, len(events), first + _same_settings(plan, done, total, layers))
        images = _learning_images(events, plan, epoch, first, last, network)
        learnt = pupil.learn(images, settings)
        right += int((learnt.results["class"] == images.labels).sum())
        moved += int(learnt.triggered.sum())
        done += last - first
        progress(done, total)
    weights = _weights(pupil.network())
    accuracy = None
    if check is not None:
        accuracy = float((pupil.classify(check)["class"] == check.labels).mean())
    count = (state.count + done - state.done) % 2**32
    best, rolled_back = state.best, False
    if accuracy is not None and (best is None or accuracy > best[0]):
        best = (accuracy, weights)
    elif accuracy is not None and best is not None and plan.guard is not None and accuracy < best[0] - plan.guard:
        weights, rolled_back = best[1], True
        pupil.load(_with(network, weights), count)
    moves = np.concatenate(
        [np.abs(a.astype(np.int64) - b).ravel() for a, b in zip(weights, state.weights, strict=True)]
    )
    settings = plan.schedule.at(done - 1, total, layers)
    entry = Entry(
        images=done,
        accuracy_live=right / (done - state.done),
        trigger_rate=moved / (done - state.done),
        weights_changed=float((moves > 0).mean()),
        weight_change=float(moves.mean()),
        accuracy=accuracy,
        margin=settings.margin,
        late=settings.late,
        chances=list(settings.chances),
        rolled_back=rolled_back,
    )
    return replace(state, done=done, count=count, weights=weights, best=best, history=[*state.history, asdict(entry)])


def _same_settings(plan: CoursePlan, done: int, total: int, layers: int) -> int:
    """Returns for how many images from `done` on the settings stay equal; at most 1000, so that progress is shown."""
    now, n = plan.schedule.at(done, total, layers), 1
    limit = min(1000, total - done)
    while n < limit and plan.schedule.at(done + n, total, layers) == now:
        n += 1
    return n


def _learning_images(
    events: EventSet, plan: CoursePlan, epoch: int, first: int, last: int, network: Network
) -> EventSet:
    """Returns the images first .. last - 1 in an epoch's order, deformed and shifted by its random numbers."""
    order = np.random.default_rng([plan.seed, 1, epoch]).permutation(len(events))[first:last]
    images = take(events, order)
    if plan.deform:
        images = deformed(images, plan.deform, [plan.seed, 3, epoch, first])
    if plan.shift:
        moves = np.random.default_rng([plan.seed, 2, epoch]).integers(-plan.shift, plan.shift + 1, (len(events), 2))
        images = shifted(images, moves[first:last], side_of(network.addresses))
    return images


def _weights(network: Network) -> Weights:
    return tuple(layer.weights for layer in network.layers)


def _with(network: Network, weights: Weights) -> Network:
    """Returns the network with other weights."""
    layers = tuple(replace(layer, weights=w) for layer, w in zip(network.layers, weights, strict=True))
    return replace(network, layers=layers)
