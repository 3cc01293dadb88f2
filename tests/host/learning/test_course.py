"""A course learns, and neither interruptions nor lost pupils change its result."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from learning_cases import Forgetful, images, network, plan

from firstspike.learning import Entry, ModelPupil, Schedule, learn_course
from firstspike.learning.pupil import PupilLost
from firstspike_contract import EventSet, FirstspikeError, LearnResults, LearnSettings, Network
from firstspike_sim import Learner


def same(one: Network, other: Network) -> bool:
    return all(np.array_equal(a.weights, b.weights) for a, b in zip(one.layers, other.layers, strict=True))


def test_a_course_raises_the_accuracy() -> None:
    start, check = network(), images(300, seed=2)
    course = learn_course(ModelPupil(), start, images(600), plan(epochs=4), check=check)
    pupil = ModelPupil()
    pupil.load(start, 0)
    before = (pupil.classify(check)["class"] == check.labels).mean()
    last = course.history[-1]
    assert before < 0.7
    assert last.accuracy is not None
    assert last.accuracy > 0.9
    assert [entry.images for entry in course.history] == [600, 1200, 1800, 2400]
    assert course.count == 2400
    assert course.history[0].chances == [0, 0]
    assert last.chances == [1, 2]
    assert course.history[0].trigger_rate > last.trigger_rate > 0
    assert course.history[0].weights_changed > 0
    assert 0 < course.trigger_rate < 1
    assert not same(course.network, start)


def test_a_course_equals_the_learner_on_the_same_images() -> None:
    from firstspike.learning import take

    events, chosen = images(50), plan(epochs=1)
    course = learn_course(ModelPupil(), network(), events, chosen)
    order = np.random.default_rng([chosen.seed, 1, 0]).permutation(50)
    learner = Learner(network(), chosen.schedule.at(0, 50, 2))
    learner.run(take(events, order[:25]))
    learner.settings = chosen.schedule.at(25, 50, 2)
    learner.run(take(events, order[25:]))
    assert same(learner.network, course.network)


def test_an_interrupted_course_ends_with_the_same_weights(tmp_path: Path) -> None:
    chosen = plan(epochs=3, every=70, shift=1, guard=0.0)
    args = (network(), images(100), chosen)
    whole = learn_course(ModelPupil(), *args, check=images(60, seed=2))

    def interrupt(entry: Entry) -> None:
        if entry.images >= 140:
            raise KeyboardInterrupt

    file = tmp_path / "course"
    with pytest.raises(KeyboardInterrupt):
        learn_course(ModelPupil(), *args, check=images(60, seed=2), checkpoint=file, entry=interrupt)
    resumed = learn_course(ModelPupil(), *args, check=images(60, seed=2), checkpoint=file, resume=True)
    assert same(whole.network, resumed.network)
    assert whole.history == resumed.history
    assert whole.count == resumed.count == 300


def test_a_course_with_a_lost_pupil_ends_with_the_same_weights() -> None:
    args = (network(), images(100), plan(epochs=2, every=40))
    whole = learn_course(ModelPupil(), *args)
    pupil = Forgetful({1, 4, 5, 9})
    course = learn_course(pupil, *args)
    assert same(whole.network, course.network)
    assert whole.history == course.history
    assert pupil.loads == 5


def test_a_pupil_that_is_always_lost_is_given_up() -> None:
    with pytest.raises(PupilLost, match=r"^the board was reset in the middle of learning$"):
        learn_course(Forgetful(set(range(100))), network(), images(20), plan())


class Damaged(ModelPupil):
    """A pupil whose third call of `learn` zeroes the weights of every second neuron of the first layer."""

    calls = 0

    def learn(self, events: EventSet, settings: LearnSettings) -> LearnResults:
        self.calls += 1
        found = super().learn(events, settings)
        if self.calls == 3:
            now = self.network()
            weights = now.layers[0].weights * (np.arange(now.layers[0].outputs) % 2 == 0)
            first = replace(now.layers[0], weights=weights.astype(np.int8))
            self.load(replace(now, layers=(first, *now.layers[1:])), 0)
        return found


def test_the_guard_restores_the_best_weights() -> None:
    args, check = (network(), images(400)), images(300, seed=2)
    gentle = Schedule(margin=(2,), late=(12,), chances=((5,),))  # learns too slowly to repair the damage
    start = learn_course(ModelPupil(), *args, plan(epochs=4)).network
    guarded = learn_course(Damaged(), start, args[1], plan(epochs=3, schedule=gentle, guard=0.02), check=check)
    free = learn_course(Damaged(), start, args[1], plan(epochs=3, schedule=gentle), check=check)
    best = max(entry.accuracy or 0 for entry in guarded.history[:2])
    assert (free.history[-1].accuracy or 0) < best - 0.02
    assert [entry.rolled_back for entry in free.history] == [False] * 3
    assert [entry.rolled_back for entry in guarded.history] == [False, False, True]
    pupil = ModelPupil()
    pupil.load(guarded.network, guarded.count)
    assert (pupil.classify(check)["class"] == check.labels).mean() == best


def test_a_checkpoint_of_another_course_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "course"
    learn_course(ModelPupil(), network(), images(40), plan(epochs=1), checkpoint=file)
    with pytest.raises(FirstspikeError) as caught:
        learn_course(ModelPupil(), network(), images(41), plan(epochs=2), checkpoint=file, resume=True)
    assert str(caught.value) == (
        f"{file} belongs to another run (data, epochs differ); repeat its options, or start afresh without --resume"
    )


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "course"
    file.write_bytes(content)
    with pytest.raises(FirstspikeError) as caught:
        learn_course(ModelPupil(), network(), images(10), plan(), checkpoint=file, resume=True)
    assert str(caught.value).startswith(f"{file} is no checkpoint of learning (")
    assert str(caught.value).endswith("); delete it to start afresh")


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "course"
    learn_course(ModelPupil(), network(), images(10), plan(epochs=1), checkpoint=file)
    with np.load(file) as saved:
        arrays = dict(saved)
    arrays["weights0"] = np.full_like(arrays["weights0"], -128)
    with open(file, "wb") as out:
        np.savez(out, **arrays)
    with pytest.raises(FirstspikeError) as caught:
        learn_course(ModelPupil(), network(), images(10), plan(epochs=1), checkpoint=file, resume=True)
    assert str(caught.value) == (
        f"{file} is no checkpoint of learning (its array weights0 is not int8 [16, 20] in -127..127); "
        "delete it to start afresh"
    )


def test_labels_and_settings_out_of_range_are_refused() -> None:
    events = images(10)
    assert events.labels is not None
    events.labels[4] = 3
    with pytest.raises(FirstspikeError, match=r"^image 4: label 3 is out of range; this network has classes 0\.\.2$"):
        learn_course(ModelPupil(), network(), events, plan())
    with pytest.raises(FirstspikeError, match=r"^late must be in 0\.\.255 steps, not 999; for example 16$"):
        learn_course(
            ModelPupil(), network(), images(5), plan(schedule=Schedule(margin=(0,), late=(999,), chances=((0,),)))
        )


def test_a_model_pupil_without_a_network_is_an_error() -> None:
    with pytest.raises(FirstspikeError) as caught:
        ModelPupil().network()
    assert str(caught.value) == "no network is loaded; call load(network, count) first"
