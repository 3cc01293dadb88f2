"""Compares calendar queue, input map and intake with their models."""

import cocotb
from bench_units import SEED, STEPS, Unit, pack, unpack

from firstspike_contract.core.stream_format import Header
from firstspike_hw.fabric.axis import axis_layout
from firstspike_hw.spikes.input_map import InputMap
from firstspike_hw.spikes.intake import image_layout
from firstspike_hw.spikes.queue import buckets_of, event_layout

IMAGES = 25


@cocotb.test()
async def queue_gives_each_bucket_what_was_filed(dut) -> None:
    """Events of later steps are filed while a bucket leaves, and `clear` can come at any time."""
    u = await Unit(dut, "queue").start()
    u["selected"] = 1
    chances, layout = u.chances, event_layout(24, STEPS)
    for n in range(IMAGES):
        latest = chances.choice([1, STEPS // 2, STEPS])
        waiting = [(chances.randrange(latest), x) for x in range(24) if chances.random() < chances.choice([0.2, 1])]
        chances.shuffle(waiting)
        hurry, breaks_off = chances.choice([0.1, 0.5, 1.0]), chances.randrange(80) if n % 5 == 4 else None
        filed: list[tuple[int, int]] = []

        async def cycle(step: int, waiting=waiting, filed=filed, hurry=hurry) -> None:
            """Lets one cycle pass, in which an event later than `step` may be filed."""
            later = [e for e in waiting if e[0] > step]
            u["push__valid"] = 0
            if later and chances.random() < hurry:
                waiting.remove(later[0])
                filed.append(later[0])
                u["push__valid"], u["push__payload"] = 1, pack(layout, t=later[0][0], x=later[0][1])
            await u.tick()

        for step in range(STEPS):
            u["advance"] = step > 0
            await cycle(step)
            u["advance"] = 0
            while any(t == step for t, _ in waiting):
                await cycle(step - 1)
            for _ in range(3):
                await cycle(step)
            bucket: list[int] = []
            expected = buckets_of(filed, STEPS)[step]
            assert u["occupied"] == bool(expected), f"seed {SEED}, image {n}, step {step}"
            if expected:
                u["open"] = 1
                await cycle(step)
                u["open"] = 0
                while True:
                    ready = chances.random() < 0.7
                    u["events__ready"] = ready
                    await cycle(step)
                    if not u["events__valid"]:
                        break
                    if ready:
                        bucket.append(u["events__payload"])
                u["events__ready"] = 0
            assert bucket == expected, f"seed {SEED}, image {n}, step {step}"
            if breaks_off is not None and step == breaks_off % STEPS:
                break
        u["push__valid"], u["clear"] = 0, 1
        await u.tick()
        u["clear"] = 0
        await u.tick()
        for _ in range(STEPS):
            u["advance"] = 1
            await u.tick()
            u["advance"] = 0
            assert not u["occupied"], "clear must empty all buckets in one cycle"
        u["clear"] = 1
        await u.tick()
        u["clear"] = 0
        await u.tick()
        assert not u["events__valid"]


def _random_map(chances) -> list[tuple[int, int] | None]:
    """Returns (row, delay) or None (dropped) for each of 40 addresses, of 36 rows."""
    rows = chances.sample(range(36), 36)
    entries: list[tuple[int, int] | None] = [None] * 40
    for x in chances.sample(range(40), chances.choice([5, 30, 36])):
        entries[x] = (rows.pop(), chances.choice([0, 0, 1, 5, STEPS]))
    return entries


def _words(entries) -> list[int]:
    return [0 if e is None else 1 << 31 | e[1] << 16 | e[0] for e in entries]


def _events(chances, addresses: int, count: int) -> list[tuple[int, int]]:
    times = [*range(STEPS), *range(STEPS), STEPS, 65535]
    return [(chances.choice(times), chances.choice([*range(addresses), addresses, 65535])) for _ in range(count)]


@cocotb.test()
async def map_files_drops_and_refuses(dut) -> None:
    u = await Unit(dut, "map").start()
    chances, latency = u.chances, InputMap.latency
    layout, raw = u.component.mapped_layout, u.component.events.payload.shape()
    u["steps"] = STEPS
    for n in range(IMAGES):
        if n % 5 == 0:
            entries = _random_map(chances)
            addresses = chances.choice([40, 25])
            await u.load("host", _words(entries))
            u["addresses"] = addresses
        ordered = n % 3 == 2
        events = _events(chances, addresses, chances.randrange(90))
        u["ordered"], u["clean"] = ordered, 1
        await u.tick()
        u["clean"] = 0
        sent, came = [], []
        idle = chances.choice([0.0, 0.5])
        left = list(events)
        while left or len(sent) > len(came):
            go = bool(left) and chances.random() >= idle
            u["events__valid"] = go
            if go:
                t, x = left.pop(0)
                u["events__payload"] = pack(raw, t=t, x=x)
                sent.append(u.dut)
            await u.tick()
            if u["mapped__valid"]:
                came.append(unpack(layout, u["mapped__payload"]))
            assert len(sent) - len(came) <= latency + 1
        u["events__valid"] = 0
        await u.tick(latency + 1)
        event = layout["event"].shape
        settings = ("set", {"steps": STEPS, "entries": entries[:addresses]})
        expected = u.component.model([settings, ("image", ordered), *(("event", t, x) for t, x in events)])
        for c, wanted in zip(came, expected, strict=True):
            named = [name for name in ("filed", "late", "refused", "dropped") if c[name]]
            filed = tuple(unpack(event, c["event"]).values()) if c["filed"] else None
            got = ((named or ["beyond"])[0], filed, c["horizon"])
            assert got == wanted, f"seed {SEED}, image {n}: {events}"
        horizons = [c["horizon"] for c in came]
        assert horizons == sorted(horizons), "the horizon must not fall"
        assert ordered or not any(horizons), "the horizon must be 0 without a promised order"
        for k, horizon in enumerate(horizons):
            later = [unpack(event, c["event"])["t"] for c in came[k + 1 :] if c["filed"]]
            assert all(t >= horizon for t in later), f"seed {SEED}, image {n}: filed below the horizon"


@cocotb.test()
async def intake_takes_one_image_while_another_is_read(dut) -> None:
    u = await Unit(dut, "intake").start()
    chances, axis, about = u.chances, axis_layout(), image_layout()
    entries = _random_map(chances)
    await u.load("map", _words(entries))
    u["steps"], u["addresses"], u["run"] = STEPS, 40, 1
    images = []
    for n in range(IMAGES):
        flags = chances.choice([0, 0, Header.BITMAP, Header.ORDERED])
        beats = [x << 16 | t for t, x in _events(chances, 40, chances.choice([0, 3, 40, 80]))]
        if flags == Header.BITMAP:
            beats = [chances.getrandbits(32) & chances.getrandbits(32) for _ in range(chances.randrange(4))]
        images.append([flags | n << 8 | (3 * n) << 16, *beats])

    async def sender() -> None:
        for beats in images:
            for k, beat in enumerate(beats):
                while chances.random() < 0.2:
                    u["beats__valid"] = 0
                    await u.tick()
                u["beats__valid"], u["beats__payload"] = 1, pack(axis, data=beat, last=k == len(beats) - 1)
                await u.tick()
                while not u["beats__ready"]:
                    await u.tick()
        u["beats__valid"] = 0

    cocotb.start_soon(sender())
    settings = ("set", {"steps": STEPS, "entries": entries})
    for n, wanted in enumerate(u.component.model([settings, *(("image", beats) for beats in images)])):
        for _ in range(2000):
            await u.tick()
            image = unpack(about, u["image"])
            if image["ready"] and image["complete"]:
                break
        assert image["complete"], f"image {n} does not come"
        assert not u["idle"]
        where = f"seed {SEED}, image {n}"
        names = ("flags", "tag", "label", "late", "dropped", "refused")
        assert [image[name] for name in names] == [getattr(wanted, name) for name in names], where
        assert u["source__horizon"] == STEPS
        for step in range(STEPS):
            u["source__advance"] = step > 0
            await u.tick()
            u["source__advance"] = 0
            await u.tick(2)
            expected = wanted.buckets[step]
            assert u["source__occupied"] == bool(expected), f"{where}, step {step}"
            if not expected:
                continue
            u["source__open"] = 1
            await u.tick()
            u["source__open"], bucket = 0, []
            while True:
                ready = chances.random() < 0.8
                u["source__events__ready"] = ready
                await u.tick()
                if not u["source__events__valid"]:
                    break
                if ready:
                    bucket.append(u["source__events__payload"])
            u["source__events__ready"] = 0
            assert bucket == expected, f"{where}, step {step}"
        u["release"] = 1
        await u.tick()
        u["release"] = 0
    await u.tick(2)
    assert u["idle"]
