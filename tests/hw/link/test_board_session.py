# amaranth: UnusedElaboratable=no
"""BoardSession: it judges frames and makes answers due like its model, which agrees with the host's endpoint."""

import random

import pytest
from unit_bench import check, simulate, strobe

from firstspike.link import Endpoint
from firstspike_contract.link.wire import BUFFER, FROM_BOARD, Frame, FrameKind, Reason
from firstspike_hw.link.board_session import BoardSession, due_layout

NAMES = [name for name, _ in due_layout()]
NONCES = {5: 1000, 6: 2000, 7: 3000}


async def show(ctx, unit, frame, *, whole=True, spoken=True, nonce=0):
    """Shows the unit the end of a good frame. Returns the names of the strobes that it causes."""
    values = dict(zip(("kind", "session", "sequence", "acknowledge", "window"), frame, strict=False))
    ctx.set(unit.header, {**values, "length": len(frame.payload)})
    ctx.set(unit.hello_whole, whole)
    ctx.set(unit.hello_spoken, spoken)
    ctx.set(unit.nonce, nonce)
    ctx.set(unit.good, 1)
    strobes = {name for name in STROBES if ctx.get(getattr(unit, name))}
    await ctx.tick()
    ctx.set(unit.good, 0)
    return strobes


STROBES = ("commit", "heard", "again", "opened", "restart", "came_again", "came_ahead")


def due(ctx, unit) -> set[str]:
    return {name for name in NAMES if ctx.get(unit.due[name])}


def opening(session: int) -> Frame:
    return Frame(FrameKind.OPEN, session, 0, 0, BUFFER, bytes(12))


def opened_by(session: int) -> tuple:
    """Returns the step of the model in which the hello of a session comes."""
    return "open", opening(session), NONCES[session]


def random_step(chance, state):
    """Returns a step of the model: a frame of this or another session, in order or not; damage; use; a frame sent."""
    kind, size = chance.random(), chance.choice([1, 100, 1024])
    if kind < 0.5:
        sequence = state["filled"] + chance.choice([0, 0, 0, 0, 1, 900, -1, -1024])
        session = chance.choice([5, 5, 5, 5, 6])
        frame_kind = chance.choice([FrameKind.DATA] * 5 + [FrameKind.REPEAT, FrameKind.POLL, 9])
        return "frame", Frame(frame_kind, session, sequence & 0xFFFF, 0, BUFFER, bytes(size * (chance.random() < 0.8)))
    if kind < 0.6:
        return "damaged", None
    if kind < 0.75:
        return "use", chance.randint(0, state["filled"] - state["used"])
    if kind < 0.98 and state["due"]:
        return "sent", next(name for name in (*NAMES[:-1], "data", NAMES[-1]) if name in {*state["due"], "data"})
    return opened_by(chance.choice([5, 5, 6]) if kind > 0.995 else 5)


def random_course(chance, unit, count) -> list[tuple]:
    """Returns steps of the model. The model's state after each step decides which steps may follow."""
    steps, state, opened = [opened_by(5)], {"filled": 0, "used": 0, "due": set()}, 5
    for became, state["due"] in unit.follow(iter(lambda: steps[-1], None)):
        name, value = steps[-1][:2]
        if name == "open" and len(steps) > 1 and value.session != opened:
            opened = value.session
            state.update(filled=0, used=0)
        elif name == "use":
            state["used"] += value
        elif became == "commit":
            state["filled"] += len(value.payload)
        if len(steps) == count:
            break
        steps.append(random_step(chance, state))
    return steps


class Bench:
    """A session with a model of its receive ring, which counts the bytes that the session commits."""

    def __init__(self) -> None:
        self.unit, self.filled, self.used, self.most = BoardSession(), 0, 0, 0

    async def give(self, ctx, item):
        """Does one step of the model. Returns the payload's fate (commit, again, ahead, None) and the frames due."""
        unit, strobes, (name, value, *nonce) = self.unit, set(), item
        if name in ("frame", "open"):
            ctx.set(unit.fits, self.filled - self.used + len(value.payload) <= BUFFER)
            strobes = await show(ctx, unit, value, nonce=nonce[0] if nonce else 0)
        elif name == "damaged":
            await strobe(ctx, unit.bad)
        elif name == "use":
            self.used += value
        else:
            ctx.set(unit.taken, {value: 1})
            await ctx.tick()
            ctx.set(unit.taken, {})
        if "opened" in strobes:
            self.filled = self.used = 0
        if "commit" in strobes:
            self.filled += len(value.payload)
        self.most = max(self.most, self.filled)
        ctx.set(unit.filled, self.filled & 0xFFFF)
        ctx.set(unit.used, self.used % (2 * BUFFER))
        await ctx.tick()
        told = {"commit": "commit", "came_again": "again", "came_ahead": "ahead"}
        became = [told[strobe] for strobe in strobes if strobe in told]
        assert len(became) < 2
        return [(became[0] if became else None, due(ctx, unit))]


@pytest.mark.parametrize("seed", range(4))
def test_frames_are_judged_as_the_model_judges_them(seed) -> None:
    bench = Bench()
    course = random_course(random.Random(seed), bench.unit, 1200)
    found = check(bench.unit, course, give=bench.give, limit=40_000)
    assert {became for became, _ in found} == {None, "commit", "again", "ahead"}
    assert bench.most > BUFFER


def test_the_session_is_opened_once_for_a_nonce_and_anew_for_another() -> None:
    unit = BoardSession()

    async def process(ctx):
        assert ctx.get(unit.open) == 0
        assert await show(ctx, unit, opening(5), nonce=1) == {"opened", "restart"}
        assert (ctx.get(unit.open), ctx.get(unit.number), ctx.get(unit.guest)) == (1, 5, 5)
        assert due(ctx, unit) == {"welcome"}
        assert await show(ctx, unit, opening(5), nonce=1) == set()
        assert await show(ctx, unit, opening(5), nonce=2) == {"opened", "restart"}
        assert await show(ctx, unit, opening(6), nonce=2) == {"opened", "restart"}
        assert ctx.get(unit.number) == 6

    simulate(unit, process)


def test_another_version_is_welcomed_and_opens_nothing() -> None:
    unit = BoardSession()

    async def process(ctx):
        assert await show(ctx, unit, opening(9), spoken=False, nonce=1) == set()
        assert (ctx.get(unit.open), ctx.get(unit.guest)) == (0, 9)
        assert due(ctx, unit) == {"welcome"}
        await show(ctx, unit, opening(5), nonce=1)
        assert await show(ctx, unit, opening(9), spoken=False, nonce=7) == set()
        assert (ctx.get(unit.open), ctx.get(unit.number)) == (1, 5)  # the open session stays open

    simulate(unit, process)


def test_wrong_hellos_and_echoes_are_not_heard() -> None:
    unit = BoardSession()

    async def process(ctx):
        assert await show(ctx, unit, opening(5), whole=False) == set()
        echo = Frame(FrameKind.DATA | FROM_BOARD, 5, 0, 0, 0, b"x")
        assert await show(ctx, unit, echo) == set()
        assert await show(ctx, unit, Frame(FrameKind.OPEN | FROM_BOARD, 5, 0, 0, 0, bytes(12))) == set()
        await ctx.tick()
        assert due(ctx, unit) == set()
        await show(ctx, unit, opening(5), nonce=1)
        assert await show(ctx, unit, echo) == set()

    simulate(unit, process)


def test_a_session_that_ends_says_why_to_whoever_asks() -> None:
    unit = BoardSession()

    async def process(ctx):
        data = Frame(FrameKind.DATA, 5, 0, 0, BUFFER, b"x")
        await show(ctx, unit, data)
        assert (due(ctx, unit), ctx.get(unit.stranger), ctx.get(unit.reason)) == ({"closed"}, 5, Reason.NONE)
        ctx.set(unit.taken, {"closed": 1})
        await ctx.tick()
        ctx.set(unit.taken, {})
        await show(ctx, unit, opening(5), nonce=1)
        await strobe(ctx, unit.bad)
        await strobe(ctx, unit.overdue)
        ctx.set(unit.why, Reason.WATCHDOG)
        ctx.set(unit.close, 1)
        assert ctx.get(unit.restart)
        await ctx.tick()
        ctx.set(unit.close, 0)
        assert (ctx.get(unit.open), ctx.get(unit.reason), ctx.get(unit.stranger)) == (0, Reason.WATCHDOG, 5)
        assert due(ctx, unit) == {"welcome", "closed"}
        # The welcome of the next session tells the reason, too. That session is then replaced, with the reason NONE.
        await show(ctx, unit, opening(6), nonce=1)
        assert ctx.get(unit.reason) == Reason.WATCHDOG
        await show(ctx, unit, opening(7), nonce=1)
        assert ctx.get(unit.reason) == Reason.NONE

    simulate(unit, process)


def test_a_session_that_opens_in_the_cycle_in_which_another_ends_is_open() -> None:
    unit = BoardSession()

    async def process(ctx):
        await show(ctx, unit, opening(5), nonce=1)
        ctx.set(unit.close, 1)
        ctx.set(unit.why, Reason.MESSAGE)
        await show(ctx, unit, opening(6), nonce=2)
        ctx.set(unit.close, 0)
        assert (ctx.get(unit.open), ctx.get(unit.number)) == (1, 6)

    simulate(unit, process)


@pytest.mark.parametrize("seed", range(20))
def test_the_model_asks_for_what_the_hosts_endpoint_asks_for(seed) -> None:
    """The rules are the same at both ends, so that equal frames cause equal answers."""
    chance, endpoint = random.Random(seed), Endpoint(5)
    endpoint.receive(Frame(FrameKind.POLL | FROM_BOARD, 5, 0, 0, BUFFER, b""), 0.0)
    assert endpoint.transmit(0.0, 1)  # the frame that tells its window; a session tells this in its welcome
    step = [opened_by(5)]
    model = BoardSession().follow(iter(lambda: step[0], None))
    next(model)
    step[0] = ("sent", "welcome")
    next(model)
    state = {"filled": 0, "used": 0, "due": set()}
    for _ in range(300):
        step[0] = random_step(chance, state)
        name, value = step[0][:2]
        if name in ("sent", "open") or (name == "frame" and value.session != 5):
            continue
        became, wanted = next(model)
        if name == "frame":
            endpoint.receive(Frame(value.kind | FROM_BOARD, *value[1:]), 0.0)
            state["filled"] += len(value.payload) if became == "commit" else 0
        elif name == "damaged":
            endpoint.damaged()
        else:
            endpoint.skip(value)
            state["used"] += value
        assert endpoint._expected == state["filled"]
        kinds = []
        while (frame := endpoint._next(0.0)) is not None:
            kinds.append({FrameKind.REPEAT: "repeat", FrameKind.DATA: "acknowledge"}[frame.kind])
        # the first frame acknowledges, whatever its kind
        assert kinds == (["repeat"] if "repeat" in wanted else ["acknowledge"] if "acknowledge" in wanted else [])
        for sent in kinds:
            step[0] = ("sent", sent)
            next(model)
