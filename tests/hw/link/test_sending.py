"""Sending: its numbers equal the model's, and it becomes overdue after a time without an acknowledgement."""

import random

import pytest
from unit_bench import check, simulate, strobe

from firstspike_contract.link.timing import BACKOFF_MAX, CALM, SMALLEST_PAYLOAD
from firstspike_contract.link.wire import BUFFER, PAYLOAD_MAX
from firstspike_hw.link.sending import Sending, patience


async def do(ctx, unit, operation):
    """Does one operation of the model. Returns whether the unit went back."""
    name, acknowledge, window = operation
    back = 0
    if name == "opened":
        await begin(ctx, unit, window)
    elif name == "write":
        ctx.set(unit.tail, (ctx.get(unit.tail) + acknowledge) & 0xFFFF)
    elif name == "send":
        await strobe(ctx, unit.sent)
    else:
        ctx.set(unit.acknowledge, acknowledge)
        ctx.set(unit.window, window)
        ctx.set(unit.again, name == "repeat")
        ctx.set(unit.heard, 1)
        back = ctx.get(unit.went_back)
        await ctx.tick()
        ctx.set(unit.heard, 0)
    await ctx.tick().repeat(unit.latency)
    assert ctx.get(unit.settled)
    return back


async def begin(ctx, unit, window=BUFFER):
    ctx.set(unit.window, window)
    await strobe(ctx, unit.opened)
    await strobe(ctx, unit.clear)
    await ctx.tick().repeat(unit.latency)


class Course:
    """A list of operations that grows one at a time. The model gives the numbers from which the next one is chosen."""

    def __init__(self, unit):
        self.operations = []
        self.model = unit.follow(iter(lambda: self.operations[-1], None))
        self.base = self.cursor = self.count = self.tail = 0
        self.do("opened", 0, BUFFER)

    def do(self, *operation):
        self.operations.append(operation)
        if operation[0] == "write":
            self.tail += operation[1]
        self.base, self.cursor, self.count = next(self.model)

    def do_any(self, chance):
        """Does a random operation: a write, a frame that is sent, or a frame that is heard.

        The latter acknowledges new bytes, old ones or bytes never sent, has a window of any size, and may be REPEAT.
        """
        outstanding = (self.tail - self.base) & 0xFFFF
        if chance.random() < 0.4 and outstanding < BUFFER:
            return self.do("write", min(chance.choice([1, 60, 1000, BUFFER]), BUFFER - outstanding), 0)
        if chance.random() < 0.6:
            return self.do("send", 0, 0)
        sent = (self.cursor - self.base) & 0xFFFF
        acknowledge = self.base + chance.choice([0, sent, sent, sent, sent // 2, -1, sent + 5000])
        window = chance.choice([0, 1, 500, *[BUFFER] * 6, 65535])
        return self.do(chance.choice(["heard", "heard", "heard", "repeat"]), acknowledge & 0xFFFF, window)


def run(unit, course) -> int:
    """Compares base, cursor and count after each operation with the model. Returns how often the unit went back."""
    went_back = 0

    async def give(ctx, operation):
        nonlocal went_back
        went_back += await do(ctx, unit, operation)
        return [tuple(ctx.get(signal) for signal in (unit.base, unit.cursor, unit.count))]

    check(unit, course.operations, give=give)
    return went_back


@pytest.mark.parametrize("seed", range(4))
def test_numbers_are_those_of_the_model(seed) -> None:
    chance, unit = random.Random(seed), Sending(patience=1 << 20)
    course = Course(unit)
    for _ in range(2500):
        course.do_any(chance)
    assert run(unit, course) > 10
    assert course.tail > 0x10000  # the numbers have wrapped


def test_payloads_shrink_on_a_bad_line_and_grow_again_on_a_good_one() -> None:
    unit, sizes = Sending(patience=1 << 20), []
    course = Course(unit)
    course.do("write", BUFFER, 0)
    for _ in range(5):
        sizes.append(course.count)
        course.do("send", 0, 0)
        course.do("repeat", 0, BUFFER)
    for _ in range(3 * CALM):
        course.do("send", 0, 0)
        course.do("heard", course.cursor, BUFFER)
        course.do("write", (BUFFER - (course.tail - course.base)) & 0xFFFF, 0)
    sizes.append(course.count)
    run(unit, course)
    assert sizes == [PAYLOAD_MAX, PAYLOAD_MAX // 2, PAYLOAD_MAX // 4, SMALLEST_PAYLOAD, SMALLEST_PAYLOAD, PAYLOAD_MAX]


@pytest.mark.parametrize("window", [0, 1, 500, BUFFER, 16384, 32767])
def test_a_new_stream_begins_at_0_with_the_room_that_the_other_side_has(window) -> None:
    unit = Sending(patience=1 << 20)

    async def process(ctx):
        await begin(ctx, unit)
        for operation in (("write", 500, 0), ("send", 0, 0), ("heard", 300, 10)):
            await do(ctx, unit, operation)
        ctx.set(unit.tail, 0)
        await begin(ctx, unit, window)
        await do(ctx, unit, ("write", BUFFER, 0))
        found = [ctx.get(signal) for signal in (unit.base, unit.cursor, unit.count)]
        assert found == [0, 0, min(window, PAYLOAD_MAX)]

    simulate(unit, process)


def overdue(patience: int, cycles: int, events: dict[int, tuple[str, int, int]]) -> list[int]:
    """Returns the cycles in which `overdue` is 1. events: an operation of the model by its cycle."""
    unit, found = Sending(patience=patience), []

    async def process(ctx):
        await begin(ctx, unit)
        for cycle in range(cycles):
            if cycle in events:
                name, acknowledge, window = events[cycle]
                if name == "write":
                    ctx.set(unit.tail, (ctx.get(unit.tail) + acknowledge) & 0xFFFF)
                ctx.set(unit.sent, name == "send")
                ctx.set(unit.acknowledge, acknowledge)
                ctx.set(unit.window, window)
                ctx.set(unit.heard, name == "heard")
            if ctx.get(unit.overdue):
                found.append(cycle)
                assert ctx.get(unit.went_back) == (ctx.get(unit.cursor) != ctx.get(unit.base))
            await ctx.tick()
            ctx.set(unit.sent, 0)
            ctx.set(unit.heard, 0)

    simulate(unit, process)
    return found


def test_without_an_acknowledgement_it_waits_twice_as_long_each_time() -> None:
    found = overdue(10, 10 * 200, {3: ("write", 5, 0), 6: ("send", 0, 0)})
    waits = [after - before for before, after in zip([3, *found], found, strict=False)]
    assert waits[:BACKOFF_MAX] == [10 - 1, 20, 40, 80, 160]
    assert set(waits[BACKOFF_MAX:]) == {10 << BACKOFF_MAX}


def test_a_new_acknowledgement_starts_the_wait_anew() -> None:
    events = {0: ("write", 5, 0), 4: ("send", 0, 0), 12: ("heard", 2, BUFFER)}
    assert overdue(20, 60, events)[0] == 12 + 20
    events = {0: ("write", 5, 0), 4: ("send", 0, 0), 12: ("heard", 0, BUFFER)}  # acknowledges nothing new
    assert overdue(20, 60, events)[0] < 12 + 20


def test_it_is_never_overdue_once_every_byte_is_acknowledged() -> None:
    assert overdue(10, 400, {0: ("write", 5, 0), 4: ("send", 0, 0), 8: ("heard", 5, BUFFER)}) == []


def test_it_is_overdue_while_the_other_side_has_no_room() -> None:
    events = {0: ("write", BUFFER, 0), 4: ("send", 0, 0), 8: ("send", 0, 0), 12: ("heard", 2048, 0)}
    assert len(overdue(10, 100, events)) > 1


def test_patience_covers_what_an_acknowledgement_may_stand_behind() -> None:
    assert patience(48_000_000, 16) == 960_000 + 2 * BUFFER * 160
