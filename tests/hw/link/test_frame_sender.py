"""Frame sender: it sends the most urgent frame that is due, equal to the contract's in every byte."""

import random
from itertools import combinations

import pytest
from unit_bench import check, taking

from firstspike_contract.link.wire import BUFFER, FROM_BOARD, WELCOME, Frame, FrameKind, parse_frame
from firstspike_hw.link.board_session import due_layout
from firstspike_hw.link.frame_sender import FrameSender, SenderView

NAMES = [name for name, _ in due_layout()]
ABOUT = {"nonce": 0xDEADBEEF, "protocol": 1, "core": 2, "build": 3, "clock": 48_000_000, "buffer": BUFFER}
ABOUT |= {"payload": 1024, "configuration": 6, "reason": 1, "name": 0x1122334455667788}
RING = random.Random(1).randbytes(BUFFER)
CURSOR = 0xFFF0


def view_of(due: set[str], ready: int, cursor: int = CURSOR) -> SenderView:
    """Returns the ports of the sender when these frames are due and `ready` bytes of the ring are to be sent."""
    data = bytes(RING[(cursor + k) % BUFFER] for k in range(ready))
    numbers = {"number": 9, "expected": 0x1234, "room": 77, "guest": 21, "stranger": 22}
    about = {"welcome": WELCOME.to_bytes(**ABOUT), "reason": ABOUT["reason"]}
    return SenderView(due=due, ready=data, cursor=cursor & 0xFFFF, **numbers, **about)


def course(unit, due: set[str], ready: int) -> list[SenderView]:
    """Returns the views of the sender, one for each frame it sends and a last one, in which nothing is due."""
    views, cursor = [view_of(due, ready)], CURSOR
    while sent := unit.model(views[-1:]):
        name, due = sent[0][0], due - {sent[0][0]}
        cursor, ready = (cursor + ready, 0) if name == "data" else (cursor, ready)
        views.append(view_of(due, ready, cursor))
    return views


class Bench:
    """A sender, the ring behind it and the encoder in front of it."""

    def __init__(self, *, stall: float = 0.0) -> None:
        self.unit, self.taken, self.plain = FrameSender(), [], bytearray()
        self.tokens = taking(self.unit.tokens, chance=random.Random(2), stall=stall)

    def check(self, views: list[SenderView]) -> list[tuple[str, Frame]]:
        return check(self.unit, views, give=self._give, take=self._take, background=(self._ring,), limit=60_000)

    async def _give(self, ctx, view) -> None:
        """Shows the view until a frame is taken, and then that nothing is due; gives up if nothing can be taken."""
        unit = self.unit
        for name in ("number", "guest", "stranger", "expected", "room", "cursor"):
            ctx.set(getattr(unit, name), getattr(view, name))
        ctx.set(unit.welcome, ABOUT)
        ctx.set(unit.settled, view.settled)
        ctx.set(unit.count, len(view.ready))
        ctx.set(unit.due, dict.fromkeys(view.due, 1))
        idle, now = 0, []
        while not now and idle < 5:
            *_, flags, counted, busy = await ctx.tick().sample(unit.taken, unit.sent, unit.tokens.valid)
            now = [name for name in (*NAMES, "data") if flags[name]]
            assert counted == (now == ["data"])
            idle = 0 if busy else idle + 1
        assert len(now) < 2
        self.taken += now
        ctx.set(unit.due, {})
        ctx.set(unit.count, 0)

    def _take(self, ctx):
        """Returns a frame with its name once the last token of the frame has come."""
        found = []
        for token in self.tokens(ctx):
            if token["end"]:
                found.append((self.taken[-1], parse_frame(bytes(self.plain))))
                self.plain.clear()
            else:
                self.plain.append(token["data"])
        return found

    async def _ring(self, ctx):
        async for *_, address in ctx.tick().sample(self.unit.address):
            ctx.set(self.unit.data, RING[address % BUFFER])  # a cycle after the address


@pytest.mark.parametrize("count", range(len(NAMES) + 1))
def test_the_most_urgent_frame_goes_first(count) -> None:
    for due in combinations(NAMES, count):
        bench = Bench()
        bench.check(course(bench.unit, set(due), 3 if len(due) % 2 else 0))


@pytest.mark.parametrize("ready", [1, 2, 254, 255, 1024])
@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_payloads_of_every_length_come_out_of_the_ring(ready, stall) -> None:
    bench = Bench(stall=stall)
    ((name, frame),) = bench.check(course(bench.unit, set(), ready))
    assert (name, len(frame.payload)) == ("data", ready)


def test_the_welcome_has_all_fields() -> None:
    bench = Bench()
    ((_, frame),) = bench.check(course(bench.unit, {"welcome"}, 0))
    assert (frame.kind, frame.session) == (FrameKind.OPEN | FROM_BOARD, 21)
    assert WELCOME.from_bytes(frame.payload) == {**dict.fromkeys((field.name for field in WELCOME), 0), **ABOUT}


def test_numbers_that_have_just_changed_are_not_used() -> None:
    """While the numbers change, frames that do not carry them are sent nevertheless."""
    bench = Bench()
    views = [view_of(due, 5)._replace(settled=False) for due in ({"acknowledge", "repeat", "closed"}, {"acknowledge"})]
    ((name, _),) = bench.check(views)
    assert [name] == bench.taken == ["closed"]
