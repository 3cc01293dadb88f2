"""Relays equal their model, and so does a core whose first stage is wide enough to have relays."""

import dataclasses

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from core_bench import Bench
from core_configs import differences, small_config
from networks import random_images, random_network
from unit_bench import check

from firstspike_contract import EventSet, evaluate_set
from firstspike_contract.core import cycles as model
from firstspike_contract.core.config import WIDE
from firstspike_contract.core.stream_format import pack_image
from firstspike_hw.fabric.relay import RELAYED, Relay, relayed


def simulate(m: Module, bench) -> None:
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("readers", [1, RELAYED, RELAYED + 1, 11])
def test_every_reader_sees_the_source_a_cycle_later(readers) -> None:
    m, value = Module(), Signal(8)
    near = relayed(m, "relay{n}", value, readers)
    assert len(near) == readers
    assert len({id(relay) for relay in near}) == -(-readers // RELAYED)

    async def bench(ctx) -> None:
        before = 0
        for new in (3, 200, 0, 255):
            ctx.set(value, new)
            await ctx.tick()
            assert [ctx.get(relay) for relay in near] == [new] * len(near)
            ctx.set(value, before)
            assert [ctx.get(relay) for relay in near] == [new] * len(near)
            before = new

    simulate(m, bench)


def test_a_relay_equals_its_model() -> None:
    unit = Relay(8)

    async def give(ctx, value):
        ctx.set(unit.i, value)
        await ctx.tick()

    check(unit, [3, 200, 0, 255, 255, 1], give=give, read=lambda ctx, _: [ctx.get(unit.o)], latency=unit.latency)


def test_relays_listen_to_relays() -> None:
    m, value = Module(), Signal(4)
    near = relayed(m, "relay{level}_{n}", value, 43, relays=2)
    assert len({id(relay) for relay in near}) == 11
    assert len(near) == 43
    first = {id(m.submodules[f"relay2_{n}"]) for n in range(3)}
    assert len(first) == 3
    with pytest.raises(AttributeError):
        m.submodules["relay2_3"]

    async def bench(ctx) -> None:
        seen = []
        for new in (3, 9, 0, 15, 6):
            ctx.set(value, new)
            await ctx.tick()
            assert len({ctx.get(relay) for relay in near}) == 1
            seen.append(ctx.get(near[0]))
        assert seen[1:] == [3, 9, 0, 15]

    simulate(m, bench)


def test_without_relays_every_reader_listens_to_the_source() -> None:
    m, value = Module(), Signal(4)
    assert all(told is value for told in relayed(m, "none", value, 3, relays=0))
    Simulator(m)


def wide_config():
    """Returns a small configuration whose first stage has more than WIDE lanes."""
    config = small_config(kernels=("linear",), stages=2, ring=True)
    first, last = config.stages
    return dataclasses.replace(
        config,
        stages=(
            dataclasses.replace(first, lanes=WIDE + 8, max_rows=1, depth=16),
            dataclasses.replace(last, lanes=3, inputs=512, depth=512, max_rows=1),
        ),
    )


def test_a_stage_is_wide_by_its_lanes_unless_it_learns() -> None:
    wide, narrow = wide_config().stages
    assert (wide.wide, narrow.wide) == (True, False)
    assert not dataclasses.replace(wide, lanes=WIDE).wide
    assert not dataclasses.replace(wide, learning=True).wide


def test_a_wide_core_equals_the_contract() -> None:
    """The core is loaded word by word without a pause, read back, and given images.

    Its cycles are those of the cycle model, to within 4. The relays of the wide stage cost Relay.latency cycles.
    """
    network = random_network(3, sizes=(7, WIDE + 3, 3), delays=False, theta=900)
    images = random_images(network, 3, 3)
    config = wide_config()
    beats = [pack_image(events, tag=n) for n, events in enumerate(images)]
    _, played = Bench(config=config).run(
        lambda bench, ctx: bench.load(ctx, network, read_back=True), lambda bench, ctx: bench.play(ctx, beats)
    )
    for n, events in enumerate(images):
        assert differences(network, events, played.results[n], None) == ""
    offsets = np.cumsum([0, *map(len, images)]).astype(np.int64)
    batch = evaluate_set(network, EventSet(events=np.concatenate(images), offsets=offsets))
    said, was = model.image_cycles(network, config, batch), played.packets["cycles"]
    assert np.abs(said - was).max() <= 4, (said, was)
    first, last = config.stages
    narrow = dataclasses.replace(config, stages=(dataclasses.replace(first, learning=True), last))
    assert (said - model.image_cycles(network, narrow, batch) == Relay.latency).all()
