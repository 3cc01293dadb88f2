"""Frame receiver and hello: they accept the frames and hellos that the contract accepts, and no others."""

import random
import zlib

import pytest
from unit_bench import check, simulate, strobe

from firstspike_contract.link.wire import FRAME, HELLO, MAGIC, PAYLOAD_MAX, PROTOCOL, Frame, FrameKind
from firstspike_hw.link.frame_receiver import FrameReceiver, Hello


def pieces() -> list[tuple[bytes, bool]]:
    """Returns (bytes, damaged): good frames of all lengths that matter, and pieces that are each wrong in one way."""
    chance = random.Random(1)

    def frame(length: int, kind: int = FrameKind.DATA) -> bytes:
        payload = bytes(chance.randrange(256) for _ in range(length))
        return Frame(kind, *(chance.randrange(256), *(chance.randrange(65536) for _ in range(3))), payload).to_bytes()

    def resized(plain: bytes, length: int) -> bytes:
        """Returns the frame with another length in its header and a CRC-32 that is right."""
        head = FRAME.from_bytes(plain)
        body = FRAME.to_bytes(**{**head, "length": length}) + plain[FRAME.size : -4]
        return body + zlib.crc32(body).to_bytes(4, "little")

    good = [frame(n, kind) for n, kind in enumerate(FrameKind)] + [frame(n) for n in (253, 254, PAYLOAD_MAX)]
    bad = [good[1][:n] for n in range(len(good[1]))]  # cut off at every place
    bad += [resized(good[3], n) for n in (2, 4, 0, PAYLOAD_MAX + 1, 65535)]
    bad += [frame(PAYLOAD_MAX + 1), frame(PAYLOAD_MAX + 30), good[2] + b"\0", good[0] + b"\1\2\3"]
    for plain in good[:5]:
        flipped = bytearray(plain)
        flipped[chance.randrange(len(plain))] ^= 1 << chance.randrange(8)
        bad.append(bytes(flipped))
    mixed = [(plain, False) for plain in good + bad] + [(good[0], True), (good[-1], True)]
    chance.shuffle(mixed)
    return mixed


@pytest.mark.parametrize("gap", [0, 2])
def test_good_frames_are_told_from_bad_ones(gap) -> None:
    unit, payload = FrameReceiver(), bytearray()
    sent = [piece for piece in pieces() if not gap or len(piece[0]) < 200]

    async def give(ctx, item):
        plain, damaged = item
        for at, byte in enumerate(plain):
            ctx.set(unit.data.payload, byte)
            ctx.set(unit.data.valid, 1)
            assert ctx.get(unit.begin) == (at == 0)
            await ctx.tick()
            ctx.set(unit.data.valid, 0)
            for _ in range(gap):
                await ctx.tick()
        ctx.set(unit.damaged, damaged)
        await strobe(ctx, unit.end)
        ctx.set(unit.damaged, 0)

    def take(ctx):
        if ctx.get(unit.payload.valid):
            payload.append(ctx.get(unit.payload.payload))
        if not ctx.get(unit.good) and not ctx.get(unit.bad):
            return []
        assert ctx.get(unit.good) + ctx.get(unit.bad) == 1
        head = {field.name: ctx.get(unit.header[field.name]) for field in FRAME}
        length, plain = head.pop("length"), bytes(payload)
        payload.clear()
        if ctx.get(unit.bad):
            return [None]
        assert length == len(plain)
        return [Frame(**head, payload=plain)]

    found = check(unit, sent, give=give, take=take, latency=unit.latency, limit=100_000)
    assert sum(frame is not None for frame in found) == (5 if gap else 8)


def test_the_header_stands_until_the_next_piece() -> None:
    unit, plain = FrameReceiver(), Frame(2, 3, 4, 5, 6, b"abc").to_bytes()

    async def process(ctx):
        for byte in plain:
            ctx.set(unit.data.payload, byte)
            ctx.set(unit.data.valid, 1)
            await ctx.tick()
        ctx.set(unit.data.valid, 0)
        ctx.set(unit.end, 1)
        await ctx.tick()
        ctx.set(unit.end, 0)
        for _ in range(50):
            assert [ctx.get(unit.header[name]) for name in (field.name for field in FRAME)] == [2, 3, 4, 5, 6, 3]
            await ctx.tick()

    simulate(unit, process)


HELLOS = [
    HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, nonce=0x12345678),
    HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL + 1, nonce=5),
    HELLO.to_bytes(magic=MAGIC ^ 1, protocol=PROTOCOL, nonce=6),
    HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, reserved=77, nonce=7),
    HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, nonce=8)[:-1],
    HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, nonce=9) + b"x",
    HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, nonce=10) + bytes(100),
    b"",
    HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, nonce=0xFFFFFFFF),
]


def test_hellos_are_read() -> None:
    unit = Hello()

    async def give(ctx, item):
        kind, payload = item
        ctx.set(unit.kind, kind)
        await strobe(ctx, unit.begin)
        for byte in payload:
            ctx.set(unit.payload.payload, byte)
            await strobe(ctx, unit.payload.valid)

    def read(ctx, item):
        """Reads the hello after the last byte of its frame, before the next frame begins."""
        del item
        return [(bool(ctx.get(unit.spoken)), ctx.get(unit.nonce)) if ctx.get(unit.whole) else None]

    payloads = [*((FrameKind.OPEN, payload) for payload in HELLOS), *((FrameKind.DATA, payload) for payload in HELLOS)]
    found = check(unit, payloads, give=give, read=read, latency=unit.latency)
    assert sum(hello is not None for hello in found) == 4


def test_the_nonce_of_the_latest_hello_stays() -> None:
    unit = Hello()

    async def process(ctx):
        for kind, payload in ((FrameKind.OPEN, HELLOS[-1]), (FrameKind.DATA, HELLOS[0])):
            ctx.set(unit.kind, kind)
            await strobe(ctx, unit.begin)
            for byte in payload:
                ctx.set(unit.payload.payload, byte)
                await strobe(ctx, unit.payload.valid)
            assert ctx.get(unit.nonce) == 0xFFFFFFFF

    simulate(unit, process)
