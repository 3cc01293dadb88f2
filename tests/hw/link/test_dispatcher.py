"""Dispatcher: for random messages, with pauses anywhere, its outputs equal the model's.

The outputs are accesses, images, records, and bytes for the guard.
"""

import random
from itertools import product
from typing import Any

import link_bench
import pytest
from unit_bench import compare, seen, simulate, taking

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
    """Returns the data of a read that follows `count` accesses, and whether it is refused."""
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


CHANNELS = ("accesses", "beats", "traced", "said", "passed", "refused", "taken")


class Done:
    """The outputs of a dispatcher at each of its ports, as (cycle, output), and whether it has stopped."""

    def __init__(self) -> None:
        self.done: dict[str, list[tuple[int, Any]]] = {name: [] for name in CHANNELS}
        self.stopped = False

    def note(self, name: str, *outputs: Any, cycle: int = 0) -> None:
        self.done[name] += [(cycle, output) for output in outputs]

    def outputs(self, name: str) -> list[Any]:
        return [output for _, output in self.done[name]]


class Bench(Done):
    """A dispatcher whose neighbours are simulated: byte stream, queue of images, bus, and takers of its streams."""

    def __init__(self, messages: list[bytes], state: Configuration, *, seed: int = 1, stall: float = 0.3) -> None:
        super().__init__()
        self.unit, self.state, self.stall, self.cycle = Dispatcher(), state, stall, 0
        self.stream, self.chance = b"".join(messages), random.Random(seed)

    def run(self, until, limit: int = 60_000) -> None:
        """Simulates until `until(self)` is true, and then 30 cycles more, in which no other output may come."""
        unit = self.unit

        async def process(ctx):
            ctx.set(unit.state, self.state)
            await link_bench.giving(unit.bytes, self.stream, self.chance, self.stall)(ctx)
            while not until(self):
                await ctx.tick()
            await ctx.tick().repeat(30)

        simulate(unit, process, background=(self._image, self._access, self._watch), limit=limit)

    async def _image(self, ctx):
        """Acts as the queue of images, which is full now and then, and counts the images in it."""
        unit, waiting = self.unit, 0
        ctx.set(unit.image.ready, 1)
        async for *_, image, payload in ctx.tick().sample(unit.image.valid & unit.image.ready, unit.image.payload):
            if image:
                self.note("traced", payload, cycle=self.cycle)
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
            data, refused = answered(address, len(self.done["accesses"]))
            self.note("accesses", ("write", address, word) if write else ("read", address, data), cycle=self.cycle)
            ctx.set(port.data, data)
            ctx.set(port.refused, refused)
            ctx.set(port.done, 1)
            await ctx.tick()
            ctx.set(port.done, 0)

    async def _watch(self, ctx):
        unit = self.unit
        takes = {
            "beats": taking(unit.beats, pair, chance=self.chance, stall=self.stall),
            "said": taking(unit.say, pair, chance=self.chance, stall=self.stall),
            "passed": seen(unit.passed),
            "refused": lambda ctx: [1] * ctx.get(unit.refused),
            "taken": lambda ctx: [1] * ctx.get(unit.taken),
        }
        while True:
            for name, take in takes.items():
                self.note(name, *take(ctx), cycle=self.cycle)
            self.stopped |= bool(ctx.get(unit.unknown))
            await ctx.tick()
            self.cycle += 1


def pair(beat):
    return beat.data, int(beat.last)


def expected(unit, messages: list[bytes], state: Configuration) -> Done:
    """Returns the outputs that the model gives for the messages."""
    bench = Done()
    for message in messages:
        head = MESSAGE.from_bytes(message)
        if head["kind"] == MessageKind.WRITE and head["length"] % 4 == 0 and head["value"] < LINK_BASE:
            bench.note("passed", *message)
        for name, what in unit.model([(message, state)]):
            if name == "write":
                bench.note("accesses", ("write", *what))
            elif name == "read":
                expect_read(bench, *what)
            elif name == "image":
                bench.note("beats", *((beat, int(k == len(what) - 1)) for k, beat in enumerate(what)))
                bench.note("traced", int(bool(head["flags"] & Header.SPIKES)))
                bench.note("taken", 1)
            elif name == "refuse":
                record = RECORD.to_bytes(kind=RecordKind.REFUSED, status=state, length=REFUSAL.size)
                bench.note("said", *words(record + REFUSAL.to_bytes(tag=what, count=1)))
                bench.note("refused", 1)
            else:
                bench.stopped = True
    return bench


def expect_read(bench: Done, address: int, count: int, told: bool) -> None:
    """Notes the accesses and the record of a READ or, if not `told`, of a SCAN, whose record has no words read."""
    done = len(bench.done["accesses"])
    data = [answered(address, done + k) for k in range(count)]
    bench.note("accesses", *(("read", address, word) for word, _ in data))
    body = [word for word, _ in data] if told else []
    body.append(sum(refused for _, refused in data))
    record = RECORD.to_bytes(kind=RecordKind.REPLY, length=4 * len(body))
    bench.note("said", *words(record + b"".join(word.to_bytes(4, "little") for word in body)))


def words(record: bytes) -> list[tuple[int, int]]:
    """Returns the words of a record as (data, last)."""
    places = range(0, len(record), 4)
    return [(int.from_bytes(record[at : at + 4], "little"), int(at == places[-1])) for at in places]


def run(messages: list[bytes], state: Configuration = VALID, *, limit: int = 60_000, **how) -> Bench:
    """Compares all outputs of the dispatcher with the model's."""
    bench = Bench(messages, state, **how)
    wanted = expected(bench.unit, messages, state)
    if wanted.stopped:
        bench.run(lambda b: b.stopped, limit)
    else:
        bench.run(lambda b: all(len(b.done[name]) >= len(wanted.done[name]) for name in ("said", "accesses")), limit)
    for name in CHANNELS:
        compare(bench.unit, bench.done[name], wanted.outputs(name))
    assert bench.stopped == wanted.stopped
    return bench


@pytest.mark.parametrize("state", [VALID, Configuration.LOADING])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_messages_do_what_the_model_says(state, stall) -> None:
    chance = random.Random(int(10 * stall) + state)
    messages = [random_message(chance) for _ in range(60)]
    for kind, length in product((MessageKind.BITMAPS, MessageKind.EVENTS), range(10)):
        messages.append(MESSAGE.to_bytes(kind=kind, count=1, length=length) + chance.randbytes(length))
    bench = run(messages, state, stall=stall)
    assert len(bench.done["accesses"]) > 20
    assert len(bench.done["taken" if state == VALID else "refused"]) > 20


@pytest.mark.parametrize("state", list(Configuration))
def test_images_are_taken_in_valid_only(state) -> None:
    message = MESSAGE.to_bytes(kind=MessageKind.BITMAPS, count=2, length=3) + bytes(6)
    bench = run([message], state, limit=1000)
    assert len(bench.done["taken"]) == (2 if state == VALID else 0)
    assert [word >> 8 & 0xFF for word, _ in bench.outputs("said")[::2]] == ([] if state == VALID else [state] * 2)


def test_an_image_refused_is_answered_after_those_before_it() -> None:
    """The core still has an image, so the record REFUSED waits for its result."""
    unit, said = Dispatcher(), []

    async def process(ctx):
        ctx.set(unit.state, Configuration.CHANGED)
        ctx.set(unit.images, 1)
        await link_bench.giving(unit.bytes, MESSAGE.to_bytes(kind=MessageKind.EVENTS, length=0))(ctx)
        await ctx.tick().repeat(40)
        assert said == []
        ctx.set(unit.images, 0)
        await ctx.tick().repeat(10)
        assert len(said) == 2

    simulate(unit, process, background=(link_bench.taking(unit.say, said),))


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
def test_a_message_without_meaning_stops_the_dispatcher(head) -> None:
    bench = run([MESSAGE.to_bytes(kind=MessageKind.WRITE, length=4, value=8) + b"abcd", MESSAGE.to_bytes(**head)])
    assert bench.stopped
    assert len(bench.done["accesses"]) == 1


@pytest.mark.parametrize("length", [READ_MAX, 0])
def test_the_longest_read_begins_its_record(length) -> None:
    unit, said = Dispatcher(), []
    message = MESSAGE.to_bytes(kind=MessageKind.READ, length=length, value=4)
    simulate(unit, link_bench.giving(unit.bytes, message), link_bench.taking(unit.say, said, count=1))
    assert said[0]["data"] == int.from_bytes(RECORD.to_bytes(kind=RecordKind.REPLY, length=length + 4), "little")


def test_an_image_is_open_until_its_last_beat() -> None:
    """`open` is 1 from the cycle after an image's first beat is taken to the one in which its last beat is taken."""
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
        message = MESSAGE.to_bytes(kind=MessageKind.BITMAPS, count=2, length=8) + bytes(16)
        await link_bench.giving(unit.bytes, message)(ctx)

    simulate(unit, start, feed, background=(watch,))
    assert opened == [(False, 0), (True, 0), (True, 1)] * 2
