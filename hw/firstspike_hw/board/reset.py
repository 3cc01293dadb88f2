"""Power-on reset: a design begins when its clock is stable."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["PowerOnReset"]


class PowerOnReset(wiring.Component):
    """reset: until the clock has been stable for a few cycles, after configuration and whenever it was lost."""

    cycles = 15

    def __init__(self) -> None:
        super().__init__({"locked": In(1), "reset": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        seen, count, reset = Signal(2, reset_less=True), Signal(4, reset_less=True), Signal(init=1, reset_less=True)
        m.d.sync += [seen.eq(Cat(self.locked, seen)), reset.eq(count != self.cycles)]
        with m.If(~seen[1]):
            m.d.sync += count.eq(0)
        with m.Elif(count != self.cycles):
            m.d.sync += count.eq(count + 1)
        m.d.comb += self.reset.eq(reset)
        return m
