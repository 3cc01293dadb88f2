"""A whole board: the event core and the link on a serial line."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from firstspike_hw.contract import CoreConfig

from .core import Core
from .link import Link
from .link.uart import Receiver, Transmitter

__all__ = ["CLOCK", "DIVISOR", "Board"]

CLOCK = 48_000_000  # hertz
DIVISOR = 16  # cycles per bit: 3 Mbaud


class Board(wiring.Component):
    """rx, tx: the serial line, high when idle.

    clock: hertz. divisor: clock cycles per bit, at least 4. patience: cycles without an acknowledgement before the
    board sends again; by default what the line needs.
    """

    def __init__(
        self, config: CoreConfig, *, clock: int = CLOCK, divisor: int = DIVISOR, patience: int | None = None
    ) -> None:
        self.core, self.divisor = Core(config), divisor
        self.link = Link(config, clock=clock, divisor=divisor, patience_cycles=patience)
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = Receiver(divisor=self.divisor)
        m.submodules.transmitter = transmitter = Transmitter(divisor=self.divisor)
        m.submodules.link = link = self.link
        m.submodules.core = core = self.core
        connect(m, receiver.bytes, link.received)
        connect(m, link.sent, transmitter.bytes)
        m.d.comb += [receiver.rx.eq(self.rx), link.line_error.eq(receiver.error), self.tx.eq(transmitter.tx)]
        for name in ("s_axis", "m_axis", "t_axis", "s_axil"):
            connect(m, getattr(link, name), getattr(core, name))
        return m
