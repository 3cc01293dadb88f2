"""The top of the core: the engine and its register file, with the ports of docs/core.md."""

from typing import Any

from amaranth.hdl import Module, ResetInserter
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from firstspike_contract import CoreConfig
from firstspike_contract.core.register_map import GLOBAL, Memory
from firstspike_hw.fabric.axis import AXI_LITE, axis_layout
from firstspike_hw.fabric.layouts import merged

from .boot import Boot
from .engine import Engine, memory_widths
from .registers import RegisterFile

__all__ = ["Core"]


class Core(wiring.Component):
    """An event core behind AXI4-Stream and AXI4-Lite. Ports:

    s_axis: in, stream of `axis_layout`. Images.
    m_axis: out, stream of `axis_layout`. Results.
    t_axis: out, stream of `axis_layout`. Trace.
    s_axil: in, AXI4-Lite. Registers.
    reset:  in, 1 bit. Acts like the reset of the clock domain, for a design whose domain has none. The register file
            takes it, and resets the engine a cycle later through a register of its own.
    booted: out, strobe. The core has loaded itself from its boot memory and runs.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        axis = stream.Signature(axis_layout())
        super().__init__(
            {
                "s_axis": In(axis),
                "m_axis": Out(axis),
                "t_axis": Out(axis),
                "s_axil": In(AXI_LITE),
                "reset": In(1),
                "booted": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        widths = memory_widths(self.config)
        registers = RegisterFile(self.config, widths)
        m.submodules.registers = ResetInserter(self.reset)(registers)
        if self.config.boot:
            boot = Boot(words=self.config.boot)
            m.submodules.boot = ResetInserter(self.reset)(boot)
            connect(m, registers.boot, boot.writes)
            connect(m, registers.memories[Memory.BOOT, 0], boot.host)
            m.d.comb += [registers.booted.eq(boot.done), boot.forget.eq(registers.forget)]
            m.d.comb += self.booted.eq(registers.started)
        engine = Engine(self.config)
        m.submodules.engine = ResetInserter(registers.reset_core)(engine)
        connect(m, flipped(self.s_axil), registers.bus)
        m.d.comb += [
            engine.images.payload.eq(self.s_axis.payload),
            engine.images.valid.eq(self.s_axis.valid),  # the engine ignores it in reset
            self.s_axis.ready.eq(engine.images.ready & ~registers.reset_core),
        ]
        connect(m, flipped(self.m_axis), engine.results)
        connect(m, flipped(self.t_axis), engine.trace)

        stored: dict[Any, Any] = registers.stored
        m.d.comb += [
            registers.idle.eq(engine.idle),
            engine.run.eq(registers.run),
            engine.steps.eq(stored["STEPS", None].value),
            engine.addresses.eq(stored["ADDRESSES", None].value),
            engine.active.eq(stored["ACTIVE", None].value),
        ]
        for k in range(len(self.config.stages)):
            layer = getattr(engine, f"layer{k}")
            m.d.comb += [getattr(layer, name).eq(stored[name.upper(), k].value) for name, _ in layer.shape()]
        counters: dict[Any, Any] = {}
        if self.config.learns:
            learn = stored["LEARN", None]
            m.d.comb += [
                engine.settings.margin.eq(learn.margin),
                engine.settings.late.eq(learn.late),
                engine.settings.seed.eq(stored["LEARN_SEED", None].value),
                engine.settings.count.eq(stored["LEARN_COUNT", None].value),
                registers.learned.eq(engine.learned),
                registers.learning.eq(engine.learning),
                *(getattr(engine, f"chance{k}").eq(stored["CHANCE", k].p) for k in range(len(self.config.stages))),
            ]
            counters = {("TRIGGERED", None): engine.triggered, ("LEARN_CYCLES", None): engine.learn_cycles}
        for key in widths:
            connect(m, registers.memories[key], engine.memory(*key))
        registers.readings |= {
            ("STATUS", None): merged(GLOBAL["STATUS"].shown, idle=engine.idle, late=engine.late),
            ("IMAGES", None): engine.images_done,
            ("BUSY", None): engine.busy,
            **counters,
        }
        return m
