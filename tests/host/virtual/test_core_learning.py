"""The learning half of the core's model: both of its paths learn what the contract learns, in any order of the two."""

from dataclasses import replace

import numpy as np
import pytest
from networks import random_images, random_network, set_of

from firstspike.virtual import core_learning
from firstspike.virtual.core_learning import LearningModel, settings_in, weights_into
from firstspike_contract import CONFIGS, EventSet, LearnSettings, Network, learn, load_plan
from firstspike_contract.arithmetic.random_bits import CHANCE_MAX
from firstspike_contract.core.learning import learning_registers
from firstspike_contract.core.register_map import Memory, write_of
from firstspike_contract.core.unloading import memory_beats

NETWORK = random_network(5, sizes=(10, 6, 3))
SETTINGS = LearnSettings(margin=3, late=5, chances=(0, 0), seed=9)
CORE = CONFIGS["learning"]


def events(count: int = 12) -> EventSet:
    return set_of(random_images(NETWORK, 3, count), np.arange(count) % 3)


def expected(count: int) -> tuple[Network, list[bool], int]:
    """What the contract makes of the images: network, which images triggered, count."""
    network, triggered, images = NETWORK, [], events()
    assert images.labels is not None
    for n in range(len(images)):
        given = learn(network, images.image(n), int(images.labels[n]), SETTINGS, count)
        network, count = given.network, (count + 1) % 2**32
        triggered.append(given.triggered)
    return network, triggered, count


def weights(network: Network) -> list[list[list[int]]]:
    return [layer.weights.tolist() for layer in network.layers]


@pytest.mark.parametrize("count", [0, 2**32 - 3])
@pytest.mark.parametrize("times", [(False,), (True,), (False, True, False), (True, False)])
@pytest.mark.parametrize("numba", [True, False])
def test_images_are_learnt_on_every_path(
    times: tuple[bool, ...], count: int, numba: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not numba:
        monkeypatch.setattr(core_learning, "_learner", lambda network, settings, count: None)
    model, images = LearningModel(NETWORK, SETTINGS, count), events()
    want, triggers, after = expected(count)
    found: list[bool] = []
    ends = [len(images) * (n + 1) // len(times) for n in range(len(times))]
    for first, end, timed in zip([0, *ends], ends, times, strict=False):
        batch, triggered = model.learn(images.part(first, end), times=timed)
        found += triggered.tolist()
        assert len(batch) == end - first
        assert len(batch.times) == (len(NETWORK.sizes) if timed or not numba else 0)
    assert (found, model.count) == (triggers, after)
    assert weights(model.network) == weights(want)
    assert any(triggers)
    assert weights(want) != weights(NETWORK)


def test_settings_come_from_the_registers() -> None:
    registers = dict(learning_registers(NETWORK, CORE, replace(SETTINGS, chances=(2, 5)), 11))
    assert settings_in(registers, CORE, NETWORK) == (replace(SETTINGS, chances=(2, 5)), 11)
    last = len(CORE.stages) - 1
    registers |= dict([write_of("CHANCE", last, p=7)])
    assert settings_in(registers, CORE, NETWORK)[0].chances == (2, CHANCE_MAX), "a larger p is the largest"


def test_weights_go_where_a_load_would_write_them() -> None:
    memories = {key: np.full(beats, 7, np.uint32) for key, beats in memory_beats(CORE).items()}
    weights_into(memories, NETWORK, CORE)
    for block in load_plan(NETWORK, CORE).memories:
        found = memories[block.kind, block.stage]
        if block.kind == Memory.WEIGHTS:
            assert (found[: len(block.beats)] == block.beats).all()
            assert (found[len(block.beats) :] == 7).all()
        else:
            assert (found == 7).all()
