"""COBS, the code of the line: no zero within a frame, a zero behind it. Equal to the package `cobs` in every byte."""

from enum import IntEnum

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from firstspike_hw.fabric.sizes import check_power

from .buffers import UNCHECKED

__all__ = ["Decoder", "Encoder", "token_layout"]

GROUP = 254  # bytes that are not zero behind one code byte at most; then no zero is meant behind them
FULL = GROUP + 1


class Decoder(wiring.Component):
    """Ports:

    bytes:   of the line.
    data:    what they mean, in the same cycle.
    end:     strobe: a delimiter behind something. damaged: with it: the code broke off in the middle.
    """

    latency = 0

    def __init__(self) -> None:
        byte = stream.Signature(8, always_ready=True)
        super().__init__({"bytes": In(byte), "data": Out(byte), "end": Out(1), "damaged": Out(1)})

    @staticmethod
    def model(line: bytes) -> list[tuple[bytes, bool]]:
        """Bytes of a line -> (what a piece between two delimiters means, damaged), the last piece being complete."""
        found = []
        for piece in line.split(b"\0")[:-1]:
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
        left, zero, begun = Signal(8), Signal(), Signal()  # bytes of the group; a zero is due before the next one
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
    """A byte of a frame, or (`end`) what stands behind its last one."""
    return data.StructLayout({"data": 8, "end": 1})


class Phase(IntEnum):
    CLOSED = 0  # no group is open
    TAKE = 1
    CODE = 2  # a full group gets its code
    END = 3  # the delimiter


class Encoder(wiring.Component):
    """A ring of coded bytes in one block memory: a group is written behind a place for its code, which comes last.

    tokens: frames; taken one a cycle while there is room, but for a cycle behind a full group, one before a frame and
            one at its end. With `end`, `data` is 0.
    bytes:  for the line, `latency` cycles after the token that ended their group.
    """

    latency = 2

    def __init__(self, *, depth: int = 512) -> None:
        """depth: bytes; more than a group, so that one can be gathered while the one before it leaves."""
        check_power(self, depth=depth, least=2 * FULL)  # a group and its code, twice
        self.depth = depth
        super().__init__({"tokens": In(stream.Signature(token_layout())), "bytes": Out(stream.Signature(8))})

    @staticmethod
    def model(plain: bytes) -> bytes:
        """A frame as it goes over the line, its delimiter included."""
        coded, group = bytearray(), bytearray()
        full = False  # a group of 254 bytes was closed, none opened since
        for byte in plain:
            full = False
            if byte:
                group.append(byte)
            if not byte or len(group) == GROUP:
                full = bool(byte)
                coded += bytes([FULL if full else len(group) + 1]) + group
                group.clear()
        if not full:
            coded += bytes([len(group) + 1]) + group
        return bytes(coded) + b"\0"

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ring = ring = Memory(shape=8, depth=self.depth, init=[], attrs=UNCHECKED)
        write, read = ring.write_port(), ring.read_port()
        bits = len(write.addr)
        code, next_ = Signal(bits), Signal(bits)  # place of the open group's code, and of the next byte
        count, full = Signal(8), Signal()  # the code of the open group so far; the group before was a full one
        phase, token, out = Signal(Phase), self.tokens.payload, Signal(bits)  # out: what has left
        after, room, go = Signal(bits), Signal(), Signal()
        m.d.comb += [after.eq(next_ + 1), room.eq(after != out), go.eq(self.tokens.valid & room)]
        m.d.comb += [write.addr.eq(next_), write.data.eq(token.data)]
        with m.Switch(phase):
            with m.Case(Phase.CLOSED), m.If(go):
                m.d.sync += phase.eq(Phase.END)
                with m.If(~(token.end & full)):  # a place for the code; an empty frame has a group too
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

        # What stands before `code` may leave; it is read for the cycle in which it is offered.
        upcoming = Signal(bits)
        m.d.comb += [
            upcoming.eq(out + (self.bytes.valid & self.bytes.ready)),
            read.addr.eq(upcoming),
            self.bytes.payload.eq(read.data),
        ]
        m.d.sync += [out.eq(upcoming), self.bytes.valid.eq(upcoming != code)]
        return m
