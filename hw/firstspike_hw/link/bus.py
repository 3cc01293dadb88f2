"""Bus master: the one access at a time that the link makes to the core's registers, and the core's reset."""

from collections.abc import Iterable
from enum import IntEnum

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from firstspike_contract.common.layout import ones
from firstspike_contract.core.register_map import GLOBAL, offset_of
from firstspike_contract.link.wire import WORD
from firstspike_hw.fabric.axis import AXI_LITE
from firstspike_hw.fabric.layouts import packed, seen_as

__all__ = ["AccessPort", "BusMaster"]

SETTLE = 15  # cycles behind the answer to CONTROL.reset, in which its effect may still spread
CONTROL = offset_of("CONTROL")
RESET = GLOBAL["CONTROL"].taken


class AccessPort(wiring.Signature):
    """One access; Out is from the side that makes it.

    request: held, with what stands beside it, until `done`. address: bytes. word: to be written.
    done:    strobe; with it `data`, and `refused`: the other side says that there is no such register, or not now.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "request": Out(1),
                "write": Out(1),
                "address": Out(16),
                "word": Out(32),
                "done": In(1),
                "data": In(32),
                "refused": In(1),
            }
        )


class Phase(IntEnum):
    FREE = 0
    WRITE = 1
    READ = 2
    SETTLE = 3


class BusMaster(wiring.Component):
    """Ports:

    access:  whoever wants one; one that is withdrawn is finished on the bus all the same, and nobody hears of it.
    restart: strobe: reset the core, by writing CONTROL with its `run` left as it is.
    run:     CONTROL.run, of the guard.
    restarting: from a cycle after `restart` until the core is as new.
    dropping: while the core forgets what it has, for that reason or because the host has written CONTROL.reset.
    written: strobe behind every write that was asked for; with it its address, its word, and whether it was refused.
    bus:     AXI4-Lite.
    """

    latency = 1  # from a request to its address on the bus, if that is free

    def __init__(self) -> None:
        written = {"written": Out(1), "address": Out(12), "word": Out(32), "refused": Out(1)}
        super().__init__(
            {
                "access": In(AccessPort()),
                "restart": In(1),
                "run": In(1),
                "restarting": Out(1),
                "dropping": Out(1),
                **written,
                "bus": Out(AXI_LITE),
            }
        )

    @staticmethod
    def model(wanted: Iterable[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
        """("read" | "write", address, word) and ("restart", 0, run), one after the other -> accesses of the bus."""
        return [
            ("write", CONTROL, RESET.pack(run=word, reset=1)) if kind == "restart" else (kind, address, word)
            for kind, address, word in wanted
        ]

    def elaborate(self, platform: object) -> Module:
        m, bus, access = Module(), self.bus, self.access
        phase, pause = Signal(Phase), Signal(range(SETTLE + 1))
        ours, resets = Signal(), Signal()  # the access is that of `restart`; it is a write of CONTROL.reset
        m.d.comb += [
            bus.awaddr.eq(self.address),
            bus.araddr.eq(self.address),
            bus.wdata.eq(self.word),
            bus.wstrb.eq(ones(WORD)),
            bus.bready.eq(1),
            bus.rready.eq(1),
            access.data.eq(bus.rdata),
            resets.eq((self.address == CONTROL) & seen_as(RESET, self.word).reset),
            self.dropping.eq(self.restarting | ((phase != Phase.FREE) & (phase != Phase.READ) & resets)),
        ]
        with m.Switch(phase):
            with m.Case(Phase.FREE):
                m.d.sync += [self.address.eq(access.address), self.word.eq(access.word)]
                with m.If(self.restarting):
                    m.d.sync += [
                        self.address.eq(CONTROL),
                        self.word.eq(packed(RESET, run=self.run, reset=1)),
                        ours.eq(1),
                    ]
                    m.d.sync += [bus.awvalid.eq(1), bus.wvalid.eq(1), phase.eq(Phase.WRITE)]
                with m.Elif(access.request & ~self.restart):
                    m.d.sync += [bus.awvalid.eq(access.write), bus.wvalid.eq(access.write)]
                    m.d.sync += [bus.arvalid.eq(~access.write), phase.eq(Phase.READ)]
                    with m.If(access.write):
                        m.d.sync += phase.eq(Phase.WRITE)
            with m.Case(Phase.WRITE):
                with m.If(bus.awready):
                    m.d.sync += bus.awvalid.eq(0)
                with m.If(bus.wready):
                    m.d.sync += bus.wvalid.eq(0)
                with m.If(bus.bvalid):
                    m.d.comb += [self.written.eq(~ours), self.refused.eq(bus.bresp != 0)]
                    m.d.sync += [pause.eq(SETTLE), phase.eq(Phase.SETTLE)]
                    with m.If(~resets):
                        m.d.comb += access.done.eq(1)
                        m.d.sync += phase.eq(Phase.FREE)
            with m.Case(Phase.READ):
                with m.If(bus.arready):
                    m.d.sync += bus.arvalid.eq(0)
                with m.If(bus.rvalid):
                    m.d.comb += [access.done.eq(1), self.refused.eq(bus.rresp != 0)]
                    m.d.sync += phase.eq(Phase.FREE)
            with m.Case(Phase.SETTLE):
                m.d.sync += pause.eq(pause - 1)
                with m.If(pause == 0):
                    m.d.comb += access.done.eq(~ours)
                    m.d.sync += phase.eq(Phase.FREE)
                    with m.If(ours):
                        m.d.sync += [self.restarting.eq(0), ours.eq(0)]
        m.d.comb += access.refused.eq(self.refused)
        with m.If(self.restart):
            m.d.sync += self.restarting.eq(1)
        return m
