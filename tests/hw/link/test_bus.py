"""Bus master: accesses, the core's reset, and accesses that a restart of the core interrupts."""

import random

import pytest
from unit_bench import check, simulate, strobe

from firstspike_contract.core.register_map import offset_of
from firstspike_hw.link.bus import SETTLE, BusMaster

CONTROL = offset_of("CONTROL")


class Registers:
    """A core's register file at the other end of the bus.

    slow:     chance of a pause, in each cycle.
    accesses: ("write" | "read", address, word) of each access.
    """

    def __init__(self, unit, seed, slow=0.5):
        self.unit, self.chance, self.slow = unit, random.Random(seed), slow
        self.accesses, self.responses = [], {}

    async def serve(self, ctx):
        bus, address, word = self.unit.bus, None, None
        while True:
            ctx.set(bus.awready, address is None and self.chance.random() >= self.slow)
            ctx.set(bus.wready, word is None and self.chance.random() >= self.slow)
            ctx.set(bus.arready, self.chance.random() >= self.slow)
            if ctx.get(bus.awvalid) and ctx.get(bus.awready):
                address = ctx.get(bus.awaddr)
            if ctx.get(bus.wvalid) and ctx.get(bus.wready):
                word = ctx.get(bus.wdata)
                assert ctx.get(bus.wstrb) == 15
            read = ctx.get(bus.araddr) if ctx.get(bus.arvalid) and ctx.get(bus.arready) else None
            await ctx.tick()
            for ready in (bus.awready, bus.wready, bus.arready):
                ctx.set(ready, 0)
            if address is not None and word is not None:
                self.accesses.append(("write", address, word))
                await self.pause(ctx)
                ctx.set(bus.bresp, 2 * (address >= 0x800))
                ctx.set(bus.bvalid, 1)
                await ctx.tick().until(bus.bready)
                ctx.set(bus.bvalid, 0)
                address = word = None
            elif read is not None:
                self.accesses.append(("read", read, 0))
                await self.pause(ctx)
                ctx.set(bus.rdata, read * 3)
                ctx.set(bus.rresp, 2 * (read >= 0x800))
                ctx.set(bus.rvalid, 1)
                await ctx.tick().until(bus.rready)
                ctx.set(bus.rvalid, 0)

    async def pause(self, ctx):
        while self.chance.random() < self.slow:
            await ctx.tick()


async def access(ctx, unit, kind, address, word=0):
    """Makes an access. Returns its data and whether it was refused."""
    port = unit.access
    ctx.set(port.write, kind == "write")
    ctx.set(port.address, address)
    ctx.set(port.word, word)
    ctx.set(port.request, 1)
    *_, data, refused = await ctx.tick().sample(port.data, port.refused).until(port.done)
    ctx.set(port.request, 0)
    return data, refused


def making(unit):
    """Returns a `give` for accesses and restarts, which checks the answers."""

    async def give(ctx, item):
        kind, address, word = item
        if kind == "restart":
            ctx.set(unit.run, word)
            await strobe(ctx, unit.restart)
            while ctx.get(unit.restarting):
                await ctx.tick()
            return
        data, refused = await access(ctx, unit, kind, address, word)
        assert refused == (address >= 0x800)
        assert kind == "write" or data == address * 3
        assert not ctx.get(unit.dropping)

    return give


def accesses_of(core):
    """Returns a `take` that returns the accesses that the core has seen since the last call."""
    told = 0

    def take(ctx):
        nonlocal told
        del ctx
        found, told = core.accesses[told:], len(core.accesses)
        return found

    return take


@pytest.mark.parametrize("slow", [0.0, 0.7])
def test_every_access_is_made_once_and_answered(slow) -> None:
    chance, unit = random.Random(3), BusMaster()
    core = Registers(unit, 4, slow)
    made, written = [], []
    for _ in range(120):
        kind, address = chance.choice(["read", "write"]), 4 * chance.randrange(1024)
        address = address if address != CONTROL else 0
        made.append((kind, address, chance.getrandbits(32) if kind == "write" else 0))

    async def watch(ctx):
        async for *_, answered, address, word, refused in ctx.tick().sample(
            unit.written, unit.address, unit.word, unit.refused
        ):
            if answered:
                written.append((address, word, refused))

    check(unit, made, give=making(unit), take=accesses_of(core), background=(core.serve, watch))
    assert written == [(address, word, int(address >= 0x800)) for kind, address, word in made if kind == "write"]


@pytest.mark.parametrize("run", [0, 1])
def test_a_restart_resets_the_core_and_leaves_it_running_or_not(run) -> None:
    unit = BusMaster()
    core = Registers(unit, 5)
    high = 0

    async def watch(ctx):
        nonlocal high
        async for *_, restarting, dropping, written in ctx.tick().sample(unit.restarting, unit.dropping, unit.written):
            assert restarting == dropping
            assert not written  # `written` is for writes that `access` asked for, not for those of the reset
            high += restarting

    items = [("restart", 0, run), ("read", 8, 0)]
    found = check(unit, items, give=making(unit), take=accesses_of(core), background=(core.serve, watch))
    assert high > SETTLE
    assert found[0] == ("write", CONTROL, run | 2)


@pytest.mark.parametrize("after", range(0, 12))
@pytest.mark.parametrize("kind", ["read", "write"])
def test_an_access_in_flight_is_finished_before_the_restart(kind, after) -> None:
    """Nobody waits for the access any more. The bus master completes it nevertheless, and the guard sees a write."""
    unit, written, at_once = BusMaster(), [], after == 0
    core = Registers(unit, 6, 0.6)

    async def process(ctx):
        nonlocal after
        ctx.set(unit.access.write, kind == "write")
        ctx.set(unit.access.address, 0x38)
        ctx.set(unit.access.request, 1)
        done = False
        while not done and (after := after - 1) >= 0:
            *_, done = await ctx.tick().sample(unit.access.done)
        ctx.set(unit.access.request, not done)
        ctx.set(unit.restart, 1)
        await ctx.tick()
        ctx.set(unit.restart, 0)
        ctx.set(unit.access.request, 0)
        while ctx.get(unit.restarting):
            await ctx.tick()

    async def watch(ctx):
        async for *_, answered, address in ctx.tick().sample(unit.written, unit.address):
            if answered:
                written.append(address)

    simulate(unit, process, background=(core.serve, watch))
    *before, last = core.accesses
    assert last == ("write", CONTROL, 2)
    assert before in ([], [(kind, 0x38, 0)])
    assert written == [0x38 for name, _, _ in before if name == "write"]
    assert bool(before) != at_once


def test_the_hosts_own_reset_of_the_core_is_noticed() -> None:
    unit, dropped = BusMaster(), 0
    core = Registers(unit, 7)

    async def process(ctx):
        await access(ctx, unit, "write", CONTROL, 1)
        assert dropped == 0
        await access(ctx, unit, "write", CONTROL, 3)
        assert dropped > SETTLE
        assert not ctx.get(unit.dropping)

    async def watch(ctx):
        nonlocal dropped
        async for *_, dropping, restarting in ctx.tick().sample(unit.dropping, unit.restarting):
            dropped += dropping
            assert not restarting

    simulate(unit, process, background=(core.serve, watch))
