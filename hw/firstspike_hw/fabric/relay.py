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


def relayed(m: Module, name: str, source: Any, readers: int, *, relays: int = 1) -> list[Any]:
    """What each of so many readers listens to: `source`, after so many relays in a row, that many cycles later.

    name: of a relay, with its {n}, and its {level} if there are several in a row: 1 is next to the readers.
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
