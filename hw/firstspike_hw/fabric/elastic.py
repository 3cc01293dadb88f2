"""Elastic register: registers a stream in both directions and loses no cycle."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Elastic"]


class Elastic(wiring.Component):
    """A queue of two places: `i.ready` comes from a register, and still one item a cycle passes. Ports:

    i:     in, stream of `shape`.
    o:     out, stream of `shape`. The items in order, `latency` cycles later if none waits.
    clear: in, 1 bit. Forgets the items inside and the item of this cycle.
    """

    latency = 1

    def __init__(self, shape: Any) -> None:
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)), "clear": In(1)})

    def model(self, inputs: Sequence[Any]) -> list[Any]:
        """Returns all items, in order."""
        return list(inputs)

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
