"""Counters: many 32-bit counters in one small memory with one adder."""

from collections.abc import Iterable, Sequence

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract.common.layout import unpack_set

__all__ = ["Counters"]


class Counters(wiring.Component):
    """Ports:

    events:  bit k, strobe: its counter goes up by one, within `latency` cycles; lower bits come first. One that comes
             again before it was counted is lost: the same event is at least so many cycles apart.
    wipe:    strobe: that of event 0 is 0 again, before it is counted further.
    read:    the memory is read, and nothing counted: `value` is that at place `select`; 0 if nothing is counted there.

    After reset the counters are cleared one by one, which takes as many cycles as there are places; meanwhile events
    wait, and what is read means nothing.
    """

    def __init__(self, places: Sequence[int]) -> None:
        """places: of the counter of each event, in the memory."""
        if not places or len(set(places)) != len(places) or min(places) < 0:
            raise ValueError(f"each counter has a place of its own from 0 on, not {list(places)}")
        self.places, self.bits = places, bits_for(max(places))
        super().__init__(
            {"events": In(len(places)), "wipe": In(1), "read": In(1), "select": In(self.bits), "value": Out(32)}
        )

    @property
    def latency(self) -> int:
        """If no more than one access in two cycles reads."""
        return 2 * (len(self.places) + 1)

    @staticmethod
    def model(events: Iterable[int], places: Sequence[int]) -> dict[int, int]:
        """Events of each cycle -> the counters by their place."""
        seen = list(events)
        return {place: sum(k in unpack_set(word) for word in seen) % 2**32 for k, place in enumerate(places)}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=32, depth=2**self.bits, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        sweep, pending, chosen = Signal(self.bits + 1), Signal.like(self.events), Signal(self.bits)
        clear, wiping, counted = Signal(), Signal(), Signal.like(self.events)
        m.d.comb += chosen.eq(sweep)
        with m.If(~sweep[-1]):
            m.d.comb += clear.eq(1)
            m.d.sync += sweep.eq(sweep + 1)
        with m.Elif(self.read):
            m.d.comb += chosen.eq(self.select)
        with m.Elif(wiping):
            m.d.comb += [clear.eq(1), chosen.eq(self.places[0])]
            m.d.sync += wiping.eq(0)
        with m.Else():
            m.d.comb += counted.eq(pending & -pending)
            for k, place in reversed(list(enumerate(self.places))):
                with m.If(pending[k]):
                    m.d.comb += chosen.eq(place)
        m.d.comb += [
            read.addr.eq(chosen),
            write.addr.eq(chosen),
            write.data.eq(Mux(clear, 0, read.data + 1)),
            write.en.eq(clear | counted.any()),
            self.value.eq(read.data),
        ]
        m.d.sync += pending.eq((pending & ~counted) | self.events)
        with m.If(self.wipe):
            m.d.sync += wiping.eq(1)
        return m
