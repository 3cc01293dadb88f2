"""Sequencer: the order of operations, the horizon, counts by step, and cycles."""

import random

import pytest
from amaranth.hdl import Elaboratable, Module
from amaranth.lib.wiring import connect
from unit_bench import simulate

from firstspike_hw.spikes.queue import CalendarQueue
from firstspike_hw.stage.sequencer import Sequencer

STEPS = 16


class Fed(Elaboratable):
    """A sequencer behind a calendar queue."""

    def __init__(self):
        self.unit = Sequencer(depth=64, inputs=16, constants=4, rows=4, steps=STEPS)
        self.queue = CalendarQueue(entries=16, steps=STEPS)

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit, m.submodules.queue = unit, queue = self.unit, self.queue
        m.d.comb += [queue.advance.eq(unit.advance), queue.open.eq(unit.open), unit.occupied.eq(queue.occupied)]
        connect(m, queue.events, unit.events)
        return m


def play(buckets, times, rows, *, horizons=None, stop=None, inputs=8):
    """One image. Returns operations in order, cycles from start to finished, counts, rows read."""
    fed = Fed()
    unit, queue = fed.unit, fed.queue
    operations, result = [], {}

    async def process(ctx):
        for address, time in enumerate(times):
            ctx.set(unit.times.address, address)
            ctx.set(unit.times.word, time)
            ctx.set(unit.times.write, 1)
            await ctx.tick()
        ctx.set(unit.times.write, 0)
        ctx.set(queue.push.valid, 1)
        for t, bucket in enumerate(buckets):
            for x in reversed(bucket):  # the last one filed leaves first
                ctx.set(queue.push.payload, {"t": t, "x": x})
                await ctx.tick()
        ctx.set(queue.push.valid, 0)
        for port, value in (
            ("steps", STEPS),
            ("inputs", inputs),
            ("constants", len(times)),
            ("rows", rows),
            ("room", 1),
        ):
            ctx.set(getattr(unit, port), value)
        ctx.set(unit.stop, {"valid": stop is not None, "t": STEPS - 1 if stop is None else stop})
        ctx.set(unit.horizon, STEPS if horizons is None else 0)
        ctx.set(unit.start, 1)
        await ctx.tick()
        ctx.set(unit.start, 0)
        cycles = 1
        while not ctx.get(unit.finished):
            if horizons is not None:
                ctx.set(unit.horizon, horizons(cycles))
            await ctx.tick()
            cycles += 1
            issue = unit.issue
            if ctx.get(issue.walk):
                operations.append(("walk", ctx.get(issue.t), ctx.get(issue.row)))
                assert horizons is None or horizons(cycles - 2) >= ctx.get(issue.t), "walked before H >= t"
                assert ctx.get(issue.last) == (ctx.get(issue.row) == rows - 1)
            elif ctx.get(issue.drive):
                operations.append(("drive", ctx.get(issue.t), ctx.get(issue.row), ctx.get(issue.address)))
                assert horizons is None or horizons(cycles - 2) > ctx.get(issue.t), "driven before H > t"
            elif ctx.get(issue.clear):
                operations.append(("clear", ctx.get(issue.row)))
        await ctx.tick().repeat(2)
        result["counts"] = (ctx.get(unit.counts.spikes), ctx.get(unit.counts.constants))
        result["rows_read"] = ctx.get(unit.rows_read)
        result["cycles"] = cycles

    simulate(fed, process)
    return operations, result


def expected(buckets, times, rows, last, inputs=8):
    order = [("clear", r) for r in range(rows)]
    stride = inputs + len(times)
    for t in range(last + 1):
        order += [("walk", t, r) for r in range(rows)]
        sources = buckets[t] + [inputs + p for p, time in enumerate(times) if time == t]
        order += [("drive", t, r, x + r * stride) for x in sources for r in range(rows)]
    return order


def random_buckets(seed):
    chance = random.Random(seed)
    rows = chance.sample(range(8), chance.randint(0, 8))
    buckets = [[] for _ in range(STEPS)]
    for x in rows:
        buckets[chance.randrange(STEPS)].append(x)
    return buckets, sorted(chance.randrange(STEPS) for _ in range(chance.randint(0, 4)))


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_operations_come_in_the_order_of_the_contract_without_gaps(seed, rows) -> None:
    buckets, times = random_buckets(seed)
    operations, result = play(buckets, times, rows)
    assert operations == expected(buckets, times, rows, STEPS - 1)
    events, constants = [len(bucket) for bucket in buckets], [times.count(t) for t in range(STEPS)]
    assert result["cycles"] == Sequencer.model(events, constants, rows, STEPS - 1)
    assert result["counts"] == (sum(map(len, buckets)), len(times))
    assert result["rows_read"] == sum(events) + sum(constants)


@pytest.mark.parametrize("pace", [1, 2, 7])
def test_nothing_is_walked_or_driven_before_its_horizon(pace) -> None:
    buckets, times = random_buckets(9)
    operations, _ = play(buckets, times, 2, horizons=lambda cycle: min(STEPS, cycle // pace))
    assert operations == expected(buckets, times, 2, STEPS - 1)


@pytest.mark.parametrize("stop", [0, 5, 15])
def test_it_stops_with_the_decision_step_whose_events_it_only_counts(stop) -> None:
    buckets = [[t % 8] if t < 8 else [] for t in range(STEPS)]
    operations, result = play(buckets, [5, 6], 2, stop=stop)
    wanted = [o for o in expected(buckets, [5, 6], 2, stop) if not (o[0] == "drive" and o[1] == stop)]
    assert operations == wanted
    assert result["counts"] == (min(stop, 7) + 1, (stop >= 5) + (stop >= 6))
