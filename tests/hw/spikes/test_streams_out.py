"""Trace and result sender equal their models: the beats and their order, for fast and slow readers."""

import random

import pytest
from unit_bench import check, cycles_until, offering, strobe, taking

from firstspike_contract.core.stream_format import RESULT_BEATS, RESULT_PACKET
from firstspike_contract.core.trace import TRACE_BEAT
from firstspike_hw.spikes.result import ResultSender
from firstspike_hw.spikes.trace import Trace, TracedImage

SOURCES = 3


def driving(unit, chance, gap=0.0):
    """Returns a `give` for the items of Trace.model. After an `end` it waits until the trace is settled."""
    spikes = [offering(source, chance=chance, gap=gap) for source in unit.spikes]

    async def give(ctx, item):
        name, *values = item
        if name == "set":
            for k, layer in enumerate(values[0]["layers"]):
                ctx.set(unit.layers[k], layer)
        elif name == "spike":
            source, t, x = values
            await spikes[source](ctx, {"t": t, "x": x})
        else:
            ctx.set(unit.step, values[0])
            ctx.set(unit.tag, values[1])
            await strobe(ctx, unit.end)
            assert not ctx.get(unit.settled)
            while not ctx.get(unit.settled):
                await ctx.tick()

    return give


def images(beats):
    """Returns a `take` that joins beats into an image as soon as the marker of the image has come."""
    spikes = {}

    def take(ctx):
        nonlocal spikes
        found = []
        for beat in beats(ctx):
            word = TRACE_BEAT.unpack(beat["data"])
            assert beat["last"] == word["end"]
            if word["end"]:
                found.append(TracedImage(spikes, word["t"], word["x"]))
                spikes = {}
            else:
                spikes.setdefault(word["layer"], []).append((word["t"], word["x"]))
        return found

    return take


@pytest.mark.parametrize(("gap", "stall"), [(0.0, 0.0), (0.4, 0.0), (0.0, 0.6)])
def test_every_spike_comes_before_the_marker_of_its_image(gap, stall) -> None:
    unit, chance = Trace(sources=SOURCES, steps=16), random.Random(5)
    inputs: list[tuple] = [("set", {"layers": [1, 2, 3]})]
    for n, count in enumerate([30, 0, 1, 30, 5, 60]):
        inputs += [
            ("spike", chance.randrange(SOURCES), chance.randrange(16), chance.getrandbits(16)) for _ in range(count)
        ]
        inputs.append(("end", n, 200 + n))
    take = images(taking(unit.beats, chance=chance, stall=stall))
    assert len(check(unit, inputs, give=driving(unit, chance, gap), take=take)) == 6


def test_a_spike_that_does_not_wait_leaves_after_the_latency() -> None:
    unit = Trace(sources=SOURCES, steps=16)

    async def start(ctx):
        ctx.set(unit.spikes[1].valid, 1)

    assert cycles_until(unit, start, unit.beats.valid) == unit.latency


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_packets_leave_whole_and_in_order(stall) -> None:
    unit, chance = ResultSender(), random.Random(6)
    packets = [{field.name: chance.getrandbits(field.bits) for field in RESULT_PACKET} for _ in range(4)]
    packets.append({field.name: field.largest for field in RESULT_PACKET})
    beats = check(
        unit,
        packets,
        give=offering(unit.packet),
        take=taking(unit.beats, lambda beat: (beat.data, bool(beat.last)), chance=chance, stall=stall),
        latency=None if stall else unit.latency,
    )
    assert len(beats) == RESULT_BEATS * len(packets)
