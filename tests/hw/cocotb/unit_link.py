"""Compares coders and UART with their models, and runs the whole link between the host's endpoint and a mock core."""

import random
import zlib

import cocotb
from bench_units import LINK_UNITS, SEED, Unit
from cobs import cobs

from firstspike.link import Deframer, Endpoint, coded
from firstspike_contract.core.register_map import link_offset, offset_of
from firstspike_contract.core.stream_format import RESULT_BEATS, Header
from firstspike_contract.link.wire import (
    BUFFER,
    HELLO,
    MAGIC,
    MESSAGE,
    PROTOCOL,
    RECORD,
    Configuration,
    Frame,
    FrameKind,
    MessageKind,
    RecordKind,
)

MARKER = 0x8000_0000


def unit(dut, name: str) -> Unit:
    return Unit(dut, name, LINK_UNITS)


@cocotb.test()
async def encoder_equals_the_package(dut) -> None:
    u = await unit(dut, "encoder").start()
    lengths = [0, 1, 253, 254, 255, 30, 300]
    frames = [bytes(u.chances.choice([0, 255, u.chances.randrange(1, 256)]) for _ in range(n)) for n in lengths]
    frames.append(bytes([9]) * 254)
    tokens = [token for frame in frames for token in (*frame, 0x100)]
    expected = b"".join(cobs.encode(frame) + b"\0" for frame in frames)
    assert bytes(u.component.model([divmod(token, 256)[::-1] for token in tokens])) == expected
    came = bytearray()
    for _ in range(10_000):
        offer = bool(tokens) and u.chances.random() < 0.8
        ready = u.chances.random() < 0.7
        u["tokens__valid"], u["bytes__ready"] = offer, ready
        if offer:
            u["tokens__payload"] = tokens[0]
        await u.tick()
        if offer and u["tokens__ready"]:
            tokens.pop(0)
        if ready and u["bytes__valid"]:
            came.append(u["bytes__payload"])
        if len(came) == len(expected):
            break
    assert came == expected, f"seed {SEED}"


@cocotb.test()
async def decoder_equals_the_model(dut) -> None:
    u = await unit(dut, "decoder").start()
    line = bytes(u.chances.choice([0, 1, 2, 3, 255, u.chances.randrange(256)]) for _ in range(1500)) + b"\0"
    line += cobs.encode(bytes([3]) * 600) + b"\0"
    found, piece = [], bytearray()
    for byte in line:
        u["bytes__payload"], u["bytes__valid"] = byte, 1
        await u.tick()
        if u["data__valid"]:
            piece.append(u["data__payload"])
        if u["end"]:
            found.append((bytes(piece), bool(u["damaged"])))
            piece.clear()
    assert found == u.component.model(line), f"seed {SEED}"


@cocotb.test()
async def uart_sends_and_receives(dut) -> None:
    out, into = await unit(dut, "uart_out").start(), unit(dut, "uart_in")
    into["rx"] = 1
    await out.tick(80)  # the receiver saw the line low at first; it has recovered by then
    data = [0, 255, 0x55, *(out.chances.randrange(256) for _ in range(20))]
    left, levels, came = list(data), [], []
    for _ in range(len(data) * 60):
        out["bytes__valid"] = bool(left)
        if left:
            out["bytes__payload"] = left[0]
        await out.tick()
        if left and out["bytes__ready"]:
            left.pop(0)
        levels.append(out["tx"])
        into["rx"] = levels[-1]
        if into["bytes__valid"]:
            came.append((into["bytes__payload"], bool(into["error"])))
    start = levels.index(0)
    line = out.component.model(data)
    assert levels[start : start + len(line)] == line, f"seed {SEED}"
    assert came == [(byte, False) for byte in data], f"seed {SEED}"
    assert into.component.model(levels) == [(byte, False) for byte in data], f"seed {SEED}"


class Paper:
    """A mock core: it records writes, answers reads with 5 x address, and answers images.

    The answer to an image is a result with its tag and, if its header asks for spikes, a spike for every beat.
    """

    def __init__(self, u: Unit, stall: float) -> None:
        self.u, self.stall, self.chances = u, stall, random.Random(SEED)
        self.written, self.images, self.image = [], [], []
        self.traces, self.results = [], []  # beats to send, with `last` in bit 32
        self.answer = None  # ("b" | "r", word, refused)
        self.address = self.word = None

    def drive(self) -> None:
        """Sets the inputs of the link for the next clock edge."""
        u, chance = self.u, self.chances
        ready = {port: chance.random() >= self.stall for port in ("aw", "w", "ar", "s")}
        busy = self.answer is not None
        u["s_axil__awready"] = ready["aw"] and self.address is None and not busy
        u["s_axil__wready"] = ready["w"] and self.word is None and not busy
        u["s_axil__arready"] = ready["ar"] and not busy
        u["s_axis__ready"] = ready["s"]
        u["s_axil__bvalid"] = busy and self.answer[0] == "b"
        u["s_axil__rvalid"] = busy and self.answer[0] == "r"
        if busy:
            u["s_axil__rdata"], u["s_axil__rresp"] = self.answer[1], 2 * self.answer[2]
            u["s_axil__bresp"] = 2 * self.answer[2]
        for port, beats in (("t_axis", self.traces), ("m_axis", self.results)):
            u[f"{port}__valid"] = bool(beats)
            if beats:
                u[f"{port}__payload"] = beats[0]

    def look(self) -> None:
        """Handles the transfers of the last clock edge."""
        u = self.u
        if self.answer is not None:
            self.answer = None  # the link always takes the answer
        if u["s_axil__awvalid"] and u["s_axil__awready"]:
            self.address = u["s_axil__awaddr"]
        if u["s_axil__wvalid"] and u["s_axil__wready"]:
            self.word = u["s_axil__wdata"]
        if u["s_axil__arvalid"] and u["s_axil__arready"]:
            address = u["s_axil__araddr"]
            self.answer = ("r", address * 5, address >= 0x800)
        if self.address is not None and self.word is not None:
            self.written.append((self.address, self.word))
            self.answer = ("b", 0, self.address >= 0x800)
            if self.address == offset_of("CONTROL") and self.word & 2:
                self.image.clear()
                self.traces.clear()
                self.results.clear()
            self.address = self.word = None
        for port, beats in (("t_axis", self.traces), ("m_axis", self.results)):
            if beats and u[f"{port}__ready"]:
                beats.pop(0)
        if u["s_axis__valid"] and u["s_axis__ready"]:
            beat = u["s_axis__payload"]
            self.image.append(beat & 0xFFFF_FFFF)
            if beat >> 32:
                self._classified()

    def _classified(self) -> None:
        image, self.image = self.image, []
        self.images.append(image)
        if image[0] & Header.SPIKES:
            self.traces += [beat & ~MARKER for beat in image[1:]]
            self.traces.append(1 << 32 | MARKER | image[0] >> 8 & 0xFF)
        self.results += [image[0] >> 8 & 0xFF, *[0] * (RESULT_BEATS - 2), 1 << 32]


class Host:
    """The host's endpoint at the bytes of the link. `damage` is the chance that a byte becomes wrong on its way."""

    def __init__(self, u: Unit, core: Paper, damage: float = 0.0) -> None:
        self.u, self.core, self.damage, self.chances = u, core, damage, random.Random(SEED + 1)
        self.deframer, self.line, self.cycle, self.frames = Deframer(), b"", 0, []
        self.endpoint = None

    async def run(self, until, cycles: int = 60_000) -> None:
        u = self.u
        for _ in range(cycles):
            now = self.cycle / 1e5  # a second has 100,000 cycles; the endpoint waits 0.25 s
            if self.endpoint is not None and not self.line:
                self.line = self.endpoint.transmit(now, 1)
            offer = bool(self.line) and self.cycle % 3 == 0
            u["received__valid"] = offer
            if offer:
                u["received__payload"] = self._hurt(self.line[0])
                self.line = self.line[1:]
            u["sent__ready"] = self.chances.random() < 0.6
            self.core.drive()
            await u.tick()
            self.cycle += 1
            self.core.look()
            if u["sent__valid"] and u["sent__ready"]:
                for frame in self.deframer.feed(bytes([self._hurt(u["sent__payload"])])):
                    self._heard(frame, now)
            if until(self):
                return
        raise AssertionError(f"seed {SEED}: the awaited records do not come")

    def _hurt(self, byte: int) -> int:
        return byte ^ 1 << self.chances.randrange(8) if self.chances.random() < self.damage else byte

    def _heard(self, frame, now: float) -> None:
        if self.endpoint is None or frame is None or frame.kind & 0x7F in (FrameKind.OPEN, FrameKind.CLOSED):
            self.frames.append(frame)
            if frame is None and self.endpoint is not None:
                self.endpoint.damaged()
        else:
            self.endpoint.receive(frame, now)

    async def open(self, session: int, nonce: int) -> None:
        hello = HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, nonce=nonce)
        self.endpoint, self.frames = None, []
        self.line = b"\0" + coded(Frame(FrameKind.OPEN, session, 0, 0, BUFFER, hello))
        damage, self.damage = self.damage, 0.0
        await self.run(lambda host: any(f is not None and f.session == session for f in host.frames))
        self.endpoint, self.damage = Endpoint(session), damage

    async def ask(self, data: bytes, records: int) -> list[tuple[int, int, bytes]]:
        """Sends messages, waits for `records` records, and returns (kind, status, body) of each."""
        self.endpoint.write(data)
        found = []

        def complete(host: "Host") -> bool:
            stream = host.endpoint.peek()
            while len(stream) >= RECORD.size:
                kind, status, length = RECORD.form.unpack_from(stream)
                if len(stream) < RECORD.size + length:
                    break
                found.append((kind, status, bytes(stream[RECORD.size : RECORD.size + length])))
                host.endpoint.skip(RECORD.size + length)
            return len(found) >= records and not host.endpoint.unacknowledged

        await self.run(complete)
        assert len(found) == records, f"seed {SEED}"
        return found


def write(address: int, *words: int) -> bytes:
    body = b"".join(word.to_bytes(4, "little") for word in words)
    return MESSAGE.to_bytes(kind=MessageKind.WRITE, length=len(body), value=address) + body


def read(address: int, words: int = 1) -> bytes:
    return MESSAGE.to_bytes(kind=MessageKind.READ, length=4 * words, value=address)


def load() -> bytes:
    """Returns the messages of a complete load of a few words."""
    words = write(offset_of("MEM_DATA"), 1, 2, 3) + write(offset_of("CONTROL"), 1)
    config = link_offset("CONFIG")
    return write(config, 1) + words + write(link_offset("CONFIG_CRC"), zlib.crc32(words)) + write(config, 2)


async def everything(dut, damage: float) -> None:
    """Tests a load, register accesses, images with and without spikes, and a second session."""
    u = await unit(dut, "link").start()
    await u.tick(20)
    core = Paper(u, 0.3)
    host = Host(u, core, damage)
    await host.open(7, 1)
    core.written.clear()
    replies = await host.ask(load() + read(link_offset("CONFIG")) + read(0x104, 2) + read(0x804), 3)
    assert [body for _, _, body in replies] == [
        bytes([Configuration.VALID]) + bytes(7),
        (0x104 * 5).to_bytes(4, "little") * 2 + bytes(4),
        (0x804 * 5).to_bytes(4, "little") + b"\1\0\0\0",
    ], f"seed {SEED}"
    assert core.written == [(offset_of("MEM_DATA"), n) for n in (1, 2, 3)] + [(offset_of("CONTROL"), 1)]

    chance = random.Random(SEED + 2)
    messages, images = b"", []
    for n in range(0, 24, 2):
        flags, length = int(chance.choice([0, Header.SPIKES])), chance.choice([0, 1, 4, 7])
        bits = chance.randbytes(2 * length)
        messages += (
            MESSAGE.to_bytes(kind=MessageKind.BITMAPS, flags=flags, tag=n, count=2, length=length, value=300) + bits
        )
        for k in range(2):
            part = bits[k * length : k * length + length]
            beats = [int.from_bytes(part[i : i + 4], "little") for i in range(0, length, 4)]
            images.append([flags | Header.BITMAP | n + k << 8 | 300 << 16, *beats])
    answers = iter(await host.ask(messages, 24 + sum(bool(image[0] & Header.SPIKES) for image in images)))
    assert core.images == images, f"seed {SEED}"
    for n, image in enumerate(images):
        kind, _, body = next(answers)
        if image[0] & Header.SPIKES:
            beats = [beat & ~MARKER for beat in image[1:]] + [MARKER | n]
            assert (kind, body) == (RecordKind.SPIKES, b"".join(beat.to_bytes(4, "little") for beat in beats))
            kind, _, body = next(answers)
        assert (kind, body[0]) == (RecordKind.RESULT, n), f"seed {SEED}"

    host.endpoint.write(MESSAGE.to_bytes(kind=MessageKind.BITMAPS, tag=9, count=1, length=50) + bytes(20))
    await host.run(lambda host: not host.endpoint.unacknowledged)
    await host.open(8, 2)  # the core has received half an image by then
    assert core.written[-1] == (offset_of("CONTROL"), 3), f"seed {SEED}"
    assert not core.image
    image = MESSAGE.to_bytes(kind=MessageKind.BITMAPS, tag=77, count=1, length=3) + b"abc"
    ((kind, _, body),) = await host.ask(image, 1)
    assert (kind, body[0]) == (RecordKind.RESULT, 77), f"seed {SEED}"
    sessions, bad = await host.ask(read(link_offset("SESSIONS")) + read(link_offset("FRAMES_BAD")), 2)
    assert sessions[2][0] == 2
    assert (bad[2][0] > 0) == (damage > 0), f"seed {SEED}"


@cocotb.test()
async def link_between_a_host_and_a_core(dut) -> None:
    await everything(dut, 0.0)


@cocotb.test()
async def link_with_damage_in_both_directions(dut) -> None:
    await everything(dut, 0.004)
