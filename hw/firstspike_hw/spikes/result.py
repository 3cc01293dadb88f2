"""Result sender: one packet at a time, beat by beat."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from firstspike_contract.core.stream_format import BEAT_BITS, RESULT_BEATS, RESULT_PACKET
from firstspike_hw.fabric.axis import axis_layout

__all__ = ["ResultSender", "packet_layout"]


def packet_layout() -> data.StructLayout:
    """RESULT_PACKET as gateware sees it."""
    return data.StructLayout({field.name: field.bits for field in RESULT_PACKET})


class ResultSender(wiring.Component):
    """packet: taken when this is free, all of it at once. beats: from the next cycle on."""

    latency = 1

    def __init__(self) -> None:
        super().__init__(
            {"packet": In(stream.Signature(packet_layout())), "beats": Out(stream.Signature(axis_layout()))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held, left = Signal(RESULT_PACKET.bits, reset_less=True), Signal(range(RESULT_BEATS + 1))
        m.d.comb += [
            self.packet.ready.eq(left == 0),
            self.beats.valid.eq(left != 0),
            self.beats.payload.data.eq(held[:BEAT_BITS]),
            self.beats.payload.last.eq(left == 1),
        ]
        with m.If(self.packet.valid & self.packet.ready):
            m.d.sync += [held.eq(self.packet.payload), left.eq(RESULT_BEATS)]
        with m.Elif(self.beats.valid & self.beats.ready):
            m.d.sync += [held.eq(held[BEAT_BITS:]), left.eq(left - 1)]
        return m
