"""Relays: registers on the way from one place to many that lie all over the device, each for RELAYED of them."""

from typing import Any, Final

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RELAYED", "Relay", "relayed"]

RELAYED: Final = 4  # readers of a relay


class Relay(wiring.Component):
    """A register. A module of its own: synthesis would merge it with those beside it (silicon.netlist.KEPT_MODULES)."""

    latency = 1

    def __init__(self, shape: Any) -> None:
        self.shape = shape
        super().__init__({"i": In(shape), "o": Out(shape)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.o.eq(self.i)
        return m


def relayed(m: Module, name: str, sources: list[Any], readers: int) -> list[Any]:
    """What `sources` are, a cycle later, for so many readers: reader n is to listen to the relay n // RELAYED.

    sources: one for all relays, or relays themselves: then relay n listens to the source n // RELAYED.
    """
    relays = []
    for n in range(-(-readers // RELAYED)):
        source = sources[min(n // RELAYED, len(sources) - 1)]
        m.submodules[f"{name}{n}"] = relay = Relay(source.shape())
        m.d.comb += relay.i.eq(source)
        relays.append(relay.o)
    return relays
