"""BoardSession: what becomes of frames and what is due in return, by the model and by the host's own endpoint."""

import random

import pytest
from unit_bench import simulate

from firstspike.link import Endpoint
from firstspike_contract.link.wire import BUFFER, FROM_BOARD, Frame, FrameKind, Reason
from firstspike_hw.link.board_session import BoardSession, due_layout

NAMES = [name for name, _ in due_layout()]
NONCES = {5: 1000, 6: 2000, 7: 3000}


async def show(ctx, unit, frame, *, whole=True, spoken=True, nonce=0):
    """The end of a good frame; returns the strobes that it causes."""
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


async def strobe(ctx, signal):
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)


def due(ctx, unit) -> set[str]:
    return {name for name in NAMES if ctx.get(unit.due[name])}


def opening(session: int) -> Frame:
    return Frame(FrameKind.OPEN, session, 0, 0, BUFFER, bytes(12))


def random_step(chance, state):
    """A step of the model: frames of this session and others, in order and not; damage; use; frames sent."""
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
    return "frame", opening(chance.choice([5, 5, 6]) if kind > 0.995 else 5)


@pytest.mark.parametrize("seed", range(4))
def test_frames_are_judged_as_the_model_judges_them(seed) -> None:
    chance, unit = random.Random(seed), BoardSession()
    step, seen = [("frame", opening(5))], set()
    model = BoardSession.model(iter(lambda: step[0], None), NONCES)
    state, most = {"filled": 0, "used": 0, "due": set()}, 0

    async def process(ctx):
        nonlocal most
        for count in range(1200):
            name, value = step[0]
            became, expected = next(model)
            strobes = set()
            if name == "frame":
                ctx.set(unit.fits, state["filled"] - state["used"] + len(value.payload) <= BUFFER)
                strobes = await show(ctx, unit, value, nonce=NONCES.get(value.session, 0))
                if "opened" in strobes:
                    state.update(filled=0, used=0)
                if became == "commit":
                    state["filled"] += len(value.payload)
            elif name == "damaged":
                await strobe(ctx, unit.bad)
            elif name == "use":
                state["used"] += value
            else:
                ctx.set(unit.taken, {value: 1})
                await ctx.tick()
                ctx.set(unit.taken, {})
            ctx.set(unit.filled, state["filled"] & 0xFFFF)
            ctx.set(unit.used, state["used"] % (2 * BUFFER))
            await ctx.tick()
            told = {"commit": "commit", "again": "came_again", "ahead": "came_ahead"}
            assert {told[became]} if became else set() == strobes & set(told.values()), (count, name, value)
            assert due(ctx, unit) == expected, (count, name, value)
            state["due"] = expected
            seen.add(became)
            most = max(most, state["filled"])
            step[0] = random_step(chance, state)

    simulate(unit, process, limit=40_000)
    assert seen == {None, "commit", "again", "ahead"}
    assert most > BUFFER


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
        assert (ctx.get(unit.open), ctx.get(unit.number)) == (1, 5)  # the open one stays

    simulate(unit, process)


def test_what_is_no_hello_and_what_is_an_echo_is_not_heard() -> None:
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
        # the welcome of the next one says it too; that one is then replaced, for no reason
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
    """The rules are the same at both ends: the same frames, the same answers."""
    chance, endpoint = random.Random(seed), Endpoint(5)
    endpoint.receive(Frame(FrameKind.POLL | FROM_BOARD, 5, 0, 0, BUFFER, b""), 0.0)
    assert endpoint.transmit(0.0, 1)  # the window of its first frame is what the session tells in its welcome
    step = [("frame", opening(5))]
    model = BoardSession.model(iter(lambda: step[0], None), NONCES)
    next(model)
    step[0] = ("sent", "welcome")
    next(model)
    state = {"filled": 0, "used": 0, "due": set()}
    for _ in range(300):
        step[0] = random_step(chance, state)
        name, value = step[0]
        if name == "sent" or (name == "frame" and (value.session != 5 or value.kind == FrameKind.OPEN)):
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
        # whatever goes first acknowledges too
        assert kinds == (["repeat"] if "repeat" in wanted else ["acknowledge"] if "acknowledge" in wanted else [])
        for sent in kinds:
            step[0] = ("sent", sent)
            next(model)
