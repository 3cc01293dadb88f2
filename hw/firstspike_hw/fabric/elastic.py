"""Elastic register: a stream, registered in both directions, without a gap."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Elastic"]


class Elastic(wiring.Component):
    """Two places: `i.ready` comes from a register, and yet one item a cycle passes.

    clear: forgets what is inside, and what comes in this cycle.
    """

    latency = 1

    def __init__(self, shape: Any) -> None:
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)), "clear": In(1)})

    @staticmethod
    def model(items: list[Any]) -> list[Any]:
        """All of them, in order."""
        return list(items)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        front, back = (Signal(self.i.payload.shape(), name=name, reset_less=True) for name in ("front", "back"))
        valid, full, comes = Signal(), Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~full),
            comes.eq(self.i.valid & ~full),
            self.o.valid.eq(valid),
            self.o.payload.eq(front),
        ]
        with m.If(self.o.ready | ~valid):
            m.d.sync += [front.eq(Mux(full, back, self.i.payload)), valid.eq(full | comes), full.eq(0)]
        with m.Elif(comes):
            m.d.sync += full.eq(1)
        with m.If(comes):
            m.d.sync += back.eq(self.i.payload)
        with m.If(self.clear):
            m.d.sync += [valid.eq(0), full.eq(0)]
        return m
