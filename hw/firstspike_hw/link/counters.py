"""Counters: many 32-bit counters in one small memory with one adder.

Tested by tests/hw/link/test_registers.py.
"""

from collections.abc import Sequence

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract.common.layout import unpack_set

__all__ = ["Counters"]


class Counters(wiring.Component):
    """Counts events in 32-bit counters that share one memory and one adder.

    An event waits as a pending bit until its counter is incremented; the lowest pending bit comes first. A strobe of
    an event that is still pending is lost. Two strobes of one event must therefore be `latency` cycles apart.
    After reset the unit clears its memory, one place a cycle. Meanwhile events wait, and `value` means nothing.

    events: in, one bit for each counter, strobes. Bit k increments counter k within `latency` cycles.
    wipe:   in, strobe. Clears the counter of event 0 before that counts further.
    read:   in, 1 bit. While it is high, the memory is read and nothing is counted.
    select: in, as many bits as the largest place has; valid with `read`. The place to read.
    value:  out, 32 bits, valid in the cycle of `read`. The counter at place `select`; 0 at a place without a counter.
    """

    def __init__(self, places: Sequence[int]) -> None:
        """places: place in the memory of each event's counter."""
        if not places or len(set(places)) != len(places) or min(places) < 0:
            raise ValueError(
                f"Counters: places are different numbers from 0 on, not {list(places)}; for example 0, 1, 2"
            )
        self.places, self.bits = places, bits_for(max(places))
        super().__init__(
            {"events": In(len(places)), "wipe": In(1), "read": In(1), "select": In(self.bits), "value": Out(32)}
        )

    @property
    def latency(self) -> int:
        """Cycles from an event to its count, if at most every second cycle reads."""
        return 2 * (len(self.places) + 1)

    def model(self, inputs: Sequence[int]) -> list[int]:
        """Takes the events of each cycle; returns the memory afterwards, place by place."""
        memory = [0] * 2**self.bits
        for events in inputs:
            for k in unpack_set(events):
                memory[self.places[k]] += 1
        return [count % 2**32 for count in memory]

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
