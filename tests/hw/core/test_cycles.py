"""Compares the cycle model with the gateware: the latencies of units, and the cycles of whole images."""

import numpy as np
import pytest
from core_bench import Bench
from core_configs import BUILT, small_config
from networks import random_images, random_network

from firstspike_contract import EventSet, evaluate_set
from firstspike_contract.core import cycles as model
from firstspike_contract.core.stream_format import pack_image
from firstspike_hw.core.engine import Engine
from firstspike_hw.fabric.relay import Relay
from firstspike_hw.fabric.weights import WeightMemory
from firstspike_hw.spikes.decision import Decision
from firstspike_hw.spikes.filing import Filing
from firstspike_hw.spikes.serialiser import Serialiser
from firstspike_hw.stage.lanes import LANES
from firstspike_hw.stage.sequencer import Sequencer


def test_the_latencies_are_those_of_the_units() -> None:
    assert {lanes.serves: lanes.latency for lanes in LANES} == model.LANE_LATENCY
    assert Sequencer.latency + WeightMemory.latency == model.ROW_LATENCY
    assert Relay.latency == model.RELAY_LATENCY
    assert Serialiser.latency == model.SERIALISER_LATENCY
    assert Filing.latency + 1 == model.FILING_LATENCY
    assert Decision.latency == model.SERIALISER_LATENCY + model.VERDICT_LATENCY
    assert Engine.overhead == model.OVERHEAD


@pytest.mark.parametrize(
    ("seed", "kernel", "sizes"),
    [
        (1, "linear", (24, 12, 6)),
        (2, "exponential", (24, 9, 5, 4)),
        (3, "linear", (30, 5)),
        (4, "step", (24, 12, 6)),
        (5, "lif-2to1", (24, 9, 4)),
    ],
)
def test_the_cycle_model_predicts_the_cycles_of_images(seed, kernel, sizes) -> None:
    network = random_network(seed, kernel=kernel, sizes=sizes, theta=300)
    images = random_images(network, seed, 8)
    beats = [pack_image(events) for events in images]
    config = small_config(kernels=BUILT[kernel])
    _, played = Bench(config=config).run(lambda b, ctx: b.load(ctx, network), lambda b, ctx: b.play(ctx, beats))
    offsets = np.cumsum([0, *map(len, images)]).astype(np.int64)
    batch = evaluate_set(network, EventSet(events=np.concatenate(images), offsets=offsets))
    said, was = model.image_cycles(network, config, batch), played.packets["cycles"]
    assert abs(said.sum() / was.sum() - 1) <= 0.02
    assert np.abs(said - was).max() <= 4, (said, was)
