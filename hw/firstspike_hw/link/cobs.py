"""COBS, the code of the line: no zero within a frame, a zero behind it. Equal to the package `cobs` in every byte."""

from enum import IntEnum

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

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
    TAKE = 0
    CLOSE = 1  # a full group gets its code
    END = 2  # the delimiter


class Encoder(wiring.Component):
    """A ring of coded bytes in one block memory: a group is written behind a place for its code, which comes last.

    tokens: frames; taken one a cycle while there is room, but for a cycle behind a full group and one behind a frame.
    bytes:  for the line, `latency` cycles after the token that ended their group.
    """

    latency = 2
    depth = 512  # holds a group while the one before it leaves

    def __init__(self) -> None:
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
        m.submodules.ring = ring = Memory(shape=8, depth=self.depth, init=[])
        write, read = ring.write_port(), ring.read_port()
        bits = len(write.addr)
        code, next_ = Signal(bits), Signal(bits, init=1)  # place of the group's code, and of its next byte
        count, full = Signal(8), Signal()
        phase, token = Signal(Phase), self.tokens.payload

        room, zero = Signal(), Signal()
        out = Signal(bits)  # what has left
        # a token takes two places at most
        m.d.comb += [room.eq((out - next_ - 1)[1:bits] != 0), zero.eq(token.data == 0)]
        with m.Switch(phase):
            with m.Case(Phase.TAKE):
                m.d.comb += [self.tokens.ready.eq(room), write.addr.eq(code), write.data.eq(count + 1)]
                with m.If(self.tokens.valid & room):
                    m.d.comb += write.en.eq(1)
                    m.d.sync += full.eq(0)
                    with m.If(token.end):
                        m.d.sync += phase.eq(Phase.END)
                        with m.If(full):  # nothing was opened: the delimiter takes the place
                            m.d.sync += next_.eq(code)
                    with m.Elif(zero):
                        m.d.sync += [code.eq(next_), next_.eq(next_ + 1), count.eq(0)]
                    with m.Else():
                        m.d.comb += [write.addr.eq(next_), write.data.eq(token.data)]
                        m.d.sync += [next_.eq(next_ + 1), count.eq(count + 1)]
                        with m.If(count == GROUP - 1):
                            m.d.sync += phase.eq(Phase.CLOSE)
            with m.Case(Phase.CLOSE):
                m.d.comb += [write.en.eq(1), write.addr.eq(code), write.data.eq(FULL)]
                m.d.sync += [code.eq(next_), next_.eq(next_ + 1), count.eq(0), full.eq(1), phase.eq(Phase.TAKE)]
            with m.Case(Phase.END):
                m.d.comb += [write.en.eq(1), write.addr.eq(next_), write.data.eq(0)]
                m.d.sync += [code.eq(next_ + 1), next_.eq(next_ + 2), count.eq(0), phase.eq(Phase.TAKE)]

        # What stands before the open group may leave; it is read for the cycle in which it is offered.
        upcoming = Signal(bits)
        m.d.comb += [
            upcoming.eq(out + (self.bytes.valid & self.bytes.ready)),
            read.addr.eq(upcoming),
            self.bytes.payload.eq(read.data),
        ]
        m.d.sync += [out.eq(upcoming), self.bytes.valid.eq(upcoming != code)]
        return m
