"""Bus master: makes the link's accesses to the core's registers, one at a time, and resets the core."""

from collections.abc import Sequence
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

SETTLE = 15  # cycles after the answer to a write of CONTROL.reset, while the reset spreads
CONTROL = offset_of("CONTROL")
RESET = GLOBAL["CONTROL"].taken


class AccessPort(wiring.Signature):
    """Signature of a register access. Out is a signal from the side that makes the access.

    request: out, 1 bit. Held high until `done`, with `write`, `address` and `word` stable.
    write:   out, 1 bit. The access writes; otherwise it reads.
    address: out, 16 bits. Address of the register in bytes.
    word:    out, 32 bits. The word to write.
    done:    in, strobe. The access is complete.
    data:    in, 32 bits, valid with `done`. The word read.
    refused: in, 1 bit, valid with `done`. There is no such register, or it cannot be accessed now.
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
    """Makes register accesses on AXI4-Lite, one after the other, and resets the core when asked to.

    access:     in, AccessPort. A withdrawn access is still finished on the bus, unnoticed by its requester.
    restart:    in, strobe. Resets the core: writes CONTROL.reset, with CONTROL.run left as it is.
    run:        in, 1 bit. CONTROL.run, from the guard.
    restarting: out, 1 bit. High from the cycle after `restart` until the core has been reset.
    dropping:   out, 1 bit. High while the core discards its images, because of `restart` or because the host has
                written CONTROL.reset.
    written:    out, strobe. The bus has answered a write that `access` asked for.
    address:    out, 12 bits, valid with `written`. Address of the write.
    word:       out, 32 bits, valid with `written`. The word written.
    refused:    out, 1 bit, valid with `written`. The core refused the write.
    bus:        out, AXI4-Lite.
    """

    latency = 1  # from a request to its address on a free bus

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

    def model(self, inputs: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
        """Takes ("read", address, 0), ("write", address, word) and ("restart", 0, run), one after the other.

        Returns the accesses of the bus: ("read" | "write", address, word).
        """
        return [
            ("write", CONTROL, RESET.pack(run=word, reset=1)) if kind == "restart" else (kind, address, word)
            for kind, address, word in inputs
        ]

    def elaborate(self, platform: object) -> Module:
        m, bus, access = Module(), self.bus, self.access
        phase, pause = Signal(Phase), Signal(range(SETTLE + 1))
        ours, resets = Signal(), Signal()  # ours: it is the access of `restart`; resets: its write resets the core
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
