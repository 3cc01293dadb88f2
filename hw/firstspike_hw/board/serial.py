"""A whole board: the event core, and its link on a serial line."""

from amaranth.hdl import Module, ResetInserter
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from firstspike_contract import CoreConfig
from firstspike_contract.link.timing import CLOCK_HZ, DIVISOR
from firstspike_hw.core.core import Core
from firstspike_hw.link import Link
from firstspike_hw.link.uart import Receiver, Transmitter

__all__ = ["SerialBoard"]


class SerialBoard(wiring.Component):
    """A core with the link and a UART.

    rx:    in, 1 bit, asynchronous to the clock. The serial line to the board, high when idle.
    tx:    out, 1 bit. The serial line from the board, high when idle.
    reset: in, 1 bit. Reset of the whole board, synchronous.
    bytes: in, stream of 8 bits, always ready; only with `byte_port`. Received bytes, at most one in four cycles.
    """

    def __init__(
        self,
        config: CoreConfig,
        *,
        clock: int = CLOCK_HZ,
        divisor: int = DIVISOR,
        patience: int | None = None,
        byte_port: bool = False,
    ) -> None:
        """config: the core.

        clock:     hertz.
        divisor:   clock cycles per bit of the line, at least 4.
        patience:  cycles without an acknowledgement after which the board sends again; None: what the line needs.
        byte_port: adds the port `bytes`, which takes whole bytes beside `rx`. Simulations are faster with it.
        """
        self.core, self.divisor, self.byte_port = Core(config), divisor, byte_port
        self.link = Link(config, clock=clock, divisor=divisor, patience_cycles=patience)
        ports = {"rx": In(1, init=1), "tx": Out(1, init=1), "reset": In(1)}
        if byte_port:
            ports["bytes"] = In(stream.Signature(8, always_ready=True))
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        receiver, transmitter = Receiver(divisor=self.divisor), Transmitter(divisor=self.divisor)
        link, core = self.link, self.core
        resets = ResetInserter(self.reset)
        m.submodules.receiver = resets(receiver)
        m.submodules.transmitter = resets(transmitter)
        m.submodules.link = resets(link)
        m.submodules.core = core
        m.d.comb += [core.reset.eq(self.reset), link.booted.eq(core.booted)]
        m.d.comb += [link.received.valid.eq(receiver.bytes.valid), link.received.payload.eq(receiver.bytes.payload)]
        if self.byte_port:
            with m.If(self.bytes.valid):
                m.d.comb += [link.received.valid.eq(1), link.received.payload.eq(self.bytes.payload)]
        connect(m, link.sent, transmitter.bytes)
        m.d.comb += [receiver.rx.eq(self.rx), link.line_error.eq(receiver.error), self.tx.eq(transmitter.tx)]
        for name in ("s_axis", "m_axis", "t_axis", "s_axil"):
            connect(m, getattr(link, name), getattr(core, name))
        return m
