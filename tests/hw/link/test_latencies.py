"""Units have the latency that they state; this file has the units whose latency no other test counts."""

import pytest
from unit_bench import cycles_until

from firstspike_contract.link.wire import BUFFER, MESSAGE, Configuration, MessageKind
from firstspike_hw.link.bus import BusMaster
from firstspike_hw.link.dispatcher import Dispatcher
from firstspike_hw.link.frame_receiver import FrameReceiver
from firstspike_hw.link.frame_sender import FrameSender
from firstspike_hw.link.guard import Guard
from firstspike_hw.link.link_registers import FIXED, LinkRegisters
from firstspike_hw.link.reporter import Reporter
from firstspike_hw.link.sending import Sending


async def message(ctx, unit, data):
    """Gives all bytes of a message. When it returns, the last byte is still offered."""
    ctx.set(unit.state, Configuration.VALID)
    ctx.set(unit.image.ready, 1)
    ctx.set(unit.beats.ready, 1)
    ctx.set(unit.bytes.valid, 1)
    for at, byte in enumerate(data):
        ctx.set(unit.bytes.payload, byte)
        while not ctx.get(unit.bytes.ready):
            await ctx.tick()
        if at < len(data) - 1:
            await ctx.tick()


@pytest.mark.parametrize("kind", [MessageKind.WRITE, MessageKind.BITMAPS])
def test_latency_of_the_dispatcher(kind) -> None:
    unit = Dispatcher()
    data = MESSAGE.to_bytes(kind=kind, count=1, length=4, value=0x2000) + b"abcd"
    seen = unit.access.request if kind == MessageKind.WRITE else unit.beats.valid
    assert cycles_until(unit, lambda ctx: message(ctx, unit, data), seen) == unit.latency


def test_latency_of_the_frame_sender() -> None:
    unit = FrameSender()

    async def start(ctx):
        ctx.set(unit.due, {"repeat": 1})

    assert cycles_until(unit, start, unit.tokens.valid) == unit.latency


def test_latency_of_the_reporter() -> None:
    unit = Reporter()

    async def start(ctx):
        ctx.set(unit.room, BUFFER)
        ctx.set(unit.say.valid, 1)

    assert cycles_until(unit, start, unit.put) == unit.latency


def test_latency_of_the_bus_master() -> None:
    unit = BusMaster()

    async def start(ctx):
        ctx.set(unit.access.request, 1)

    assert cycles_until(unit, start, unit.bus.arvalid) == unit.latency


def test_latency_of_the_registers() -> None:
    unit = LinkRegisters(dict.fromkeys(FIXED, 0))

    async def start(ctx):
        ctx.set(unit.access.request, 1)

    assert cycles_until(unit, start, unit.access.done) == unit.latency


def test_latency_of_the_guard() -> None:
    unit = Guard()

    async def start(ctx):
        ctx.set(unit.begin, 1)

    assert cycles_until(unit, start, unit.state == Configuration.LOADING) == unit.latency


def test_latency_of_sending() -> None:
    unit = Sending(patience=1000)

    async def start(ctx):
        ctx.set(unit.window, BUFFER)
        ctx.set(unit.tail, 5)
        ctx.set(unit.opened, 1)
        await ctx.tick()
        ctx.set(unit.opened, 0)

    assert cycles_until(unit, start, unit.count == 5) + 1 == unit.latency


def test_latency_of_the_frame_receiver() -> None:
    unit = FrameReceiver()

    async def start(ctx):
        ctx.set(unit.end, 1)

    assert cycles_until(unit, start, unit.bad) == unit.latency
