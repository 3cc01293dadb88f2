"""Random cases of learning: settings in range, every kind among them, and shuffles that change no answer."""

import numpy as np
from networks import random_network, set_of

from firstspike_contract import CONFIGS, EVENT, check_settings, evaluate_set
from firstspike_sim.rtl.learning_cases import learning_core, random_learning_case, shuffled
from firstspike_sim.rtl.random_cases import random_case


def test_every_stage_of_a_core_learns() -> None:
    found = learning_core(CONFIGS["small"])
    assert found.learns
    assert not CONFIGS["small"].learns
    assert [stage.lanes for stage in found.stages] == [stage.lanes for stage in CONFIGS["small"].stages]


def test_settings_are_in_range_and_of_every_kind() -> None:
    network = random_network(1, sizes=(5, 4, 3))
    cases = [random_learning_case(seed, network, 8) for seed in range(80)]
    for case in cases:
        check_settings(network, case.settings)
        assert 0 <= case.count < 2**32
        assert case.learning.shape == (8,)
    again = random_learning_case(7, network, 8)
    assert (again.settings, again.count, again.learning.tolist()) == (
        cases[7].settings,
        cases[7].count,
        cases[7].learning.tolist(),
    )
    assert any(case.count == 2**32 - 2 for case in cases), "the count wraps around"
    assert {0, 255} <= {case.settings.margin for case in cases}
    assert any(case.learning.all() for case in cases)
    assert any(not case.learning.all() for case in cases)


def test_a_shuffle_changes_the_order_and_no_answer() -> None:
    moved = 0
    for seed in range(10):
        case = random_case(seed)
        mixed = shuffled(case.events, seed)
        assert (mixed.offsets == case.events.offsets).all()
        for n in range(len(mixed)):
            assert sorted(mixed.image(n).tolist()) == sorted(case.events.image(n).tolist())
        moved += int((mixed.events != case.events.events).sum())
        assert (evaluate_set(case.network, mixed).results == evaluate_set(case.network, case.events).results).all()
    assert moved > 0


def test_an_image_whose_input_spikes_twice_keeps_its_order() -> None:
    """Only the first of two events of an input counts."""
    image = np.array([(t, x) for t, x in zip(range(9), [0, 1, 2, 3, 4, 5, 6, 7, 0], strict=True)], EVENT)
    assert (shuffled(set_of([image]), 3).events == image).all()
    assert (shuffled(set_of([image[:8]]), 3).events != image[:8]).any()
