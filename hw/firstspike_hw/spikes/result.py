"""Result sender: sends one result packet at a time, beat by beat.

Tested by tests/hw/spikes/test_streams_out.py.
"""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from firstspike_contract.core.stream_format import BEAT_BITS, RESULT_BEATS, RESULT_PACKET
from firstspike_hw.fabric.axis import axis_layout

__all__ = ["ResultSender", "packet_layout"]


def packet_layout() -> data.StructLayout:
    """Returns the layout of a result packet, with the fields of RESULT_PACKET."""
    return data.StructLayout({field.name: field.bits for field in RESULT_PACKET})


class ResultSender(wiring.Component):
    """A shift register that holds one packet while its beats leave. Ports:

    packet: in, stream of `packet_layout`. A packet is taken whole, while no packet is being sent.
    beats:  out, stream of `axis_layout`. The beats of the packet, the first one `latency` cycle after it was taken;
            `last` marks the last one.
    """

    latency = 1

    def __init__(self) -> None:
        super().__init__(
            {"packet": In(stream.Signature(packet_layout())), "beats": Out(stream.Signature(axis_layout()))}
        )

    def model(self, inputs: Sequence[dict[str, int]]) -> list[tuple[int, bool]]:
        """Takes packets, their fields by name; returns beats (data, last)."""
        found = []
        for packet in inputs:
            whole, size = RESULT_PACKET.to_bytes(**packet), BEAT_BITS // 8
            words = [whole[at : at + size] for at in range(0, len(whole), size)]
            found += [(int.from_bytes(word, "little"), n == RESULT_BEATS - 1) for n, word in enumerate(words)]
        return found

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
