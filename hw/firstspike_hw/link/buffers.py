"""The two rings in block memory: bytes of the host until they are used, bytes to it until they are acknowledged.

Places are numbers of bytes in their stream, modulo 2^16 (docs/protocol.md, streams); byte n lies at n modulo the size.
"""

from collections.abc import Iterable
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

# For Yosys: a place that is read while it is written is never read in earnest, so no logic need see to it.
UNCHECKED = {"no_rw_check": 1}


class ReceiveRing(wiring.Component):
    """Payloads are written as they come, behind what is there; only `commit` makes them count.

    restart: strobe before a payload: what was not committed is forgotten.
    payload: bytes of it; what there is no room for is left out, and then it does not `fit`.
    commit:  strobe behind a payload that fits: it is part of the stream.
    filled:  number of the next byte expected. used: of the next byte that leaves, modulo twice the size.
    bytes:   the stream, one a cycle, from `latency` cycles after the commit on.
    clear:   a new stream: everything from 0.
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

    @staticmethod
    def model(payloads: Iterable[tuple[bytes, bool]], size: int = BUFFER) -> tuple[bytes, list[bool]]:
        """(payload, commit if it fits), none of it leaving meanwhile -> the stream, and which of them fit."""
        held, fits = bytearray(), []
        for payload, commit in payloads:
            fits.append(len(held) + len(payload) <= size)
            if commit and fits[-1]:
                held += payload
        return bytes(held), fits

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
    """Records are written behind what is there, and part of the stream when committed.

    byte, put: strobe: one more byte, `fill`: or byte `at` of the word left free. The writer looks at `room` before.
    reserve:   strobe: leave the first word of a record free.
    commit:    strobe, also together with the last `put`: all that was written. drop: strobe: forget what was not.
    base:      number of the first byte that may be needed again.
    tail:      of the next byte to be committed, modulo twice the size.
    room:      bytes that may be put.
    address, data: a byte by its number, a cycle later.
    clear:     a new stream.
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

    @staticmethod
    def model(operations: Iterable[tuple[str, Any]]) -> bytes:
        """("put", byte), ("fill", (at, byte)), ("reserve" | "commit" | "drop", None) in order -> the stream."""
        done, open_ = bytearray(), bytearray()
        for name, value in operations:
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
        return bytes(done)

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
