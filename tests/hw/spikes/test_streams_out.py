"""Trace and result sender: beats, their order, and what a slow reader does to them."""

import random

import numpy as np
import pytest
from unit_bench import simulate

from firstspike_contract.core.stream_format import RESULT_BEATS, RESULT_PACKET
from firstspike_contract.core.trace import unpack_trace
from firstspike_hw.spikes.result import ResultSender
from firstspike_hw.spikes.trace import Trace


def reading(stream, beats, chance, stall):
    """A process that takes beats, and checks that payloads hold while they wait."""

    async def read(ctx):
        await _read(ctx, stream, beats, chance, stall)

    return read


async def _read(ctx, stream, beats, chance, stall):
    waiting = None
    while True:
        ready = chance.random() >= stall
        ctx.set(stream.ready, ready)
        beat = (ctx.get(stream.payload.data), ctx.get(stream.payload.last)) if ctx.get(stream.valid) else None
        assert waiting is None or beat == waiting, "valid holds and the payload is stable"
        waiting = None if ready else beat
        if ready and beat is not None:
            beats.append(beat)
        await ctx.tick()


@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_every_spike_comes_before_the_marker_of_its_image(stall) -> None:
    unit, chance, beats = Trace(sources=3, steps=16), random.Random(5), []
    images = [[[(t, chance.randrange(500)) for t in range(chance.randint(0, 9))] for _ in range(3)] for _ in range(4)]

    def feeder(k, spikes):
        async def feed(ctx):
            for t, x in spikes:
                source = unit.spikes[k]
                ctx.set(source.payload, {"t": t, "x": x})
                ctx.set(source.valid, 1)
                await ctx.tick().until(source.ready)
                ctx.set(source.valid, 0)

        return feed

    async def process(ctx):
        for k in range(3):
            ctx.set(unit.layers[k], k + 1)
        for n, image in enumerate(images):
            for k, spikes in enumerate(image):
                await feeder(k, spikes)(ctx)
            ctx.set(unit.step, n)
            ctx.set(unit.tag, 200 + n)
            ctx.set(unit.end, 1)
            await ctx.tick()
            ctx.set(unit.end, 0)
            assert not ctx.get(unit.settled)
            while not ctx.get(unit.settled):
                await ctx.tick()

    simulate(unit, process, background=(reading(unit.beats, beats, chance, stall),))
    at = 0
    for n, image in enumerate(images):
        count = sum(map(len, image)) + 1
        part = unpack_trace(np.array([data for data, _ in beats[at : at + count]], np.uint32))
        assert [last for _, last in beats[at : at + count]] == [0] * (count - 1) + [1]
        assert part[-1].tolist() == (200 + n, n, 0, True)
        for k, spikes in enumerate(image):
            mine = part[:-1][part[:-1]["layer"] == k + 1]
            assert list(zip(mine["t"].tolist(), mine["x"].tolist(), strict=True)) == spikes
        at += count
    assert at == len(beats)


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_packets_leave_whole_and_in_order(stall) -> None:
    unit, chance, beats = ResultSender(), random.Random(6), []
    packets = np.zeros(3, RESULT_PACKET.dtype)
    for name in RESULT_PACKET.dtype.names:
        packets[name] = [chance.randrange(2 ** (8 * RESULT_PACKET.dtype[name].itemsize)) for _ in packets]

    async def process(ctx):
        for packet in packets:
            ctx.set(unit.packet.payload, {name: int(packet[name]) for name in RESULT_PACKET.dtype.names})
            ctx.set(unit.packet.valid, 1)
            await ctx.tick().until(unit.packet.ready)
            ctx.set(unit.packet.valid, 0)
        while len(beats) < 3 * RESULT_BEATS:
            await ctx.tick()

    simulate(unit, process, background=(reading(unit.beats, beats, chance, stall),))
    assert (np.array([data for data, _ in beats], np.uint32).view(RESULT_PACKET.dtype) == packets).all()
    assert [last for _, last in beats] == 3 * ([0] * (RESULT_BEATS - 1) + [1])
