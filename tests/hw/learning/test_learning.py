"""The whole core learns in the Amaranth simulator: its weights, answers and registers equal the contract's."""

import random

import numpy as np
import pytest
from core_bench import Bench
from core_configs import small_config
from faults import FAULTS, planted
from learning_networks import LEARNING_SETS, differs, learnable, learning_set
from networks import random_images, random_network

from firstspike_contract import FirstspikeError, LearnSettings, check_core_learns, evaluate, learning_registers
from firstspike_contract.core.stream_format import Header, ResultFlag, pack_image


@pytest.mark.parametrize("name", list(LEARNING_SETS))
def test_the_core_learns_what_the_contract_does(name) -> None:
    assert differs(name) == ""


def test_the_learning_sets_cover_every_case() -> None:
    """The cases: each kernel; images that trigger or do not, and that learn or do not; weights that saturate."""
    seen = [learning_set(name) for name in LEARNING_SETS]
    assert {learning.network.kernel for learning in seen} == {"linear", "exponential", "alpha", "lif-2to1", "step"}
    assert {len(learning.network.layers) for learning in seen} == {1, 2, 3}
    triggered = [
        flag for learning in seen for flag, learns in zip(learning.triggered, learning.learns, strict=True) if learns
    ]
    assert any(triggered)
    assert not all(triggered)
    assert not all(all(learning.learns) for learning in seen)
    assert any((np.abs(layer.weights) == 127).any() for learning in seen for layer in learning.after.layers)


def test_registers_count_images_and_cycles() -> None:
    learning = learning_set("linear")
    bench = Bench(config=learning.config)

    async def counters(bench, ctx):
        names = ("LEARN_COUNT", "TRIGGERED", "LEARN_CYCLES")
        return [await bench.read(ctx, name) for name in names]

    _, _, before, _, _, after = bench.run(
        lambda b, ctx: b.load(ctx, learning.network),
        lambda b, ctx: b.set_learning(ctx, learning.network, learning.settings, learning.count),
        counters,
        lambda b, ctx: b.play(ctx, learning.beats, traced=0),
        lambda b, ctx: b.learnt(ctx, learning.network),  # the last image learns after its result
        counters,
    )
    assert before == [learning.count, 0, 0]
    assert after[0] == (learning.count + sum(learning.learns)) % 2**32
    assert after[1] == sum(learning.triggered)
    assert after[2] > 0


def test_a_core_without_learning_ignores_the_flag_learn() -> None:
    network = random_network(5, sizes=(10, 6, 3))
    images = random_images(network, 5, 3)
    beats = [pack_image(events, flags=Header.LEARN, label=1) for events in images]
    bench = Bench(config=small_config())
    _, played, after = bench.run(
        lambda b, ctx: b.load(ctx, network),
        lambda b, ctx: b.play(ctx, beats),
        lambda b, ctx: b.learnt(ctx, network),
    )
    for events, result in zip(images, played.results, strict=True):
        assert result == evaluate(network, events).result
    assert not (played.packets["flags"] & ResultFlag.TRIGGERED).any()
    for was, now in zip(network.layers, after.layers, strict=True):
        np.testing.assert_array_equal(now.weights, was.weights)


@pytest.mark.parametrize("name", ["linear", "three layers"])
def test_stalls_and_the_order_of_arrival_change_no_weight(name) -> None:
    learning = learning_set(name)
    chance = random.Random(7)
    shuffled = []
    for events, beats in zip(learning.images, learning.beats, strict=True):
        order = list(range(len(events)))
        chance.shuffle(order)
        # Only the first event of an input counts. An image with several events of one input keeps its order.
        once = len(set(events["x"].tolist())) == len(events)
        shuffled.append(np.concatenate([beats[:1], beats[1:][order]]) if once else beats)
    assert any(len(beats) > 2 for beats in shuffled)
    assert differs(name, beats=shuffled, stall=0.5) == ""


def test_a_core_that_cannot_learn_says_so() -> None:
    network, settings = random_network(5, sizes=(10, 6, 3)), LearnSettings(margin=1, late=9, chances=(0, 0))
    with pytest.raises(FirstspikeError) as caught:
        learning_registers(network, small_config(), settings)
    assert str(caught.value) == (
        "this core was built without learning; take one that has it, such as sim:learning, or "
        "StageConfig(learning=True) in every stage; or let the model learn: --board model:"
    )
    with pytest.raises(FirstspikeError, match=r"^late must be in 0\.\.255 steps, not 256; for example 16$"):
        learning_registers(network, learnable(), LearnSettings(margin=1, late=256, chances=(0, 0)))


def test_accumulators_must_hold_all_weights_at_their_largest() -> None:
    network = random_network(5, sizes=(30, 6, 3), steps=32)
    check_core_learns(network, learnable())
    with pytest.raises(FirstspikeError) as caught:
        check_core_learns(network, learnable(a_bits=12))
    assert str(caught.value) == (
        "stage 0 has accumulators of 12 and 36 bits; the layer needs 13 and 18 once all weights may become +-127; "
        "use fewer inputs or steps"
    )


CAUGHT_BY = {
    "votes against counted for": "linear",
    "own spikes struck a step late": "linear",
    "queues not taken back": "linear",
    "the host's word is learnt too": "linear",
    "counts of the end, not of the decision": "linear",
    "replay ends a step early": "one layer",
    "rival forgotten": "linear",
    "lateness forgotten": "alpha",
    "margin one step short": "one layer",
    "rivals beyond the end": "one layer",
    "weights wrap": "three layers",
    "random bits not turned": "linear",
    "random bits of another layer": "three layers",
    "one more random bit": "linear",
    "learning images not counted": "linear",
    "signs kept from the image before": "one layer",
    "label not marked": "linear",
    "marks in the first row": "linear",
    "image let go before it is learnt": "linear",
    "learnt at another address": "linear",
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", CAUGHT_BY)
def test_a_planted_fault_is_caught(fault) -> None:
    with planted(FAULTS[fault]):
        assert differs(CAUGHT_BY[fault]) != ""
