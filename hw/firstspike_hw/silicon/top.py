"""The core alone with its few hundred ports in two shift chains, so that place and route measures it on any package."""

from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Cat, ClockDomain, ClockSignal, Module, Mux, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from firstspike_hw.contract import CoreConfig
from firstspike_hw.core import Core
from firstspike_hw.registers import AXI_LITE

__all__ = ["CoreInChains", "emit_rtlil"]


class CoreInChains(wiring.Component):
    """All inputs of the core come out of one chain that `shift_in` fills, all outputs leave through another.

    Every port has a register between itself and its chain: the chains are in no path of the core. This is a load for
    measuring, not a link: use a board with one to reach the core.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__({"shift_in": In(1), "shift_out": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = Core(self.config)
        into, out = _ports(core)
        inputs, outputs = Cat(into), Cat(out)
        coming, held = Signal(len(inputs)), Signal(len(inputs))
        taken, leaving = Signal(len(outputs)), Signal(len(outputs))
        count = Signal(range(max(len(inputs), len(outputs))))
        m.d.comb += inputs.eq(held)
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
    """Inputs and outputs of the core."""
    into: list[Any] = []
    out: list[Any] = []
    for axis, is_input in ((core.s_axis, True), (core.m_axis, False), (core.t_axis, False)):
        (into if is_input else out).extend([axis.payload.data, axis.payload.last, axis.valid])
        (out if is_input else into).append(axis.ready)
    for name, member in AXI_LITE.members.items():
        (into if str(member.flow) == "Out" else out).append(getattr(core.s_axil, name))
    return into, out


def emit_rtlil(config: CoreConfig) -> str:
    """RTLIL of the module `top`: clk, rst, shift_in, shift_out."""
    m = Module()
    m.domains.sync = ClockDomain()
    m.submodules.design = design = CoreInChains(config)
    clk, rst = Signal(name="clk"), Signal(name="rst")
    m.d.comb += [ClockSignal().eq(clk), ResetSignal().eq(rst)]
    ports = [clk, rst, design.shift_in, design.shift_out]
    return str(rtlil.convert(m, name="top", ports=ports, emit_src=False))
