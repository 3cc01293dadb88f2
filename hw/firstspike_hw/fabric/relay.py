"""Relays: registers between a source and many readers all over the device, one register for RELAYED readers each."""

from collections.abc import Sequence
from typing import Any, Final

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RELAYED", "Relay", "relayed"]

RELAYED: Final = 4  # readers of a relay


class Relay(wiring.Component):
    """A register in a module of its own; synthesis would merge it with its neighbours (silicon.netlist.KEPT_MODULES).

    i: in, `shape`.
    o: out, `shape`. `i`, `latency` cycles later.
    """

    latency = 1

    def __init__(self, shape: Any) -> None:
        self.shape = shape
        super().__init__({"i": In(shape), "o": Out(shape)})

    def model(self, inputs: Sequence[Any]) -> list[Any]:
        """Returns the values of `i`, one a cycle, in order."""
        return list(inputs)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.o.eq(self.i)
        return m


def relayed(m: Module, name: str, source: Any, readers: int, *, relays: int = 1) -> list[Any]:
    """Returns a delayed copy of `source` for each reader; groups of RELAYED readers share one relay's copy.

    readers: number of copies.
    relays:  relays in a row on the way to each reader, and the delay in cycles; 0 for none.
    name:    name of a relay, with a place for its number {n}, and for its {level} if there are several in a row; level
             1 is next to the readers.
    """
    near = [source] * -(-readers // RELAYED**relays)
    for level in range(relays, 0, -1):
        outputs = []
        for n, told in enumerate(near):
            m.submodules[name.format(level=level, n=n)] = relay = Relay(source.shape())
            m.d.comb += relay.i.eq(told)
            outputs.append(relay.o)
        near = [outputs[k // RELAYED] for k in range(-(-readers // RELAYED ** (level - 1)))]
    return near
