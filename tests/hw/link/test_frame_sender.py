"""Frame sender: of all that is due the most urgent frame, in every byte as the contract writes it."""

import random
from itertools import combinations

import pytest
from link_bench import taking
from unit_bench import simulate

from firstspike_contract.link.wire import BUFFER, FROM_BOARD, WELCOME, Frame, FrameKind, parse_frame
from firstspike_hw.link.board_session import due_layout
from firstspike_hw.link.frame_sender import FrameSender

NAMES = [name for name, _ in due_layout()]
NUMBERS = {"session": 9, "cursor": 0xFFF0, "expected": 0x1234, "room": 77}
ABOUT = {"nonce": 0xDEADBEEF, "protocol": 1, "core": 2, "build": 3, "clock": 48_000_000, "buffer": BUFFER}
ABOUT |= {"payload": 1024, "configuration": 6, "reason": 1, "name": 0x1122334455667788}
RING = random.Random(1).randbytes(BUFFER)


def sent(due: set[str], ready: int, *, stall: float = 0.0, settled: bool = True) -> tuple[list[Frame], list[str]]:
    """The frames that go out, and what was taken for each, until nothing is due any more."""
    unit, tokens, taken, chance = FrameSender(), [], [], random.Random(2)
    left = set(due)
    cursor, count = NUMBERS["cursor"], ready

    async def process(ctx):
        nonlocal cursor, count
        ctx.set(unit.number, NUMBERS["session"])
        ctx.set(unit.guest, 21)
        ctx.set(unit.stranger, 22)
        ctx.set(unit.expected, NUMBERS["expected"])
        ctx.set(unit.room, NUMBERS["room"])
        ctx.set(unit.welcome, ABOUT)
        idle = 0
        while idle < 5:
            ctx.set(unit.due, dict.fromkeys(left, 1))
            ctx.set(unit.cursor, cursor & 0xFFFF)
            ctx.set(unit.count, count)
            ctx.set(unit.settled, settled)
            seen = ctx.tick().sample(unit.taken, unit.sent, unit.tokens.valid, unit.address)
            *_, flags, counted, busy, address = await seen
            now = [name for name in (*NAMES, "data") if flags[name]]
            assert len(now) < 2
            assert counted == (now == ["data"])
            idle = 0 if now or busy else idle + 1
            ctx.set(unit.data, RING[address % BUFFER])  # a cycle later
            taken.extend(now)
            left.difference_update(now)
            if now == ["data"]:
                cursor, count = cursor + count, 0

    simulate(unit, process, background=(taking(unit.tokens, tokens, chance, stall),), limit=60_000)
    frames, plain = [], bytearray()
    for token in tokens:
        if token["end"]:
            frames.append(parse_frame(bytes(plain)))
            plain.clear()
        else:
            plain.append(token["data"])
    assert not plain
    return frames, taken


def modelled(due: set[str], ready: int) -> tuple[list[Frame], list[str]]:
    frames, taken, left = [], [], set(due)
    cursor = NUMBERS["cursor"]
    data = bytes(RING[(cursor + k) % BUFFER] for k in range(ready))
    while True:
        other = (21, WELCOME.to_bytes(**ABOUT)) if "welcome" in left else (22, b"\1")
        numbers = {**NUMBERS, "cursor": cursor & 0xFFFF}
        name, frame = FrameSender.model(left, data, **numbers, other=other)
        if name is None:
            return frames, taken
        frames.append(frame)
        taken.append(name)
        left.discard(name)
        if name == "data":
            cursor, data = cursor + len(data), b""


@pytest.mark.parametrize("count", range(len(NAMES) + 1))
def test_the_most_urgent_frame_goes_first(count) -> None:
    for due in combinations(NAMES, count):
        ready = 3 if len(due) % 2 else 0
        frames, taken = sent(set(due), ready)
        assert (frames, taken) == modelled(set(due), ready)
        assert None not in frames


@pytest.mark.parametrize("ready", [1, 2, 254, 255, 1024])
@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_payloads_of_every_length_come_out_of_the_ring(ready, stall) -> None:
    frames, taken = sent(set(), ready, stall=stall)
    assert taken == ["data"]
    assert (frames, taken) == modelled(set(), ready)
    assert len(frames[0].payload) == ready


def test_the_welcome_says_it_all() -> None:
    (frame,), _ = sent({"welcome"}, 0)
    assert (frame.kind, frame.session) == (FrameKind.OPEN | FROM_BOARD, 21)
    assert WELCOME.from_bytes(frame.payload) == {**dict.fromkeys((field.name for field in WELCOME), 0), **ABOUT}


def test_numbers_that_have_just_changed_are_not_used() -> None:
    assert sent({"acknowledge"}, 5, settled=False) == ([], [])
    frames, taken = sent({"acknowledge", "repeat", "closed"}, 5, settled=False)
    assert taken == ["closed", "repeat"]
    assert [frame.kind & ~FROM_BOARD for frame in frames] == [FrameKind.CLOSED, FrameKind.REPEAT]
