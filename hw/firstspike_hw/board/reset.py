"""Power-on reset: a design starts when its clock is stable."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["PowerOnReset"]


class PowerOnReset(wiring.Component):
    """Holds a design in reset until its clock is stable.

    locked: in, 1 bit, asynchronous to the clock. The clock is stable.
    reset:  out, 1 bit. High until `locked` has been high for `cycles` cycles and a few more to synchronise it, after
            configuration and whenever the clock was lost.
    """

    cycles = 15
    latency = 4  # cycles from a level of `locked` to `reset`

    def __init__(self) -> None:
        super().__init__({"locked": In(1), "reset": Out(1)})

    def model(self, inputs: Sequence[bool]) -> list[bool]:
        """Takes the level of `locked` in each cycle; returns `reset`, high unless the latest `cycles` levels were."""
        runs = [inputs[max(0, n - self.cycles + 1) : n + 1] for n in range(len(inputs))]
        return [len(run) < self.cycles or not all(run) for run in runs]

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
