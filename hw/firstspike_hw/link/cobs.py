"""COBS, the code of the line: a coded frame contains no zero byte, and a zero byte ends it.

The code agrees with the Python package `cobs` in every byte.
"""

from collections.abc import Sequence
from enum import IntEnum

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from firstspike_hw.fabric.sizes import check_power

from .buffers import UNCHECKED

__all__ = ["Decoder", "Encoder", "token_layout"]

GROUP = 254  # largest number of nonzero bytes after a code byte; after so long a group no zero is implied
FULL = GROUP + 1


class Decoder(wiring.Component):
    """Decodes the bytes of a line into the bytes of frames.

    bytes:   in, stream of 8 bits, always ready. The coded bytes of the line.
    data:    out, stream of 8 bits, always ready. A decoded byte, in the cycle of the coded byte that yields it.
    end:     out, strobe. A delimiter has ended a piece of at least one coded byte.
    damaged: out, 1 bit, valid with `end`. The piece broke off inside a group.
    """

    latency = 0

    def __init__(self) -> None:
        byte = stream.Signature(8, always_ready=True)
        super().__init__({"bytes": In(byte), "data": Out(byte), "end": Out(1), "damaged": Out(1)})

    def model(self, inputs: Sequence[int]) -> list[tuple[bytes, bool]]:
        """Takes the bytes of a line; returns (decoded bytes, damaged) of each piece that a delimiter has ended."""
        found = []
        for piece in bytes(inputs).split(b"\0")[:-1]:
            plain, at = bytearray(), 0
            while at < len(piece):
                code = piece[at]
                plain += piece[at + 1 : at + code]
                at += code
                if at < len(piece) and code != FULL:
                    plain.append(0)
            if piece:
                found.append((bytes(plain), at != len(piece)))
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left, zero, begun = Signal(8), Signal(), Signal()  # the group's bytes to come; a 0 is due before the next group
        byte = self.bytes.payload
        m.d.comb += [self.data.payload.eq(Mux(left == 0, 0, byte)), self.damaged.eq(left != 0)]
        with m.If(self.bytes.valid):
            m.d.sync += begun.eq(1)
            with m.If(byte == 0):
                m.d.comb += self.end.eq(begun)
                m.d.sync += [left.eq(0), zero.eq(0), begun.eq(0)]
            with m.Elif(left == 0):
                m.d.comb += self.data.valid.eq(zero)
                m.d.sync += [left.eq(byte - 1), zero.eq(byte != FULL)]
            with m.Else():
                m.d.comb += self.data.valid.eq(1)
                m.d.sync += left.eq(left - 1)
        return m


def token_layout() -> data.StructLayout:
    """Returns the layout of a token: a byte of a frame, or with `end` the mark that follows its last byte."""
    return data.StructLayout({"data": 8, "end": 1})


class Phase(IntEnum):
    CLOSED = 0  # no group is open
    TAKE = 1
    CODE = 2  # writes the code of a full group
    END = 3  # writes the delimiter


class Encoder(wiring.Component):
    """Codes frames for the line.

    A group's code byte precedes the group and is known only when the group ends. The encoder therefore collects coded
    bytes in a ring of block memory: it leaves a place free for the code, writes the group behind that place, and
    writes the code last. The bytes before the place of the open group's code may leave.

    tokens: in, stream of `token_layout`. Frames; `data` is 0 with `end`. While there is room, one token is taken a
            cycle, except in two cycles after a full group, one before a frame and one at its end.
    bytes:  out, stream of 8 bits, for the line. They appear `latency` cycles after the token that ended their group
            was offered; those of a full group a cycle later.
    """

    latency = 2

    def __init__(self, *, depth: int = 512) -> None:
        """depth: bytes of the ring, enough to collect one group while the group before it leaves."""
        check_power(self, depth=depth, least=2 * FULL)  # two groups, each with its code
        self.depth = depth
        super().__init__({"tokens": In(stream.Signature(token_layout())), "bytes": Out(stream.Signature(8))})

    def model(self, inputs: Sequence[tuple[int, int]]) -> list[int]:
        """Takes tokens (data, end); returns the bytes for the line, delimiters included."""
        coded, group = bytearray(), bytearray()
        full = False  # a full group was closed, and none was opened since
        for byte, end in inputs:
            if end:
                coded += (b"" if full else bytes([len(group) + 1]) + group) + b"\0"
                group.clear()
                full = False
                continue
            if byte:
                group.append(byte)
            full = len(group) == GROUP
            if full or not byte:
                coded += bytes([len(group) + 1]) + group
                group.clear()
        return list(coded)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ring = ring = Memory(shape=8, depth=self.depth, init=[], attrs=UNCHECKED)
        write, read = ring.write_port(), ring.read_port()
        bits = len(write.addr)
        code, next_ = Signal(bits), Signal(bits)  # places of the open group's code and of the next byte
        count, full = Signal(8), Signal()  # count: the open group's code so far; full: the group before was full
        phase, token, out = Signal(Phase), self.tokens.payload, Signal(bits)  # out: place of the next byte to leave
        after, room, go = Signal(bits), Signal(), Signal()
        m.d.comb += [after.eq(next_ + 1), room.eq(after != out), go.eq(self.tokens.valid & room)]
        m.d.comb += [write.addr.eq(next_), write.data.eq(token.data)]
        with m.Switch(phase):
            with m.Case(Phase.CLOSED), m.If(go):
                m.d.sync += phase.eq(Phase.END)
                with m.If(~(token.end & full)):  # reserves a place for the code; an empty frame has a group, too
                    m.d.sync += [code.eq(next_), next_.eq(after), count.eq(1), full.eq(0), phase.eq(Phase.TAKE)]
            with m.Case(Phase.TAKE), m.If(go):
                m.d.comb += [write.en.eq(1), self.tokens.ready.eq(~token.end)]
                with m.If(token.end | (token.data == 0)):
                    m.d.comb += [write.addr.eq(code), write.data.eq(count)]
                    m.d.sync += [code.eq(next_), count.eq(1)]
                    with m.If(token.end):
                        m.d.sync += phase.eq(Phase.END)
                    with m.Else():
                        m.d.sync += next_.eq(after)
                with m.Else():
                    m.d.sync += [next_.eq(after), count.eq(count + 1)]
                    with m.If(count == GROUP):
                        m.d.sync += phase.eq(Phase.CODE)
            with m.Case(Phase.CODE):
                m.d.comb += [write.en.eq(1), write.addr.eq(code), write.data.eq(count)]
                m.d.sync += [code.eq(next_), full.eq(1), phase.eq(Phase.CLOSED)]
            with m.Case(Phase.END), m.If(go):
                m.d.comb += [write.en.eq(1), self.tokens.ready.eq(1)]
                m.d.sync += [code.eq(after), next_.eq(after), full.eq(0), phase.eq(Phase.CLOSED)]

        # Bytes before `code` may leave. A byte is read in the cycle before the one in which it is offered.
        upcoming = Signal(bits)
        m.d.comb += [
            upcoming.eq(out + (self.bytes.valid & self.bytes.ready)),
            read.addr.eq(upcoming),
            self.bytes.payload.eq(read.data),
        ]
        m.d.sync += [out.eq(upcoming), self.bytes.valid.eq(upcoming != code)]
        return m
