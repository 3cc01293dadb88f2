"""The two rings in block memory. One holds the host's bytes until they are used, the other holds the bytes for the
host until they are acknowledged.

A byte is addressed by its number in its stream, modulo 2^16 (docs/protocol.md, streams). Byte n lies at n modulo the
size of the ring.
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, exact_log2

from firstspike_contract.link.timing import NUMBER_BITS
from firstspike_contract.link.wire import BUFFER, WORD
from firstspike_hw.fabric.sizes import check_power

__all__ = ["UNCHECKED", "ReceiveRing", "TransmitRing"]

# An attribute for Yosys. What a read returns of a byte that is written in the same cycle is never used, so Yosys need
# not add logic for that case.
UNCHECKED = {"no_rw_check": 1}


class ReceiveRing(wiring.Component):
    """Stores payloads of frames and passes them on as the host's stream.

    A payload arrives before its checksum is known. It is written behind the stream at once, and becomes part of the
    stream only by `commit`.

    restart: in, strobe before a payload. Discards what was not committed.
    payload: in, stream of 8 bits, always ready. The payload's bytes. A byte without room is left out.
    fits:    out, 1 bit. No byte of the payload was left out so far.
    commit:  in, strobe after a payload that fits. Makes the payload part of the stream.
    clear:   in, 1 bit. Begins a new stream; all numbers start from 0.
    filled:  out, 16 bits. Number of the next byte expected.
    used:    out, log2(size) + 1 bits. Number of the next byte that leaves, modulo twice the size.
    bytes:   out, stream of 8 bits. The stream, one byte a cycle, from `latency` cycles after `commit` on.
    """

    latency = 2

    def __init__(self, *, size: int = BUFFER) -> None:
        check_power(self, size=size, least=2)
        self.size = size
        super().__init__(
            {
                "restart": In(1),
                "payload": In(stream.Signature(8, always_ready=True)),
                "fits": Out(1),
                "commit": In(1),
                "clear": In(1),
                "filled": Out(NUMBER_BITS),
                "used": Out(bits_for(size)),
                "bytes": Out(stream.Signature(8)),
            }
        )

    def model(self, inputs: Sequence[tuple[bytes, bool]]) -> list[bytes | None]:
        """Takes payloads (bytes, commit), while no byte leaves.

        Returns for each the bytes that became part of the stream, or None if the payload does not fit.
        """
        used, found = 0, []
        for payload, commit in inputs:
            fits = used + len(payload) <= self.size
            found.append((payload if commit else b"") if fits else None)
            used += len(found[-1] or b"")
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = exact_log2(self.size)
        m.submodules.ring = ring = Memory(shape=8, depth=self.size, init=[], attrs=UNCHECKED)
        write, read = ring.write_port(), ring.read_port()
        place, full, lost = Signal(NUMBER_BITS), Signal(), Signal()
        m.d.comb += [
            full.eq((place[:bits] == self.used[:bits]) & (place[bits] != self.used[bits])),
            self.fits.eq(~lost),
            write.addr.eq(place),
            write.data.eq(self.payload.payload),
            write.en.eq(self.payload.valid & ~full),
        ]
        with m.If(self.payload.valid):
            m.d.sync += [place.eq(place + ~full), lost.eq(lost | full)]
        with m.If(self.commit):
            m.d.sync += self.filled.eq(place)
        with m.If(self.restart):
            m.d.sync += [place.eq(self.filled), lost.eq(0)]

        upcoming = Signal.like(self.used)
        m.d.comb += [
            upcoming.eq(self.used + (self.bytes.valid & self.bytes.ready)),
            read.addr.eq(upcoming),
            self.bytes.payload.eq(read.data),
        ]
        m.d.sync += [self.used.eq(upcoming), self.bytes.valid.eq(upcoming != self.filled[: bits + 1])]
        with m.If(self.clear):
            m.d.sync += [place.eq(0), lost.eq(0), self.filled.eq(0), self.used.eq(0), self.bytes.valid.eq(0)]
        return m


class TransmitRing(wiring.Component):
    """Collects records for the host, and holds them until the host has acknowledged them.

    A record is written behind the stream and becomes part of it by `commit`. The length in the first word of a record
    may be known only after its last byte: the writer leaves that word free (`reserve`) and writes it later (`fill`).

    put:     in, strobe. Writes `byte` at the end. The writer makes sure before that there is `room`.
    byte:    in, 8 bits, valid with `put`.
    fill:    in, 1 bit, valid with `put`. Writes `byte` into the word left free instead, as its byte `at`.
    at:      in, 2 bits, valid with `fill`.
    reserve: in, strobe. Leaves the first word of a record free.
    commit:  in, strobe. Makes all that was written part of the stream, including a `put` in the same cycle.
    drop:    in, strobe. Discards what was not committed.
    clear:   in, 1 bit. Begins a new stream.
    base:    in, 16 bits. Number of the first byte that may be needed again.
    tail:    out, log2(size) + 1 bits. Number of the next byte to be committed, modulo twice the size.
    room:    out, log2(size) + 1 bits. Number of bytes that may still be put.
    address: in, 16 bits. Number of the byte to read.
    data:    out, 8 bits. The byte at `address`, `latency` cycle later.
    """

    latency = 1

    def __init__(self, *, size: int = BUFFER) -> None:
        check_power(self, size=size, least=WORD)
        self.size = size
        strobes = {name: In(1) for name in ("put", "fill", "reserve", "commit", "drop", "clear")}
        super().__init__(
            {
                **strobes,
                "byte": In(8),
                "at": In(range(WORD)),
                "base": In(NUMBER_BITS),
                "tail": Out(bits_for(size)),
                "room": Out(bits_for(size)),
                "address": In(NUMBER_BITS),
                "data": Out(8),
            }
        )

    def model(self, inputs: Sequence[tuple[str, Any]]) -> list[int]:
        """Takes ("put", byte), ("fill", (at, byte)), ("reserve", None), ("commit", None) and ("drop", None), in order.

        Returns the bytes of the stream.
        """
        done, open_ = bytearray(), bytearray()
        for name, value in inputs:
            if name == "put":
                open_.append(value)
            elif name == "fill":
                at, byte = value
                open_[at] = byte
            elif name == "reserve":
                open_ += bytes(WORD)
            else:
                done += open_ if name == "commit" else b""
                open_.clear()
        return list(done)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = exact_log2(self.size)
        m.submodules.ring = ring = Memory(shape=8, depth=self.size, init=[], attrs=UNCHECKED)
        write, read = ring.write_port(), ring.read_port()
        place, after = Signal.like(self.tail), Signal.like(self.tail)
        m.d.comb += [
            after.eq(place + Mux(self.reserve, WORD, self.put & ~self.fill)),
            write.addr.eq(Mux(self.fill, self.tail + self.at, place)),
            write.data.eq(self.byte),
            write.en.eq(self.put),
            self.room.eq(self.size - (place - self.base)[: bits + 1]),
            read.addr.eq(self.address),
            self.data.eq(read.data),
        ]
        m.d.sync += place.eq(Mux(self.drop, self.tail, after))
        with m.If(self.commit):
            m.d.sync += self.tail.eq(after)
        with m.If(self.clear):
            m.d.sync += [place.eq(0), self.tail.eq(0)]
        return m
