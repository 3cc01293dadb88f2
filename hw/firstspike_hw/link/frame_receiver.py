"""Frame receiver: header, payload, CRC-32. What is no frame is told apart at its end, and nothing of it stays."""

from collections.abc import Iterable
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
    OVER = 3  # longer than it says, or than any frame


class FrameReceiver(wiring.Component):
    """Ports:

    data, end, damaged: of the decoder.
    begin:   strobe: the first byte of a piece.
    header:  whole and stable from its last byte on, until the next piece begins.
    payload: bytes of it as they come, of which nothing is known yet. always taken
    good, bad: strobe at the end of a piece: it was a frame, or not.
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

    @staticmethod
    def model(pieces: Iterable[tuple[bytes, bool]]) -> list[Frame | None]:
        """Of the decoder's pieces: a frame, or None for one that is no frame."""
        return [None if damaged else parse_frame(plain) for plain, damaged in pieces]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        crc = CRC32_ISO_HDLC(8).create()
        m.submodules.crc32 = ResetInserter(self.end)(crc)
        phase, shift = Signal(Phase), Signal(FRAME.bits)
        at, left = Signal(range(FRAME.size + 1)), Signal(range(PAYLOAD_MAX + 1))  # at: bytes of header or CRC so far
        byte, length = self.data.payload, Signal(FRAME["length"].bits)
        coming = seen_as(FRAME, after_byte(shift, byte))  # with the last byte of the header, all of it
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
    """The payload of OPEN, as it passes.

    begin, payload, header: of the receiver. whole: a hello, from its last byte on. spoken: of this version.
    nonce: of the latest OPEN, stable between two of them.
    """

    latency = 1  # from the last byte

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

    @staticmethod
    def model(payload: bytes) -> tuple[bool, bool, int]:
        """(whole, spoken, nonce)."""
        if len(payload) != HELLO.size:
            return False, False, 0
        hello = HELLO.from_bytes(payload)
        return hello["magic"] == MAGIC, hello["protocol"] == PROTOCOL, hello["nonce"]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        at, known, recent = Signal(range(HELLO.size + 2)), Signal(), Signal(32)
        # after so many bytes the latest four are the magic number, the version and what is reserved, the nonce
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
