"""Intake, input map and weight memory equal their models."""

import random

import pytest
from unit_bench import check, cycles_until, fill, offering, seen, strobe

from firstspike_contract.core.memories import MAP_ENTRY, slice_width
from firstspike_contract.core.stream_format import EVENT_BEAT, IMAGE_HEADER, Header
from firstspike_hw.fabric.weights import WeightMemory
from firstspike_hw.spikes.input_map import InputMap, Mapped
from firstspike_hw.spikes.intake import Intake, TakenImage


def entries_of(chance, addresses, rows):
    """Returns a random (row, delay), or None, for each address."""
    found = [(row, chance.choice([0, 0, 3, 16])) for row in chance.sample(range(rows), addresses)]
    return [entry if chance.random() < 0.8 else None for entry in found]


def words_of(entries):
    """Returns the words that the host writes for these entries."""
    kept = [{"row": e[0], "delay": e[1], "kept": 1} if e is not None else {} for e in entries]
    return [MAP_ENTRY.pack(**fields) for fields in kept]


def outcome(mapped):
    """Returns the outcome of one event in the form of the model."""
    named = [name for name in ("filed", "late", "refused", "dropped") if mapped[name]]
    assert named in ([], ["filed"], ["dropped"], ["refused"], ["late", "refused"]), f"one outcome, not {named}"
    event = (mapped.event.t, mapped.event.x) if mapped.filed else None
    return Mapped(named[0] if named else "beyond", event, mapped.horizon)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_every_event_is_filed_dropped_or_refused_as_the_model_says(seed, ordered) -> None:
    unit, chance = InputMap(addresses=64, entries=64, steps=16), random.Random(seed)
    entries = entries_of(chance, 50, 64)
    inputs: list[tuple] = [("set", {"steps": 16, "entries": entries})]
    for _ in range(3):
        inputs += [("image", ordered), *(("event", chance.randrange(18), chance.randrange(55)) for _ in range(60))]
    offer = offering(unit.events, chance=chance, gap=0.1)

    async def give(ctx, item):
        name, *values = item
        if name == "set":
            ctx.set(unit.steps, values[0]["steps"])
            ctx.set(unit.addresses, len(entries))
            await fill(ctx, unit.host, words_of(entries))
        elif name == "image":
            await ctx.tick().repeat(unit.latency)  # no event is inside
            ctx.set(unit.ordered, values[0])
            await strobe(ctx, unit.clean)
        else:
            await offer(ctx, dict(zip("tx", values, strict=True)))

    found = check(unit, inputs, give=give, take=seen(unit.mapped, outcome), latency=unit.latency)
    assert {one.fate for one in found} == {"filed", "beyond", "dropped", "refused", *(["late"] if ordered else [])}


def random_beats(chance, tag):
    """Returns the beats of an image of events or of a bitmap. Some images have no beat after the header."""
    flags = (0, Header.ORDERED, Header.BITMAP)[tag % 3]
    count = chance.choice([40, 1, 0]) if tag > 2 else 40
    beats = [EVENT_BEAT.pack(t=chance.randrange(18), x=chance.randrange(55)) for _ in range(count)]
    if flags == Header.BITMAP:
        beats = [chance.getrandbits(32) & chance.getrandbits(32) for _ in range(chance.choice([0, 1, 2]))]
    return [IMAGE_HEADER.pack(flags=int(flags), tag=tag, label=1000 + tag), *beats]


def reading(unit, found):
    """Returns a process that reads each complete image, bucket by bucket, and releases it."""

    async def bucket(ctx):
        rows = []
        await ctx.tick().repeat(2)
        if ctx.get(unit.source.occupied):
            await strobe(ctx, unit.source.open)
            ctx.set(unit.source.events.ready, 1)
            while ctx.get(unit.source.events.valid):
                rows.append(ctx.get(unit.source.events.payload))
                await ctx.tick()
            ctx.set(unit.source.events.ready, 0)
        await strobe(ctx, unit.source.advance)
        return rows

    async def read(ctx):
        while True:
            if not ctx.get(unit.image.complete):
                await ctx.tick()
                continue
            assert ctx.get(unit.source.horizon) == ctx.get(unit.steps)
            fields = {name: ctx.get(unit.image[name]) for name in TakenImage._fields if name != "buckets"}
            buckets = [await bucket(ctx) for _ in range(unit.max_steps)]
            found.append(TakenImage(**fields, buckets=buckets))
            await strobe(ctx, unit.release)

    return read


@pytest.mark.parametrize("seed", range(3))
def test_images_are_taken_as_the_model_says(seed) -> None:
    """The next image fills one bank while the previous image is read from the other."""
    unit, chance, read = Intake(addresses=64, entries=64, steps=16), random.Random(seed), []
    entries = entries_of(chance, 50, 64)
    inputs = [("set", {"steps": 16, "entries": entries}), *(("image", random_beats(chance, n)) for n in range(8))]
    offer = offering(unit.beats, chance=chance, gap=0.2)

    async def give(ctx, item):
        name, values = item
        if name == "set":
            ctx.set(unit.steps, values["steps"])
            ctx.set(unit.addresses, len(entries))
            await fill(ctx, unit.map, words_of(entries))
            ctx.set(unit.run, 1)
            return
        for k, beat in enumerate(values):
            await offer(ctx, {"data": beat, "last": k == len(values) - 1})

    def take(ctx):
        found, read[:] = list(read), []
        return found

    found = check(unit, inputs, give=give, take=take, background=(reading(unit, read),))
    assert any(image.late for image in found)
    assert all(image.dropped and image.refused and any(image.buckets) for image in found[:2])


@pytest.mark.parametrize(("beats", "more"), [([], 0), ([EVENT_BEAT.pack(t=1, x=2)], 0), ([0b1011], 3), ([0], 1)])
def test_an_image_is_complete_after_the_latency(beats, more) -> None:
    """more: cycles, beyond the latency, that a bitmap's last beat takes: one for each set bit, and at least one."""
    unit = Intake(addresses=64, entries=64, steps=16)
    bitmap = bool(beats) and beats[0] < 2**16
    words = [IMAGE_HEADER.pack(flags=int(Header.BITMAP) if bitmap else 0), *beats]

    async def start(ctx):
        ctx.set(unit.run, 1)
        ctx.set(unit.beats.valid, 1)
        for k, word in enumerate(words):
            ctx.set(unit.beats.payload, {"data": word, "last": k == len(words) - 1})
            if k < len(words) - 1:
                await ctx.tick()

    assert cycles_until(unit, start, unit.image.complete) == unit.latency + more


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("depth", [32, 600, 1500])
def test_a_weight_word_returns_whole_through_its_slices(depth, wide) -> None:
    unit, chance = WeightMemory(width=8 * 7, depth=depth, wide=wide), random.Random(depth)
    words = {chance.randrange(depth): chance.getrandbits(56) for _ in range(20)}
    writes = [("write", address, word) for address, word in words.items()]
    reads = [("read", chance.choice([*words, 0, depth - 1])) for _ in range(40)]

    async def give(ctx, item):
        name, address, *word = item
        ctx.set(unit.write_address if name == "write" else unit.address, address)
        ctx.set(unit.write, name == "write")
        await ctx.tick()
        if word:
            ctx.set(unit.write_data, word[0])  # belongs to the write of the cycle before

    def read(ctx, item):
        return [ctx.get(unit.data)] if item[0] == "read" else []

    check(unit, [*writes, *reads], give=give, read=read, latency=unit.latency + wide)


def test_the_fast_core_takes_the_blocks_that_it_should() -> None:
    assert [slice_width(depth) for depth in (512, 513, 1024, 1025, 2048, 4096)] == [36, 18, 18, 9, 9, 9]
    assert WeightMemory.blocks(200 * 8, 2048) == 178
    assert WeightMemory.blocks(10 * 8, 1024) == 5
    assert WeightMemory.blocks(64 * 8, 4096) == 114
