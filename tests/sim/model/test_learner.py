"""The fast learner equals the plain model in every weight, on random networks of all kernels."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from firstspike_contract import KERNELS, EventSet, FirstspikeError, Kernel, LearnSettings, Network, evaluate, learn
from firstspike_sim import FastModel, Learner
from firstspike_sim.model import kernel, layout, learn_kernel, vectors
from firstspike_sim.rtl.random_cases import random_events, random_network

IMAGES = 8


def random_set(seed: int) -> tuple[Network, EventSet, LearnSettings, int, np.ndarray]:
    """Returns a network, labelled images, settings, the first image count, and which images learn."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, large=False, kernel=cast(Kernel, str(rng.choice(KERNELS))))
    events = random_events(rng, network, IMAGES)
    labels = rng.integers(0, network.classes, IMAGES)
    chosen = LearnSettings(
        margin=int(rng.integers(0, network.steps)),
        late=int(rng.integers(0, network.steps)),
        chances=tuple(rng.integers(0, rng.choice([1, 3, 6]), len(network.layers)).tolist()),
        seed=int(rng.integers(0, 2**32)),
    )
    count = int(rng.choice([0, 2**32 - 3, rng.integers(0, 2**32)]))
    labelled = EventSet(events=events.events, offsets=events.offsets, labels=labels)
    return network, labelled, chosen, count, rng.random(IMAGES) < 0.8


def compare(seed: int) -> Counter[str]:
    """Runs both models on one random case, asserts that they are equal, and returns counts of what happened."""
    network, events, chosen, count, learning = random_set(seed)
    fast = Learner(network, chosen, count)
    got = fast.run(events, learning)
    seen: Counter[str] = Counter()
    for n in range(IMAGES):
        if learning[n]:
            found = learn(network, events.image(n), int(events.labels[n]), chosen, count)  # type: ignore[index]
            result, count = found.evaluation.result, (count + 1) % 2**32
            assert (got.steps[n], got.triggered[n]) == (found.step, found.triggered)
            for before, after in zip(network.layers, found.network.layers, strict=True):
                seen["moved"] += int((before.weights != after.weights).sum())
            seen["triggered"] += found.triggered
            seen["ran on"] += found.step > result["step"]
            network = found.network
        else:
            result = evaluate(network, events.image(n)).result
            assert not got.triggered[n]
        assert got.results[n] == result
        seen["images"] += 1
    for k, (have, want) in enumerate(zip(fast.network.layers, network.layers, strict=True)):
        np.testing.assert_array_equal(have.weights, want.weights, err_msg=f"layer {k}")
    assert fast.count == count
    seen[f"{network.kernel} {len(network.layers)}"] += seen["triggered"] > 0
    return seen


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_equals_the_plain_model(seed: int) -> None:
    note(f"seed {seed}")
    compare(seed)


def test_random_cases_cover_all_kernels_depths_and_triggers() -> None:
    """In the comparison every kernel and depth learns; some images trigger and some do not."""
    seen: Counter[str] = Counter()
    for seed in range(150):
        seen += compare(seed)
    print(seen)
    assert sum(" " in name and name[-1].isdigit() for name in seen) == 20
    assert 200 < seen["triggered"] < seen["images"] - 100
    assert seen["ran on"] > 100
    assert seen["moved"] > 10_000


def test_a_set_in_two_runs_is_the_same_as_in_one() -> None:
    network, events, chosen, count, learning = random_set(7)
    once = Learner(network, chosen, count)
    once.run(events, learning)
    cut = int(events.offsets[3])
    first = Learner(network, chosen, count)
    first.run(events.head(3), learning[:3])
    assert events.labels is not None
    rest = EventSet(events=events.events[cut:], offsets=events.offsets[3:] - cut, labels=events.labels[3:])
    second = Learner(first.network, chosen, first.count)
    second.run(rest, learning[3:])
    for one, two in zip(once.network.layers, second.network.layers, strict=True):
        np.testing.assert_array_equal(one.weights, two.weights)


def test_images_that_do_not_learn_equal_those_of_the_fast_model() -> None:
    network, events, chosen, count, _ = random_set(11)
    learner = Learner(network, chosen, count)
    got = learner.run(events, np.zeros(IMAGES, bool))
    np.testing.assert_array_equal(got.results, FastModel(network).run(events).results)
    assert learner.count == count
    for have, want in zip(learner.network.layers, network.layers, strict=True):
        np.testing.assert_array_equal(have.weights, want.weights)


def test_a_set_without_labels_or_with_wrong_ones_is_refused() -> None:
    network, events, chosen, count, _ = random_set(3)
    learner = Learner(network, chosen, count)
    with pytest.raises(FirstspikeError) as caught:
        learner.run(EventSet(events=events.events, offsets=events.offsets))
    assert str(caught.value) == "learning needs a label for every image; this set has none"
    labels = np.full(IMAGES, network.classes)
    with pytest.raises(FirstspikeError) as caught:
        learner.run(EventSet(events=events.events, offsets=events.offsets, labels=labels))
    assert str(caught.value) == (
        f"image 0: label {network.classes} is out of range; this network has classes 0..{network.classes - 1}"
    )


def test_helpers_of_learn_kernel_py_is_the_digest_of_the_helpers() -> None:
    source = b"".join(Path(str(module.__file__)).read_bytes() for module in (kernel, layout, vectors))
    digest = hashlib.sha256(source).hexdigest()[: len(learn_kernel.HELPERS)]
    assert digest == learn_kernel.HELPERS, "write the new digest into HELPERS of learn_kernel.py"
