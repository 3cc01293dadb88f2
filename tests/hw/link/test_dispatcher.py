"""Dispatcher: random messages, cut anywhere, against the model: accesses, images, records, bytes for the guard."""

import random
from itertools import product

import pytest
from link_bench import giving, taking
from unit_bench import simulate

from firstspike_contract.core.register_map import LINK_BASE
from firstspike_contract.core.stream_format import Header
from firstspike_contract.link.wire import (
    LABELLED,
    MESSAGE,
    READ_MAX,
    RECORD,
    REFUSAL,
    Configuration,
    MessageKind,
    RecordKind,
)
from firstspike_hw.link.dispatcher import Dispatcher

VALID = Configuration.VALID


def answered(address: int, count: int) -> tuple[int, bool]:
    """What a read gives, the count-th of all accesses, and whether it is refused."""
    return (address * 0x10001 + count) & 0xFFFF_FFFF, address % 16 == 12


def random_message(chance: random.Random) -> bytes:
    kind = chance.choice(list(MessageKind))
    if kind in (MessageKind.WRITE, MessageKind.READ, MessageKind.SCAN):
        words, address = chance.choice([0, 1, 2, 7]), 4 * chance.randrange(0x500)
        body = chance.randbytes(4 * words) if kind == MessageKind.WRITE else b""
        return MESSAGE.to_bytes(kind=kind, length=4 * words, value=address) + body
    flags = chance.choice([0, Header.SPIKES, Header.ORDERED | Header.SPIKES, Header.BITMAP, Header.RUN_ON, 0x60])
    flags |= chance.choice([0, LABELLED])
    count, length = chance.choice([0, 1, 2, 3]), chance.choice([0, 1, 2, 3, 4, 5, 6, 8, 11, 12])
    images = count if kind == MessageKind.BITMAPS else 1
    size = length + (2 if flags & LABELLED else 0)
    head = MESSAGE.to_bytes(
        kind=kind,
        flags=int(flags),
        tag=chance.choice([0, 254, 255]),
        count=count,
        length=length,
        value=chance.getrandbits(16),
    )
    return head + chance.randbytes(images * size)


class Done:
    """What a dispatcher does."""

    def __init__(self) -> None:
        self.accesses, self.beats, self.traced, self.said, self.passed = [], [], [], [], bytearray()
        self.counts = {"refused": 0, "taken": 0, "unknown": 0}


class Bench(Done):
    """A dispatcher with everything around it."""

    def __init__(self, messages: list[bytes], state: Configuration, *, seed: int = 1, stall: float = 0.3) -> None:
        super().__init__()
        self.unit, self.state, self.stall = Dispatcher(), state, stall
        self.stream, self.chance = b"".join(messages), random.Random(seed)

    def run(self, until, limit: int = 60_000) -> None:
        """until: condition on this bench; then a while in which nothing more may come."""
        unit = self.unit

        async def process(ctx):
            ctx.set(unit.state, self.state)
            await giving(unit.bytes, self.stream, self.chance, self.stall)(ctx)
            while not until(self):
                await ctx.tick()
            await ctx.tick().repeat(30)

        simulate(
            unit,
            process,
            background=(
                taking(unit.beats, self.beats, self.chance, self.stall),
                taking(unit.say, self.said, self.chance, self.stall),
                self._image,
                self._access,
                self._watch,
            ),
            limit=limit,
        )

    async def _image(self, ctx):
        """The queue of images: full now and then; those refused wait until it is empty."""
        unit, waiting = self.unit, 0
        ctx.set(unit.image.ready, 1)
        async for *_, image, payload in ctx.tick().sample(unit.image.valid & unit.image.ready, unit.image.payload):
            if image:
                self.traced.append(payload)
                waiting += 1
            elif waiting and self.chance.random() < 0.1:
                waiting -= 1
            ctx.set(unit.image.ready, waiting < 2)
            ctx.set(unit.images, waiting)

    async def _access(self, ctx):
        port = self.unit.access
        while True:
            *_, request, write, address, word = await ctx.tick().sample(
                port.request, port.write, port.address, port.word
            )
            if not request:
                continue
            while self.chance.random() < self.stall:
                await ctx.tick()
            data, refused = answered(address, len(self.accesses))
            self.accesses.append(("write", address, word) if write else ("read", address, data))
            ctx.set(port.data, data)
            ctx.set(port.refused, refused)
            ctx.set(port.done, 1)
            await ctx.tick()
            ctx.set(port.done, 0)

    async def _watch(self, ctx):
        unit = self.unit
        signals = (unit.passed.valid, unit.passed.payload, unit.refused, unit.taken, unit.unknown)
        async for *_, passed, byte, refused, taken, unknown in ctx.tick().sample(*signals):
            if passed:
                self.passed.append(byte)
            self.counts["refused"] += refused
            self.counts["taken"] += taken
            self.counts["unknown"] |= unknown


def expected(messages: list[bytes], state: Configuration) -> Done:
    """The same by the model."""
    bench = Done()
    for message in messages:
        head = MESSAGE.from_bytes(message)
        if head["kind"] == MessageKind.WRITE and head["length"] % 4 == 0 and head["value"] < LINK_BASE:
            bench.passed += message
        for name, what in Dispatcher.model(message, state):
            if name == "write":
                bench.accesses.append(("write", *what))
            elif name == "read":
                address, words, told = what
                data = [answered(address, len(bench.accesses) + k) for k in range(words)]
                bench.accesses += [("read", address, word) for word, _ in data]
                body = [word for word, _ in data] if told else []
                body.append(sum(refused for _, refused in data))
                record = RECORD.to_bytes(kind=RecordKind.REPLY, length=4 * len(body))
                bench.said += (
                    [(int.from_bytes(record, "little"), 0)] + [(word, 0) for word in body[:-1]] + [(body[-1], 1)]
                )
            elif name == "image":
                bench.beats += [(beat, int(k == len(what) - 1)) for k, beat in enumerate(what)]
                bench.traced.append(int(bool(head["flags"] & Header.SPIKES)))
                bench.counts["taken"] += 1
            elif name == "refuse":
                record = RECORD.to_bytes(kind=RecordKind.REFUSED, status=state, length=REFUSAL.size)
                body = REFUSAL.to_bytes(tag=what, count=1)
                bench.said += [(int.from_bytes(record, "little"), 0), (int.from_bytes(body, "little"), 1)]
                bench.counts["refused"] += 1
            else:
                bench.counts["unknown"] = 1
    return bench


def compare(found: Done, wanted: Done) -> None:
    assert found.accesses == wanted.accesses
    assert [(beat["data"], beat["last"]) for beat in found.beats] == wanted.beats
    assert [(word["data"], word["last"]) for word in found.said] == wanted.said
    assert found.traced == wanted.traced
    assert found.passed == wanted.passed
    assert found.counts == wanted.counts


def run(messages: list[bytes], state: Configuration = VALID, *, limit: int = 60_000, **how) -> Bench:
    bench, wanted = Bench(messages, state, **how), expected(messages, state)
    bench.run(lambda b: len(b.said) == len(wanted.said) and len(b.accesses) == len(wanted.accesses), limit)
    compare(bench, wanted)
    return bench


@pytest.mark.parametrize("state", [VALID, Configuration.LOADING])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_messages_do_what_the_model_says(state, stall) -> None:
    chance = random.Random(int(10 * stall) + state)
    messages = [random_message(chance) for _ in range(60)]
    for kind, length in product((MessageKind.BITMAPS, MessageKind.EVENTS), range(10)):
        messages.append(MESSAGE.to_bytes(kind=kind, count=1, length=length) + chance.randbytes(length))
    bench = run(messages, state, stall=stall)
    assert len(bench.accesses) > 20
    assert bench.counts["taken" if state == VALID else "refused"] > 20


@pytest.mark.parametrize("state", list(Configuration))
def test_images_are_taken_in_valid_only(state) -> None:
    message = MESSAGE.to_bytes(kind=MessageKind.BITMAPS, count=2, length=3) + bytes(6)
    bench = run([message], state, limit=1000)
    assert bench.counts["taken"] == (2 if state == VALID else 0)
    assert [word["data"] >> 8 & 0xFF for word in bench.said[::2]] == ([] if state == VALID else [state] * 2)


def test_an_image_refused_is_answered_after_those_before_it() -> None:
    """The core still has one: REFUSED waits for its result."""
    unit, said = Dispatcher(), []

    async def process(ctx):
        ctx.set(unit.state, Configuration.CHANGED)
        ctx.set(unit.images, 1)
        await giving(unit.bytes, MESSAGE.to_bytes(kind=MessageKind.EVENTS, length=0))(ctx)
        await ctx.tick().repeat(40)
        assert said == []
        ctx.set(unit.images, 0)
        await ctx.tick().repeat(10)
        assert len(said) == 2

    simulate(unit, process, background=(taking(unit.say, said),))


@pytest.mark.parametrize(
    "head",
    [
        {"kind": 0},
        {"kind": 6},
        {"kind": 255, "length": 8},
        *({"kind": kind, "length": length} for kind in (1, 2, 3) for length in (1, 2, 3, 65533)),
        {"kind": MessageKind.READ, "length": READ_MAX + 4},
    ],
)
def test_what_means_nothing_stops_it(head) -> None:
    bad = MESSAGE.to_bytes(**head)
    bench = Bench([MESSAGE.to_bytes(kind=MessageKind.WRITE, length=4, value=8) + b"abcd", bad], VALID)
    bench.run(lambda b: b.counts["unknown"])
    compare(bench, expected([MESSAGE.to_bytes(kind=MessageKind.WRITE, length=4, value=8) + b"abcd", bad], VALID))
    assert len(bench.accesses) == 1


@pytest.mark.parametrize("length", [READ_MAX, 0])
def test_the_longest_read_begins_its_record(length) -> None:
    unit, said = Dispatcher(), []
    message = MESSAGE.to_bytes(kind=MessageKind.READ, length=length, value=4)
    simulate(unit, giving(unit.bytes, message), taking(unit.say, said, count=1))
    assert said[0]["data"] == int.from_bytes(RECORD.to_bytes(kind=RecordKind.REPLY, length=length + 4), "little")


def test_which_image_is_open() -> None:
    """Between the first beat and the last that were taken."""
    unit = Dispatcher()
    opened = []

    async def watch(ctx):
        async for *_, beat, last, open_ in ctx.tick().sample(
            unit.beats.valid & unit.beats.ready, unit.beats.payload.last, unit.open
        ):
            if beat:
                opened.append((bool(open_), last))

    async def feed(ctx):
        ctx.set(unit.beats.ready, 0)
        await ctx.tick().repeat(60)
        assert ctx.get(unit.open) == 0
        ctx.set(unit.beats.ready, 1)
        await ctx.tick().repeat(60)
        assert ctx.get(unit.open) == 0

    async def start(ctx):
        ctx.set(unit.state, VALID)
        ctx.set(unit.image.ready, 1)
        await giving(unit.bytes, MESSAGE.to_bytes(kind=MessageKind.BITMAPS, count=2, length=8) + bytes(16))(ctx)

    simulate(unit, start, feed, background=(watch,))
    assert opened == [(False, 0), (True, 0), (True, 1)] * 2
