"""The registers of the link, its counters, and its watchdog equal their models."""

import random

import pytest
from amaranth.hdl import ResetInserter, Signal
from unit_bench import check, simulate

from firstspike_contract.core.register_map import LINK, LINK_BASE, WATCHDOG_CYCLES, ConfigCommand, link_offset
from firstspike_hw.link.counters import Counters
from firstspike_hw.link.link_registers import COUNTED, FIXED, LinkRegisters
from firstspike_hw.link.watchdog import Watchdog

VALUES = dict(zip(FIXED, (1, 0xCAFE0123, 48_000_000, 16), strict=True))
WRITTEN = COUNTED[0]
GUARD = {"CONFIG": 3, "CONFIG_CRC": 0x89ABCDEF}


async def access(ctx, unit, address, word=None):
    """Reads a register and returns its data; writes `word` instead if there is one."""
    port = unit.access
    ctx.set(port.write, word is not None)
    ctx.set(port.address, address)
    ctx.set(port.word, word or 0)
    ctx.set(port.request, 1)
    *_, data, refused = await ctx.tick().sample(port.data, port.refused).until(port.done)
    ctx.set(port.request, 0)
    assert refused == 0
    return data


async def counts_of(ctx, unit):
    """Returns the contents of the counters' memory, read one place a cycle."""
    found = []
    ctx.set(unit.read, 1)
    for place in range(2**unit.bits):
        ctx.set(unit.select, place)
        found.append(ctx.get(unit.value))
        await ctx.tick()
    ctx.set(unit.read, 0)
    return found


def started(unit, ctx):
    for port, name in ((unit.state, "CONFIG"), (unit.crc, "CONFIG_CRC")):
        ctx.set(port, GUARD[name])


def test_every_register_reads_as_the_model_says() -> None:
    unit, chance = LinkRegisters(VALUES), random.Random(1)
    addresses = [link_offset(register.name) for register in LINK]
    reads = [("read", address) for address in addresses]
    writes = [("write", address, chance.getrandbits(32)) for address in addresses]  # read-only ones, too
    events = [("event", name) for name in COUNTED for _ in range(chance.randrange(5))]
    begin = [("write", link_offset("CONFIG"), ConfigCommand.BEGIN), ("event", WRITTEN)]

    async def give(ctx, item):
        kind, *values = item
        if kind == "set":
            started(unit, ctx)
            await ctx.tick().repeat(20)  # the counters clear their memory
        elif kind == "event":
            ctx.set(unit.events, 1 << COUNTED.index(values[0]))
            await ctx.tick()
            ctx.set(unit.events, 0)
            await ctx.tick()
        else:
            data = await access(ctx, unit, *values)
            return [data] if kind == "read" else None
        return None

    found = check(unit, [("set", GUARD), *events, *reads, *writes, *reads, *begin, *reads], give=give)
    after = dict(zip(addresses, found[-len(reads) :], strict=True))
    assert after[link_offset("CONFIG_NAME0")] == after[link_offset("CONFIG_NAME1")] == 0
    assert after[link_offset(WRITTEN)] == 1


def test_an_address_without_a_register_reads_0_and_ignores_writes() -> None:
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
    # All events come at once while the unit clears its memory.
    events = [(1 << len(places)) - 1, *[0] * (8 + 2 * len(places)), *events]

    cycle = 0

    async def give(ctx, word):
        nonlocal cycle
        ctx.set(unit.events, word)
        ctx.set(unit.read, cycle % 2 == 0)  # the host reads in every other cycle
        ctx.set(unit.select, chance.randrange(8))
        await ctx.tick()
        cycle += 1

    async def finish(ctx):
        ctx.set(unit.events, 0)
        ctx.set(unit.read, 0)
        await ctx.tick().repeat(unit.latency)
        return await counts_of(ctx, unit)

    assert sum(check(unit, events, give=give, finish=finish)) > 100


def test_the_first_counter_takes_an_event_in_every_other_cycle() -> None:
    """It counts CONFIG_WRITTEN, the most frequent event."""
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

    async def process(ctx):
        await ctx.tick().repeat(8)
        for _ in range(2):
            ctx.set(unit.events, 7)
            await ctx.tick()
            ctx.set(unit.events, 0)
            await ctx.tick().repeat(unit.latency)
        assert await counts_of(ctx, unit) == [2, 2, 2, 0]
        ctx.set(unit.wipe, 1)
        await ctx.tick()
        ctx.set(unit.wipe, 0)
        await ctx.tick().repeat(2)
        assert await counts_of(ctx, unit) == [0, 2, 2, 0]
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        ctx.set(unit.events, 2)
        await ctx.tick()
        ctx.set(unit.events, 0)
        await ctx.tick().repeat(unit.latency)
        assert await counts_of(ctx, unit) == [0, 1, 0, 0]

    simulate(top, process)


@pytest.mark.parametrize("limit", [0, 1, 5, 40])
@pytest.mark.parametrize("seed", range(3))
def test_the_watchdog_counts_cycles_in_which_an_answer_could_be_sent(seed, limit) -> None:
    chance, unit = random.Random(seed), Watchdog()
    cycles = []
    while len(cycles) < 300:
        waiting, able = chance.random() < 0.8, chance.random() < 0.7
        for _ in range(chance.choice([1, 3, 30])):
            cycles.append((waiting, waiting and chance.random() < 0.02, able, limit))

    async def give(ctx, item):
        for name, value in zip(("waiting", "answered", "able", "limit"), item, strict=True):
            ctx.set(getattr(unit, name), value)
        await ctx.tick()

    expired = check(unit, cycles, give=give, read=lambda ctx, _: [bool(ctx.get(unit.expired))], latency=unit.latency)
    assert any(expired) == (limit != 0)
