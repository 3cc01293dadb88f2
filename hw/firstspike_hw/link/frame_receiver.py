"""Frame receiver: header, payload, CRC-32. It rejects a piece that is no frame, as a whole, at the end of the piece."""

from collections.abc import Sequence
from enum import IntEnum

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from firstspike_contract.link.wire import CRC, FRAME, HELLO, MAGIC, PAYLOAD_MAX, PROTOCOL, Frame, FrameKind, parse_frame
from firstspike_hw.fabric.layouts import after_byte, seen_as, structure

__all__ = ["FrameReceiver", "Hello"]


class Phase(IntEnum):
    HEADER = 0
    PAYLOAD = 1
    CRC = 2
    OVER = 3  # longer than the header says, or than any frame


class FrameReceiver(wiring.Component):
    """Receives the pieces that the COBS decoder finds, and judges each at its end.

    data:    in, stream of 8 bits, always ready, from the decoder.
    end:     in, strobe, from the decoder. A piece has ended.
    damaged: in, 1 bit, valid with `end`, from the decoder. The piece broke off inside a group.
    begin:   out, strobe. The first byte of a piece.
    header:  out, FRAME. Complete and stable from the cycle after its last byte until the next piece begins.
    payload: out, stream of 8 bits, always ready. The payload's bytes as they arrive, before they are checked.
    good:    out, strobe at the end of a piece. The piece was a frame.
    bad:     out, strobe at the end of a piece. The piece was no frame.
    """

    latency = 0  # from `end` to the verdict

    def __init__(self) -> None:
        byte = stream.Signature(8, always_ready=True)
        super().__init__(
            {
                "data": In(byte),
                "end": In(1),
                "damaged": In(1),
                "begin": Out(1),
                "header": Out(structure(FRAME)),
                "payload": Out(byte),
                "good": Out(1),
                "bad": Out(1),
            }
        )

    def model(self, inputs: Sequence[tuple[bytes, bool]]) -> list[Frame | None]:
        """Takes the decoder's pieces (bytes, damaged); returns for each the frame, or None if it is no frame."""
        return [None if damaged else parse_frame(plain) for plain, damaged in inputs]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        crc = CRC32_ISO_HDLC(8).create()
        m.submodules.crc32 = ResetInserter(self.end)(crc)
        phase, shift = Signal(Phase), Signal(FRAME.bits)
        at, left = Signal(range(FRAME.size + 1)), Signal(range(PAYLOAD_MAX + 1))  # at: bytes of header or CRC so far
        byte, length = self.data.payload, Signal(FRAME["length"].bits)
        coming = seen_as(FRAME, after_byte(shift, byte))  # with the header's last byte, the whole header
        m.d.comb += [
            crc.data.eq(byte),
            crc.valid.eq(self.data.valid),
            self.begin.eq(self.data.valid & (phase == Phase.HEADER) & (at == 0)),
            self.header.eq(shift),
            self.payload.payload.eq(byte),
            self.payload.valid.eq(self.data.valid & (phase == Phase.PAYLOAD)),
            length.eq(coming.length),
        ]
        with m.If(self.data.valid), m.Switch(phase):
            with m.Case(Phase.HEADER):
                m.d.sync += [shift.eq(coming), at.eq(at + 1), left.eq(length)]
                with m.If(at == FRAME.size - 1):
                    m.d.sync += [at.eq(0), phase.eq(Phase.PAYLOAD)]
                    with m.If(length == 0):
                        m.d.sync += phase.eq(Phase.CRC)
                    with m.Elif(length > PAYLOAD_MAX):
                        m.d.sync += phase.eq(Phase.OVER)
            with m.Case(Phase.PAYLOAD):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 1):
                    m.d.sync += phase.eq(Phase.CRC)
            with m.Case(Phase.CRC):
                m.d.sync += at.eq(at + 1)
                with m.If(at == CRC.size):
                    m.d.sync += phase.eq(Phase.OVER)
        with m.If(self.end):
            whole = (phase == Phase.CRC) & (at == CRC.size)
            m.d.comb += [
                self.good.eq(whole & ~self.damaged & crc.match_detected),
                self.bad.eq(~self.good),
            ]
            m.d.sync += [phase.eq(Phase.HEADER), at.eq(0)]
        return m


class Hello(wiring.Component):
    """Reads the payload of OPEN (HELLO) as it passes.

    begin:   in, strobe, from the receiver. The first byte of a piece.
    kind:    in, 8 bits, from the receiver's header. FrameKind.
    payload: in, stream of 8 bits, always ready, from the receiver.
    whole:   out, 1 bit, valid `latency` cycle after the last byte. The payload is a hello.
    spoken:  out, 1 bit, valid with `whole`. The hello's protocol version is that of the board.
    nonce:   out, 32 bits, valid with `whole`. Stable until the next OPEN.
    """

    latency = 1  # from the last byte of the payload to the outputs

    def __init__(self) -> None:
        super().__init__(
            {
                "begin": In(1),
                "kind": In(8),
                "payload": In(stream.Signature(8, always_ready=True)),
                "whole": Out(1),
                "spoken": Out(1),
                "nonce": Out(32),
            }
        )

    def model(self, inputs: Sequence[tuple[int, bytes]]) -> list[tuple[bool, int] | None]:
        """Takes frames (kind, payload); returns for each (spoken, nonce), or None if it is no hello."""
        found: list[tuple[bool, int] | None] = []
        for kind, payload in inputs:
            hello = HELLO.from_bytes(payload) if kind == FrameKind.OPEN and len(payload) == HELLO.size else None
            known = hello is not None and hello["magic"] == MAGIC
            found.append((hello["protocol"] == PROTOCOL, hello["nonce"]) if hello and known else None)
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        at, known, recent = Signal(range(HELLO.size + 2)), Signal(), Signal(32)
        # `recent` holds the last four bytes: the magic number after `magic` bytes, the version and the reserved field
        # after `version` bytes, the nonce at the end.
        magic, version = HELLO.size - 8, HELLO.size - 4
        m.d.comb += [self.whole.eq(known & (at == HELLO.size)), self.nonce.eq(recent)]
        with m.If(self.payload.valid & (self.kind == FrameKind.OPEN)):
            m.d.sync += recent.eq(after_byte(recent, self.payload.payload))
            with m.If(at != HELLO.size + 1):
                m.d.sync += at.eq(at + 1)
            with m.If(at == magic):
                m.d.sync += known.eq(recent == MAGIC)
            with m.If(at == version):
                m.d.sync += self.spoken.eq(recent[: HELLO["protocol"].bits] == PROTOCOL)
        with m.If(self.begin):
            m.d.sync += [at.eq(0), known.eq(0), self.spoken.eq(0)]
        return m
