"""The core alone, its few hundred ports in two shift chains, so that place and route can measure it on any package."""

from typing import Any, Final

from amaranth.back import rtlil
from amaranth.hdl import Cat, ClockDomain, ClockSignal, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract import CoreConfig
from firstspike_contract.core.stream_format import EVENT_BEAT, Header
from firstspike_hw.core.core import Core
from firstspike_hw.fabric.axis import AXI_LITE
from firstspike_hw.fabric.layouts import seen_as
from firstspike_hw.silicon.pll import Pll, add_pll

from .reset import PowerOnReset

__all__ = ["CORE", "CoreInChains", "emit_rtlil"]

CORE: Final = "top.design.core"  # path of the core in the design


class CoreInChains(wiring.Component):
    """A core to measure: one shift chain feeds all its inputs, another takes all its outputs away.

    Every port has a register between itself and its chain, so no path of the core includes a chain. The chains are no
    link: use a board with a link to reach the core.

    shift_in:  in, 1 bit. Next bit of the chain of inputs.
    shift_out: out, 1 bit. Last bit of the chain of outputs.
    reset:     in, 1 bit. `reset` of the core.
    """

    def __init__(self, config: CoreConfig, *, narrow: bool = False) -> None:
        """narrow: for devices that hold little more than the core.

        Registers and trace then stay open, since the core loads itself from its boot memory. The chains have only the
        bits of the streams that this core needs: those of a time and an address in an event, those of a class in a
        result. Synthesis removes the counters and flags, since nothing reads them.
        """
        self.config, self.narrow = config, narrow
        super().__init__({"shift_in": In(1), "shift_out": Out(1), "reset": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = Core(self.config)
        into, out = _narrow_ports(core) if self.narrow else _ports(core)
        inputs, outputs = Cat(into), Cat(out)
        coming, held = Signal(len(inputs)), Signal(len(inputs))
        taken, leaving = Signal(len(outputs)), Signal(len(outputs))
        count = Signal(range(max(len(inputs), len(outputs))))
        m.d.comb += [inputs.eq(held), core.reset.eq(self.reset)]
        m.d.sync += [
            count.eq(count + 1),
            coming.eq(Cat(self.shift_in, coming)),
            taken.eq(outputs),
            leaving.eq(Mux(count == 0, taken, leaving >> 1)),
            self.shift_out.eq(leaving[0]),
        ]
        with m.If(count == 0):
            m.d.sync += held.eq(coming)
        return m


def _ports(core: Core) -> tuple[list[Any], list[Any]]:
    """Returns the inputs and the outputs of the core."""
    into: list[Any] = []
    out: list[Any] = []
    for axis, is_input in ((core.s_axis, True), (core.m_axis, False), (core.t_axis, False)):
        (into if is_input else out).extend([axis.payload.data, axis.payload.last, axis.valid])
        (out if is_input else into).append(axis.ready)
    for name, member in AXI_LITE.members.items():
        (into if str(member.flow) == "Out" else out).append(getattr(core.s_axil, name))
    return into, out


def _narrow_ports(core: Core) -> tuple[list[Any], list[Any]]:
    """Returns the inputs and the outputs of a core that nobody loads or watches."""
    config, into, out = core.config, core.s_axis, core.m_axis
    low = max(len(Header), bits_for(config.max_steps - 1))  # bits of a header's flags, or of an event's time
    address, classes = (
        bits_for(config.addresses - 1),
        bits_for(config.stages[-1].lanes * config.stages[-1].max_rows - 1),
    )
    event = seen_as(EVENT_BEAT, into.payload.data)  # a header's flags lie in the bits of `t`
    coming = [event.t[:low], event.x[:address], into.payload.last, into.valid]
    return [*coming, out.ready], [out.payload.data[:classes], out.payload.last, out.valid, into.ready]


def emit_rtlil(config: CoreConfig, *, family: str, pll: Pll) -> str:
    """Returns RTLIL of the module `top` with the boards' ports clk, rx and tx.

    `rx` and `tx` are the ends of the chains. The core is in reset until its clock is stable.
    """
    m = Module()
    m.domains.sync = ClockDomain(reset_less=True)
    clk, rx, tx = (Signal(name=name) for name in ("clk", "rx", "tx"))
    clock, locked = add_pll(m, family, pll, clk)
    m.submodules.reset = reset = PowerOnReset()
    m.submodules.design = design = CoreInChains(config, narrow=family == "ice40")
    m.d.comb += [
        ClockSignal().eq(clock),
        design.reset.eq(reset.reset),
        reset.locked.eq(locked),
        design.shift_in.eq(rx),
        tx.eq(design.shift_out),
    ]
    return str(rtlil.convert(m, name="top", ports=[clk, rx, tx], emit_src=False))
