# amaranth: UnusedElaboratable=no
"""Reporter: records are whole and in order, however core, dispatcher and the ring's room are timed."""

import random

import pytest
from link_bench import giving
from unit_bench import compare, simulate

from firstspike_contract.core.stream_format import RESULT_BEATS
from firstspike_contract.link.wire import BUFFER, RECORD, REFUSAL, RecordKind
from firstspike_hw.link.buffers import TransmitRing
from firstspike_hw.link.reporter import BEATS_MAX, IMAGES, Reporter

MARKER = 0x8000_0000


def images(chance: random.Random, count: int) -> list[tuple[bytes, list[int] | None]]:
    """Returns a packet and a trace for each image: None, a marker alone, a few beats, or more than a record holds."""
    found = []
    for n in range(count):
        spikes = chance.choice([None, 0, 1, 7, BEATS_MAX - 1, BEATS_MAX, 300])
        trace = None if spikes is None else [*(chance.getrandbits(31) for _ in range(spikes)), MARKER | n]
        found.append((chance.randbytes(4 * RESULT_BEATS), trace))
    return found


def words(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]


def axis(beats: list[int], ends: set[int]) -> list[dict[str, int]]:
    return [{"data": beat, "last": int(at in ends)} for at, beat in enumerate(beats)]


class Bench:
    """A reporter with the core and the dispatcher on one side, and a ring that a reader empties on the other."""

    def __init__(self, work, *, seed=1, stall=0.3, slow=0.0, says=()) -> None:
        self.unit, self.work, self.chance = Reporter(), work, random.Random(seed)
        self.stall, self.slow, self.says = stall, slow, list(says)
        self.operations: list[tuple[str, int]] = []
        self.most = 0  # largest number of bytes in the ring

    async def core(self, ctx):
        """Gives the images to the core. From then on their beats may come on both streams, at any time."""
        for packet, trace in self.work:
            await giving(self.unit.image, [int(trace is not None)], self.chance, self.stall)(ctx)
            if trace is not None:
                self.traces.append(trace)
            self.packets.append(words(packet))

    async def spikes(self, ctx):
        sent = 0
        while True:
            if sent < len(self.traces):
                trace = self.traces[sent]
                await giving(self.unit.spikes, axis(trace, {len(trace) - 1}), self.chance, self.stall)(ctx)
                sent += 1
            else:
                await ctx.tick()

    async def results(self, ctx):
        sent = 0
        while True:
            if sent < len(self.packets):
                await giving(self.unit.results, axis(self.packets[sent], {RESULT_BEATS - 1}), self.chance, self.stall)(
                    ctx
                )
                sent += 1
            else:
                await ctx.tick()

    async def ring(self, ctx):
        """Acts as the ring: keeps the operations and sets `room`. A slow reader leaves little room."""
        unit, names = self.unit, ("put", "fill", "reserve", "commit")
        place = tail = base = 0
        ctx.set(unit.room, BUFFER)
        async for *_, byte, at, put, fill, reserve, commit in ctx.tick().sample(
            unit.byte, unit.at, *(getattr(unit, name) for name in names)
        ):
            assert put + reserve < 2
            if put:
                self.operations.append(("fill", (at, byte)) if fill else ("put", byte))
            for name, there in (("reserve", reserve), ("commit", commit)):
                if there:
                    self.operations.append((name, 0))
            place += (put and not fill) + 4 * reserve
            tail = place if commit else tail
            assert place - base <= BUFFER, "the reporter writes more bytes than there is room"
            self.most = max(self.most, place - base)
            if self.chance.random() >= self.slow:
                base += min(tail - base, 1)
            self.committed = tail
            ctx.set(unit.room, BUFFER - (place - base))

    def run(self, expected_bytes, limit=200_000):
        self.traces, self.packets, self.committed = [], [], 0

        async def process(ctx):
            if self.says:
                await giving(self.unit.say, self.says, self.chance, 0.95)(ctx)
            while self.committed < expected_bytes or len(self.packets) < len(self.work) or ctx.get(self.unit.images):
                await ctx.tick().repeat(50)
            await ctx.tick().repeat(100)

        simulate(self.unit, process, background=(self.core, self.spikes, self.results, self.ring), limit=limit)
        return bytes(TransmitRing().model(self.operations))

    def compare(self, found: list[tuple[int, bytes]]) -> list[int]:
        """Compares the records with the model, given the sizes of the SPIKES records. Returns these sizes, in words."""
        pieces, work = [[]], []
        for kind, body in found:
            if kind == RecordKind.SPIKES:
                pieces[-1].append(len(body) // 4)
            else:
                pieces.append([])
        for n, (packet, trace) in enumerate(self.work):
            work.append((packet, trace, pieces[n] if n < len(pieces) else []))
        compare(self.unit, [("end", record) for record in found], self.unit.model(work))
        return [size for sizes in pieces for size in sizes]


def parsed(stream: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(stream):
        head = RECORD.from_bytes(stream[at:])
        at += RECORD.size
        found.append((head["kind"], stream[at : at + head["length"]]))
        at += head["length"]
    assert at == len(stream)
    return found


def size_of(work, records_of_spikes=0) -> int:
    return sum(len(packet) + RECORD.size + 4 * len(trace or ()) for packet, trace in work) + 4 * records_of_spikes


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_records_of_a_free_ring_are_those_of_the_model(stall) -> None:
    work = images(random.Random(int(stall * 10)), 12)
    bench = Bench(work, stall=stall)
    wanted = bench.unit.model([(packet, trace, ()) for packet, trace in work])
    found = parsed(bench.run(sum(RECORD.size + len(body) for _, body in wanted)))
    compare(bench.unit, [("end", record) for record in found], wanted)


def test_spikes_stay_with_their_image_whatever_the_room() -> None:
    work = images(random.Random(3), 12)
    least = size_of(work, sum(trace is not None for _, trace in work))
    bench = Bench(work, stall=0.0, slow=0.9)
    bench.compare(parsed(bench.run(least, limit=400_000)))
    assert bench.most > BUFFER - 100  # the ring has been almost full


def test_replies_come_between_records_and_are_not_interrupted() -> None:
    chance = random.Random(4)
    work = images(chance, 10)
    replies = [chance.randbytes(4 * n) for n in (1, 1, 2, 40, 1, 3, 1, 1, 8, 1)]
    says = []
    for reply in replies:
        record = words(RECORD.to_bytes(kind=RecordKind.REPLY, length=len(reply)) + reply)
        says += axis(record, {len(record) - 1})
    least = size_of(work, sum(trace is not None for _, trace in work)) + 4 * len(says)
    bench = Bench(work, says=says)
    found = parsed(bench.run(least))
    assert [body for kind, body in found if kind == RecordKind.REPLY] == replies
    assert 0 not in bench.compare([record for record in found if record[0] != RecordKind.REPLY])


def test_the_core_is_given_no_more_images_than_the_reporter_can_remember() -> None:
    unit = Reporter()

    async def process(ctx):
        ctx.set(unit.image.valid, 1)
        for n in range(IMAGES):
            assert ctx.get(unit.image.ready)
            assert ctx.get(unit.images) == n
            await ctx.tick()
        assert not ctx.get(unit.image.ready)
        assert ctx.get(unit.images) == IMAGES

    simulate(unit, process)


def test_spikes_of_an_image_wait_for_the_result_of_the_one_before() -> None:
    """The core works on: the trace of the second image comes before the result of the first."""
    unit, taken = Reporter(), []

    async def process(ctx):
        ctx.set(unit.room, BUFFER)
        await giving(unit.image, [1, 1])(ctx)
        await giving(unit.spikes, axis([5, MARKER, 6, MARKER | 1], {1, 3}))(ctx)

    async def result(ctx):
        await ctx.tick().repeat(60)
        assert taken == [5, MARKER]
        await giving(unit.results, axis([0] * RESULT_BEATS, {RESULT_BEATS - 1}))(ctx)
        await ctx.tick().repeat(60)
        assert taken == [5, MARKER, 6, MARKER | 1]

    async def watch(ctx):
        async for *_, beat, word in ctx.tick().sample(unit.spikes.valid & unit.spikes.ready, unit.spikes.payload.data):
            if beat:
                taken.append(word)

    simulate(unit, result, background=(process, watch), limit=500)


def test_a_reply_waits_for_room_word_by_word() -> None:
    unit, found = Reporter(), []
    body = words(
        RECORD.to_bytes(kind=RecordKind.REFUSED, status=4, length=REFUSAL.size) + REFUSAL.to_bytes(tag=7, count=1)
    )

    async def process(ctx):
        ctx.set(unit.room, 3)
        await ctx.tick().repeat(20)
        assert found == []
        ctx.set(unit.room, 4)
        await ctx.tick().repeat(2)
        ctx.set(unit.room, 0)
        await ctx.tick().repeat(20)
        assert found == list(body[0].to_bytes(4, "little"))
        ctx.set(unit.room, 4)
        await ctx.tick().repeat(20)
        assert found == list(b"".join(word.to_bytes(4, "little") for word in body))

    async def watch(ctx):
        async for *_, put, byte in ctx.tick().sample(unit.put, unit.byte):
            if put:
                found.append(byte)

    simulate(unit, process, background=(giving(unit.say, axis(body, {1})), watch))


def test_nothing_is_taken_from_the_core_without_an_image() -> None:
    """Such beats are left from before a reset and have no meaning."""
    unit, taken = Reporter(), []

    async def process(ctx):
        ctx.set(unit.room, BUFFER)
        ctx.set(unit.spikes.valid, 1)
        ctx.set(unit.results.valid, 1)
        await ctx.tick().repeat(30)

    async def watch(ctx):
        async for *_, ready in ctx.tick().sample(unit.spikes.ready | unit.results.ready | unit.put):
            taken.append(ready)

    simulate(unit, process, background=(watch,))
    assert not any(taken)
