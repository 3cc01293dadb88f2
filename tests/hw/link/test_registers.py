"""Registers of the link and its counters, and the watchdog."""

import random

import pytest
from amaranth.hdl import ResetInserter, Signal
from unit_bench import simulate

from firstspike_contract.core.register_map import LINK, LINK_BASE, WATCHDOG_CYCLES, link_offset
from firstspike_hw.link.counters import Counters
from firstspike_hw.link.link_registers import COUNTED, FIXED, LinkRegisters
from firstspike_hw.link.watchdog import Watchdog

VALUES = dict(zip(FIXED, (1, 0xCAFE0123, 48_000_000, 16), strict=True))
GUARD = {"CONFIG": 3, "CONFIG_CRC": 0x89ABCDEF}


async def access(ctx, unit, address, word=None):
    """Data of a read; a write if there is a word."""
    port = unit.access
    ctx.set(port.write, word is not None)
    ctx.set(port.address, address)
    ctx.set(port.word, word or 0)
    ctx.set(port.request, 1)
    *_, data, refused = await ctx.tick().sample(port.data, port.refused).until(port.done)
    ctx.set(port.request, 0)
    assert refused == 0
    return data


def started(unit, ctx):
    for port, name in ((unit.state, "CONFIG"), (unit.crc, "CONFIG_CRC")):
        ctx.set(port, GUARD[name])


def test_every_register_reads_as_the_model_says() -> None:
    unit, chance = LinkRegisters(VALUES), random.Random(1)
    counts = {name: chance.randrange(5) for name in COUNTED}
    writes = [(link_offset(register.name), chance.getrandbits(32)) for register in LINK]  # read-only ones too
    addresses = [link_offset(register.name) for register in LINK]

    async def process(ctx):
        started(unit, ctx)
        await ctx.tick().repeat(20)
        for name, count in counts.items():
            for _ in range(count):
                ctx.set(unit.events, 1 << COUNTED.index(name))
                await ctx.tick()
                ctx.set(unit.events, 0)
                await ctx.tick()
        shown = {**VALUES, **GUARD, **counts}
        for done in ([], writes):
            for address, word in done:
                await access(ctx, unit, address, word)
            found = {address: await access(ctx, unit, address) for address in addresses}
            assert found == LinkRegisters.model(shown, done)
        begin = (link_offset("CONFIG"), 1)
        await access(ctx, unit, *begin)
        found = {address: await access(ctx, unit, address) for address in addresses}
        assert found == LinkRegisters.model(shown, [*writes, begin])
        assert found[link_offset("CONFIG_NAME0")] == found[link_offset("CONFIG_NAME1")] == 0

    simulate(unit, process)


def test_what_is_not_there_reads_0_and_takes_nothing() -> None:
    unit = LinkRegisters(VALUES)
    known = {link_offset(register.name) for register in LINK}

    async def process(ctx):
        started(unit, ctx)
        for address in [*range(LINK_BASE, LINK_BASE + 0x100), 0x2004, 0x8010, 0xF024, 0x1090, 0x1426]:
            if address in known:
                continue
            await access(ctx, unit, address, 0xFFFFFFFF)
            assert await access(ctx, unit, address) == 0, hex(address)
        assert await access(ctx, unit, link_offset("WATCHDOG")) == WATCHDOG_CYCLES

    simulate(unit, process)


def test_the_guard_is_told_of_a_load() -> None:
    unit, told = LinkRegisters(VALUES), []

    async def process(ctx):
        for name, word in (
            ("CONFIG", 1),
            ("CONFIG", 2),
            ("CONFIG", 0),
            ("CONFIG", 3),
            ("CONFIG_CRC", 99),
            ("WATCHDOG", 1),
        ):
            await access(ctx, unit, link_offset(name), word)
        await access(ctx, unit, link_offset("CONFIG"))
        await access(ctx, unit, link_offset("CONFIG_CRC"))

    async def watch(ctx):
        async for *_, begin, end, expect, word in ctx.tick().sample(unit.begin, unit.end, unit.expect, unit.word):
            if begin or end or expect:
                told.append((begin, end, expect, word))

    simulate(unit, process, background=(watch,))
    assert told == [(1, 0, 0, 1), (0, 1, 0, 2), (0, 0, 1, 99)]


def test_every_event_is_counted_once() -> None:
    chance, places = random.Random(2), (4, 0, 7, 2, 1)
    unit, events, free = Counters(places), [], [0] * len(places)
    for cycle in range(600):
        word = 0
        for k in range(len(places)):
            if cycle >= free[k] and chance.random() < 0.3:
                word |= 1 << k
                free[k] = cycle + 2 * len(places) + 1
        events.append(word)
    events = [(1 << len(places)) - 1, *[0] * (8 + 2 * len(places)), *events]  # while it clears its memory, all at once

    async def process(ctx):
        for cycle, word in enumerate(events):
            ctx.set(unit.events, word)
            ctx.set(unit.read, cycle % 2 == 0)  # every other cycle
            ctx.set(unit.select, chance.randrange(8))
            await ctx.tick()
        ctx.set(unit.events, 0)
        ctx.set(unit.read, 0)
        await ctx.tick().repeat(unit.latency)
        ctx.set(unit.read, 1)
        wanted = Counters.model(events, places)
        for place in range(8):
            ctx.set(unit.select, place)
            assert ctx.get(unit.value) == wanted.get(place, 0)
            await ctx.tick()

    simulate(unit, process)
    assert sum(Counters.model(events, places).values()) > 100


def test_the_first_counter_takes_an_event_in_every_other_cycle() -> None:
    """Writes that the core refuses are the most frequent."""
    unit = Counters((0, 1))

    async def process(ctx):
        await ctx.tick().repeat(4)
        for _ in range(50):
            ctx.set(unit.events, 1)
            await ctx.tick()
            ctx.set(unit.events, 0)
            await ctx.tick()
        ctx.set(unit.read, 1)
        assert ctx.get(unit.value) == 50

    simulate(unit, process)


def test_counters_are_cleared_by_a_reset_and_the_first_one_when_asked_for() -> None:
    reset, unit = Signal(), Counters((0, 1, 2))
    top = ResetInserter(reset)(unit)

    async def values(ctx):
        ctx.set(unit.read, 1)
        found = []
        for place in range(4):
            ctx.set(unit.select, place)
            found.append(ctx.get(unit.value))
            await ctx.tick()
        ctx.set(unit.read, 0)
        return found

    async def process(ctx):
        await ctx.tick().repeat(8)
        for _ in range(2):
            ctx.set(unit.events, 7)
            await ctx.tick()
            ctx.set(unit.events, 0)
            await ctx.tick().repeat(unit.latency)
        assert await values(ctx) == [2, 2, 2, 0]
        ctx.set(unit.wipe, 1)
        await ctx.tick()
        ctx.set(unit.wipe, 0)
        await ctx.tick().repeat(2)
        assert await values(ctx) == [0, 2, 2, 0]
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        ctx.set(unit.events, 2)
        await ctx.tick()
        ctx.set(unit.events, 0)
        await ctx.tick().repeat(unit.latency)
        assert await values(ctx) == [0, 1, 0, 0]

    simulate(top, process)


@pytest.mark.parametrize("limit", [0, 1, 5, 40])
@pytest.mark.parametrize("seed", range(3))
def test_the_watchdog_counts_cycles_in_which_an_answer_could_be_sent(seed, limit) -> None:
    chance, unit = random.Random(seed), Watchdog()
    cycles, found = [], None
    while len(cycles) < 300:
        waiting, able = chance.random() < 0.8, chance.random() < 0.7
        for _ in range(chance.choice([1, 3, 30])):
            cycles.append((waiting, waiting and chance.random() < 0.02, able))

    async def process(ctx):
        nonlocal found
        ctx.set(unit.limit, limit)
        for cycle, (waiting, answered, able) in enumerate(cycles):
            ctx.set(unit.waiting, waiting)
            ctx.set(unit.answered, answered)
            ctx.set(unit.able, able)
            if found is None and ctx.get(unit.expired):
                found = cycle
            await ctx.tick()

    simulate(unit, process)
    assert found == Watchdog.model(cycles, limit)
    assert (found is None) == (limit == 0)
