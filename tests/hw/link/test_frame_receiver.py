"""Frame receiver and hello: what is a frame and what is none, by the contract's own parser."""

import random
import zlib

import pytest
from unit_bench import simulate

from firstspike_contract.link.wire import FRAME, HELLO, MAGIC, PAYLOAD_MAX, PROTOCOL, Frame, FrameKind
from firstspike_hw.link.frame_receiver import FrameReceiver, Hello


def pieces() -> list[tuple[bytes, bool]]:
    """Frames of all lengths that matter, and such that are wrong in one thing each."""
    chance = random.Random(1)

    def frame(length: int, kind: int = FrameKind.DATA) -> bytes:
        payload = bytes(chance.randrange(256) for _ in range(length))
        return Frame(kind, *(chance.randrange(256), *(chance.randrange(65536) for _ in range(3))), payload).to_bytes()

    def resized(plain: bytes, length: int) -> bytes:
        """Says another length, under a CRC-32 that is right."""
        head = FRAME.from_bytes(plain)
        body = FRAME.to_bytes(**{**head, "length": length}) + plain[FRAME.size : -4]
        return body + zlib.crc32(body).to_bytes(4, "little")

    good = [frame(n, kind) for n, kind in enumerate(FrameKind)] + [frame(n) for n in (253, 254, PAYLOAD_MAX)]
    bad = [good[1][:n] for n in range(len(good[1]))]  # cut off anywhere
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
def test_frames_are_told_from_what_is_none(gap) -> None:
    unit, found, payload = FrameReceiver(), [], bytearray()
    sent = [piece for piece in pieces() if not gap or len(piece[0]) < 200]

    async def process(ctx):
        for plain, damaged in sent:
            payload.clear()
            for at, byte in enumerate(plain):
                ctx.set(unit.data.payload, byte)
                ctx.set(unit.data.valid, 1)
                assert ctx.get(unit.begin) == (at == 0)
                if ctx.get(unit.payload.valid):
                    payload.append(ctx.get(unit.payload.payload))
                assert ctx.get(unit.good) + ctx.get(unit.bad) == 0
                await ctx.tick()
                ctx.set(unit.data.valid, 0)
                for _ in range(gap):
                    await ctx.tick()
            ctx.set(unit.end, 1)
            ctx.set(unit.damaged, damaged)
            assert ctx.get(unit.good) + ctx.get(unit.bad) == 1
            frame = None
            if ctx.get(unit.good):
                head = {name: ctx.get(unit.header[name]) for name in (field.name for field in FRAME)}
                assert head.pop("length") == len(payload)
                frame = Frame(**head, payload=bytes(payload))
            found.append(frame)
            await ctx.tick()
            ctx.set(unit.end, 0)
            ctx.set(unit.damaged, 0)

    simulate(unit, process, limit=100_000)
    assert found == FrameReceiver.model(sent)
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
    unit, found = Hello(), []

    async def process(ctx):
        for kind in (FrameKind.OPEN, FrameKind.DATA):
            ctx.set(unit.kind, kind)
            for payload in HELLOS:
                ctx.set(unit.begin, 1)
                await ctx.tick()
                ctx.set(unit.begin, 0)
                for byte in payload:
                    ctx.set(unit.payload.payload, byte)
                    ctx.set(unit.payload.valid, 1)
                    await ctx.tick()
                ctx.set(unit.payload.valid, 0)
                found.append((bool(ctx.get(unit.whole)), bool(ctx.get(unit.spoken)), ctx.get(unit.nonce)))

    simulate(unit, process)
    for payload, (whole, spoken, nonce) in zip(HELLOS, found, strict=False):
        expected = Hello.model(payload)
        assert whole == expected[0]
        if whole:
            assert (spoken, nonce) == expected[1:]
    # what is not in an OPEN is no hello, and the nonce of the latest one stays
    assert [(whole, nonce) for whole, _, nonce in found[len(HELLOS) :]] == [(False, 0xFFFFFFFF)] * len(HELLOS)
