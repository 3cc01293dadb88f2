"""A boot program is packed and unpacked, performed by its unit, and loads a whole core without a host."""

import random

import numpy as np
import pytest
from core_bench import Bench
from core_configs import differences, small_config
from networks import random_images, random_network
from unit_bench import check, strobe, taking

from firstspike_contract import FirstspikeError, load_plan
from firstspike_contract.core.boot import boot_writes, pack_boot
from firstspike_contract.core.loading import boot_program
from firstspike_contract.core.register_map import Memory
from firstspike_contract.core.stream_format import Header, pack_image
from firstspike_hw.core.boot import Boot


@pytest.mark.parametrize("count", [0, 1, 15, 16])
def test_a_program_returns_as_it_was_packed(count) -> None:
    chance = random.Random(count)
    writes = [(4 * chance.getrandbits(10), chance.getrandbits(32)) for _ in range(count)]
    assert boot_writes(pack_boot(writes, 48).tolist()) == writes


def test_a_program_that_does_not_fit_is_refused() -> None:
    with pytest.raises(
        FirstspikeError,
        match=r"^the boot memory holds 16 register writes, the network needs 17; use fewer constant inputs$",
    ):
        pack_boot([(0x10, 1)] * 17, 48)


def perform(words, *, stall=0.0):
    """Loads the words, resets the unit, compares its writes with the model, and returns them."""
    unit, chance = Boot(words=len(words)), random.Random(1)

    async def give(ctx, item):
        """Writes one word. The bench writes the first word last, because the program is void until then."""
        address, word = item
        ctx.set(unit.host.address, address)
        ctx.set(unit.host.word, word)
        await strobe(ctx, unit.host.write)

    async def prepare(ctx):
        for item in reversed(list(enumerate(words))):
            await give(ctx, item)

    async def nothing(ctx, word):
        del ctx, word

    take = taking(unit.writes, lambda write: (write.address, write.word), chance=chance, stall=stall)
    return check(unit, words, give=nothing, take=take, prepare=prepare, top=Restarted(unit, len(words)))


class Restarted:
    """A module around the unit that holds it in reset while the bench fills its memory."""

    def __new__(cls, unit, words):
        from amaranth.hdl import Module, ResetInserter, Signal

        m, count = Module(), Signal(range(words + 2))
        with m.If(count <= words):
            m.d.sync += count.eq(count + 1)
        m.submodules.unit = ResetInserter(count <= words - 1)(unit)
        return m


@pytest.mark.parametrize("stall", [0.0, 0.6])
@pytest.mark.parametrize("count", [0, 3, 16])
def test_the_unit_performs_its_program(count, stall) -> None:
    chance = random.Random(count)
    writes = [(4 * chance.getrandbits(10), chance.getrandbits(32)) for _ in range(count)]
    words = pack_boot(writes, 48).tolist()
    assert perform(words, stall=stall) == writes


def test_a_core_loads_itself_after_reset_and_forgets_when_a_host_loads() -> None:
    network, other = random_network(31, sizes=(12, 7, 3)), random_network(32, sizes=(9, 4))
    config = small_config(boot=192)
    plan = load_plan(network, config)
    program = pack_boot(boot_program(plan), 192)
    images = random_images(network, 31, 3)

    async def prepare(bench, ctx):
        """Fills the memories as a bitstream would, the boot program last; the reset then clears the registers."""
        await bench.load(ctx, network)
        await bench.write(ctx, "CONTROL", 0)
        await bench.write(ctx, "MEM_SELECT", Memory.BOOT)
        await bench.write(ctx, "MEM_ADDRESS", 0)
        for word in program.tolist():
            assert await bench.write(ctx, "MEM_DATA", word) == 0
        await bench.reset(ctx)

    async def loaded(bench, ctx):
        await ctx.tick().until(bench._core.booted)
        assert await bench.read(ctx, "CONTROL") == 1
        assert await bench.read(ctx, "INPUTS", plan.stages[0]) == network.layers[0].inputs

    async def blank(bench, ctx):
        await bench.reset(ctx)
        assert await bench.read(ctx, "CONTROL") == 0
        assert await bench.read(ctx, "STEPS") == 0

    beats = [pack_image(events, flags=Header.SPIKES, tag=n) for n, events in enumerate(images)]
    done = Bench(config=config).run(
        prepare,
        loaded,
        lambda bench, ctx: bench.play(ctx, beats, traced=len(beats)),
        lambda bench, ctx: bench.load(ctx, other),
        blank,
    )
    played = done[2]
    for n, events in enumerate(images):
        assert differences(network, events, played.results[n], played.traces[n]) == ""
    assert np.array_equal(boot_writes(program.tolist()), boot_program(plan))
