"""Compares the whole core in the Amaranth simulator with the contract, spike by spike."""

import numpy as np
import pytest
from core_bench import Bench
from core_configs import BUILT, differences, small_config
from networks import random_images, random_network

from firstspike_contract import EVENT
from firstspike_contract.core.register_map import CORE_ID, GLOBAL, STAGE
from firstspike_contract.core.stream_format import Header, ResultFlag, pack_bitmap, pack_image, unpack_bitmap


def loading(network, read_back=False):
    return lambda bench, ctx: bench.load(ctx, network, read_back)


def playing(images, flags=Header.SPIKES):
    beats = [pack_image(events, flags=flags, tag=n, label=7 * n) for n, events in enumerate(images)]
    return lambda bench, ctx: bench.play(ctx, beats, traced=len(beats) if flags & Header.SPIKES else 0)


def check(network, images, played, traced=True):
    assert played.packets["tag"].tolist() == list(range(len(images)))
    assert played.packets["label"].tolist() == [7 * n for n in range(len(images))]
    for n, events in enumerate(images):
        trace = played.traces[n] if traced else None
        assert differences(network, events, played.results[n], trace) == "", f"image {n} of {events}"


@pytest.mark.parametrize(
    ("seed", "kernel", "sizes", "stall"),
    [
        (1, "linear", (12, 7, 3), 0.0),
        pytest.param(2, "exponential", (12, 7, 3), 0.3, marks=pytest.mark.long),
        pytest.param(3, "linear", (20, 3), 0.0, marks=pytest.mark.long),
        (4, "exponential", (30, 16, 9, 6), 0.2),
        pytest.param(5, "linear", (8, 5, 4, 2), 0.5, marks=pytest.mark.long),
        pytest.param(6, "exponential", (16, 8), 0.0, marks=pytest.mark.long),
        (7, "step", (12, 7, 3), 0.0),
        pytest.param(8, "step", (20, 9, 6, 4), 0.3, marks=pytest.mark.long),
        (9, "alpha", (12, 7, 3), 0.0),
        pytest.param(10, "alpha", (20, 9, 6, 4), 0.3, marks=pytest.mark.long),
        (11, "lif-2to1", (12, 7, 3), 0.0),
        pytest.param(12, "lif-2to1", (20, 9, 6, 4), 0.3, marks=pytest.mark.long),
    ],
)
def test_random_networks_equal_the_contract(seed, kernel, sizes, stall) -> None:
    network = random_network(seed, kernel=kernel, sizes=sizes)
    images = random_images(network, seed, 6)
    config = small_config(kernels=BUILT[kernel])
    _, played = Bench(config=config, stall=stall).run(loading(network), playing(images))
    check(network, images, played)
    if stall == 0:
        offers = np.diff(played.offered)
        assert offers.tolist() == played.packets["cycles"][1:].tolist(), (
            "back to back, cycles must be the distance of results"
        )
        waits = np.subtract(played.offered, played.taken)
        assert waits.tolist() == played.packets["latency"].tolist()


@pytest.mark.parametrize("steps", [16, pytest.param(32, marks=pytest.mark.long)])
def test_t_at_both_ends_of_the_core(steps) -> None:
    network = random_network(11, kernel="exponential", steps=steps, sizes=(10, 6, 4))
    images = random_images(network, 11, 4)
    _, played = Bench(config=small_config()).run(loading(network), playing(images))
    check(network, images, played)


@pytest.mark.parametrize("ring", [False, True])
def test_the_linear_lanes_of_the_fast_core(ring) -> None:
    network = random_network(12, sizes=(14, 11, 5))
    images = random_images(network, 12, 5)
    config = small_config(kernels=("linear",), stages=2, ring=ring)
    _, played = Bench(config=config).run(loading(network), playing(images))
    check(network, images, played)


@pytest.mark.parametrize("kernel", ["step", *(pytest.param(k, marks=pytest.mark.long) for k in ("alpha", "lif-2to1"))])
def test_every_kernel_with_its_state_in_a_ring(kernel) -> None:
    network = random_network(13, kernel=kernel, sizes=(14, 11, 5))
    images = random_images(network, 13, 5)
    config = small_config(kernels=(kernel,), stages=2, ring=True)
    _, played = Bench(config=config).run(loading(network, True), playing(images))
    check(network, images, played)


def test_another_network_between_images_and_every_memory_read_back() -> None:
    first = random_network(13, sizes=(12, 7, 3))
    second = random_network(14, kernel="exponential", steps=32, sizes=(9, 4))
    images = [random_images(network, 15, 3) for network in (first, second)]
    bench = Bench(config=small_config())
    done = bench.run(
        loading(first, True),
        playing(images[0]),
        loading(second, True),
        playing(images[1]),
        loading(first),
        playing(images[0]),
    )
    for network, events, played in zip((first, second, first), (*images, images[0]), done[1::2], strict=True):
        check(network, events, played)


def test_without_the_flag_there_is_no_trace() -> None:
    network = random_network(16)
    images = random_images(network, 16, 3)
    _, played = Bench(config=small_config()).run(loading(network), playing(images, Header(0)))
    check(network, images, played, traced=False)
    assert played.traces == []


@pytest.mark.parametrize("seed", [17, 18])
def test_running_on_changes_no_answer(seed) -> None:
    network = random_network(seed, sizes=(12, 7, 5, 3))
    images = random_images(network, seed, 4)
    _, played = Bench(config=small_config()).run(loading(network), playing(images, Header.SPIKES | Header.RUN_ON))
    check(network, images, played)


def test_bitmaps_are_events_of_step_0() -> None:
    network = random_network(19, sizes=(30, 9, 4))
    random = np.random.default_rng(19)
    beats = [pack_bitmap(random.random(n) < 0.5, flags=Header.SPIKES, tag=n) for n in (30, 0, 32, 20)]
    _, played = Bench(config=small_config()).run(loading(network), lambda b, ctx: b.play(ctx, beats, traced=4))
    for n, image in enumerate(beats):
        assert differences(network, unpack_bitmap(image), played.results[n], played.traces[n]) == ""
    assert played.packets["latency"].tolist() == np.subtract(played.offered, played.taken).tolist()


def test_ordered_images_with_stalls_equal_the_contract() -> None:
    network = random_network(20, sizes=(24, 6, 3), theta=40)
    images = [events[np.argsort(events["t"], kind="stable")] for events in random_images(network, 20, 5)]
    _, played = Bench(config=small_config(), stall=0.4).run(
        loading(network), playing(images, Header.SPIKES | Header.ORDERED)
    )
    check(network, images, played)
    assert not (played.packets["flags"] & ResultFlag.LATE).any()


def test_an_image_that_breaks_its_promised_order_is_marked_late_and_harms_no_other() -> None:
    network = random_network(21, sizes=(12, 6, 3), delays=False)
    good = random_images(network, 21, 1)[0]
    good["t"].sort()
    kept = np.flatnonzero(network.input_map >= 0)[:3]
    late = np.array([(9, kept[0]), (2, kept[1]), (9, kept[2])], EVENT)
    images = [good, late, good]
    _, played = Bench(config=small_config()).run(loading(network), playing(images, Header.SPIKES | Header.ORDERED))
    assert ((played.packets["flags"] & ResultFlag.LATE) != 0).tolist() == [False, True, False]
    assert played.packets["events_refused"][1] == 1
    for n in (0, 2):
        assert differences(network, good, played.results[n], played.traces[n]) == ""


def test_reset_in_the_middle_of_an_image() -> None:
    network = random_network(22, sizes=(12, 7, 3))
    images = random_images(network, 22, 4)

    async def broken_off(bench, ctx):
        core = bench._core
        for beat in pack_image(images[0], flags=Header.SPIKES)[:4].tolist():
            ctx.set(core.s_axis.payload.data, beat)
            ctx.set(core.s_axis.valid, 1)
            await ctx.tick().until(core.s_axis.ready)
        ctx.set(core.s_axis.valid, 0)
        assert await bench.read(ctx, "STATUS") == 0
        assert await bench.write(ctx, "CONTROL", GLOBAL["CONTROL"].pack(run=1, reset=1)) == 0
        assert await bench.read(ctx, "CONTROL") == 1
        assert await bench.read(ctx, "STATUS") == 1

    done = Bench(config=small_config()).run(loading(network), broken_off, playing(images))
    check(network, images, done[-1])


def test_registers_read_and_write_as_declared() -> None:
    config = small_config()

    async def look(bench, ctx):
        assert await bench.read(ctx, "ID") == CORE_ID
        assert await bench.read(ctx, "BUILD") == GLOBAL["BUILD"].pack(stages=3, steps_log2=5)
        assert await bench.read(ctx, "LANES", 1) == 3
        assert await bench.read(ctx, "WIDTHS", 0) == STAGE["WIDTHS"].pack(a_bits=20, v_bits=36)
        assert await bench.read(ctx, "KERNELS", 0) == 0b11
        assert await bench.write_at(ctx, 0x0F0, 1) == 2, "an unknown address must give SLVERR"
        assert await bench.write(ctx, "ID", 1) == 2
        assert await bench.write(ctx, "STEPS", 16) == 0
        assert await bench.read(ctx, "STEPS") == 16

    Bench(config=config).run(look)


def test_memories_are_out_of_reach_while_an_image_is_here() -> None:
    network = random_network(23)

    async def look(bench, ctx):
        core = bench._core
        ctx.set(core.s_axis.payload.data, 0)
        ctx.set(core.s_axis.valid, 1)
        await ctx.tick().until(core.s_axis.ready)
        ctx.set(core.s_axis.valid, 0)
        assert await bench.write(ctx, "MEM_DATA", 0) == 2
        assert await bench.read(ctx, "MEM_DATA") is None
        assert await bench.write(ctx, "CONTROL", GLOBAL["CONTROL"].pack(run=1, reset=1)) == 0

    images = random_images(network, 23, 2)
    check(network, images, Bench(config=small_config()).run(loading(network), look, playing(images))[-1])
