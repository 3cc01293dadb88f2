"""Puts units side by side into one module, so that one build serves their benches; gives access to each unit."""

import os
import random
import warnings
from collections.abc import Callable
from typing import Any

import cocotb
from amaranth.back import verilog
from amaranth.hdl import Const, Module, UnusedElaboratable, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from firstspike_contract import CoreConfig, StageConfig
from firstspike_hw.link import Link
from firstspike_hw.link.cobs import Decoder, Encoder
from firstspike_hw.link.uart import Receiver, Transmitter
from firstspike_hw.spikes.decision import Decision
from firstspike_hw.spikes.filing import Filing
from firstspike_hw.spikes.input_map import InputMap
from firstspike_hw.spikes.intake import Intake
from firstspike_hw.spikes.queue import CalendarQueue
from firstspike_hw.spikes.result import ResultSender
from firstspike_hw.spikes.serialiser import Serialiser
from firstspike_hw.spikes.trace import Trace
from firstspike_hw.stage.stage import Stage

warnings.simplefilter("ignore", UnusedElaboratable)  # benches make units only to read their layouts

__all__ = ["LINK_UNITS", "SEED", "STEPS", "UNITS", "Unit", "emit_units", "pack", "unpack"]

STEPS = 16
SEED = int(os.environ.get("FIRSTSPIKE_SEED", "1"))
STAGE = StageConfig(
    lanes=5, depth=128, max_rows=3, inputs=24, constants=4, a_bits=16, v_bits=24, kernels=("linear", "exponential")
)

Units = dict[str, Callable[[], Any]]

UNITS: Units = {
    "queue": lambda: CalendarQueue(entries=24, steps=STEPS),
    "map": lambda: InputMap(addresses=40, entries=36, steps=STEPS),
    "intake": lambda: Intake(addresses=40, entries=36, steps=STEPS),
    "stage": lambda: Stage(STAGE, steps=STEPS, queue_inputs=20, value_bits=STAGE.v_bits),
    "serialiser": lambda: Serialiser(lanes=20, rows=2, steps=STEPS),
    "filing": lambda: Filing(message=Serialiser(lanes=20, rows=2, steps=STEPS).message, neurons=40, steps=STEPS),
    "decision": lambda: Decision(lanes=20, rows=2, steps=STEPS, value_bits=12),
    "result": ResultSender,
    "trace": lambda: Trace(sources=3, steps=STEPS),
}

# Units of the link, and the whole link without a core.
LINK_UNITS: Units = {
    "uart_in": lambda: Receiver(divisor=5),
    "uart_out": lambda: Transmitter(divisor=5),
    "encoder": Encoder,
    "decoder": Decoder,
    "link": lambda: Link(CoreConfig(stages=(STAGE,)), clock=48_000_000, divisor=5, patience_cycles=2000),
}


class _Units(wiring.Component):
    def __init__(self, units: Units) -> None:
        self.units = {name: make() for name, make in units.items()}
        super().__init__({name: Out(unit.signature) for name, unit in self.units.items()})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, unit in self.units.items():
            m.submodules[name] = unit
            for into, inner, outer in _leaves(unit.signature, unit, getattr(self, name)):
                m.d.comb += inner.eq(outer) if into else outer.eq(inner)
        return m


def emit_units(units: Units) -> str:
    """Returns the Verilog of the module `units`, with ports such as `queue__push__valid`."""
    top = _Units(units)
    leaves = [leaf for name, unit in top.units.items() for leaf in _leaves(unit.signature, unit, getattr(top, name))]
    return str(verilog.convert(top, name="units", ports=[outer for _, _, outer in leaves], emit_src=False))


def pack(layout: data.StructLayout, **values: int) -> int:
    """Returns the bits of a structure; fields without a value are 0."""
    word = 0
    for name, value in values.items():
        field = layout[name]
        word |= (int(value) & ((1 << field.width) - 1)) << field.offset
    return word


def unpack(layout: data.StructLayout, word: int) -> dict[str, int]:
    """Returns the fields of a structure, all of them unsigned."""
    return {name: word >> layout[name].offset & ((1 << layout[name].width) - 1) for name, _ in layout}


class Unit:
    """Access to one unit: `u["push__valid"] = 1` sets an input, `await u.tick()` waits for a clock edge.

    After that, `u["events__valid"]` reads an output as it was in the cycle before the edge.
    """

    def __init__(self, dut: Any, name: str, units: Units = UNITS) -> None:
        """`units` lists all units of the module."""
        self.dut, self.name, self.component, self.units = dut, name, units[name](), units
        self.chances = random.Random(SEED)
        self.edge = RisingEdge(dut.clk)
        cocotb.log.info("seed %d", SEED)

    async def start(self) -> "Unit":
        for port in (port for name, make in self.units.items() for port in _inputs(name, make)):
            getattr(self.dut, port).value = 0
        self.dut.rst.value = 1
        cocotb.start_soon(Clock(self.dut.clk, 10, unit="ns").start())
        await ClockCycles(self.dut.clk, 2)
        self.dut.rst.value = 0
        await self.tick()
        return self

    def __setitem__(self, path: str, value: int) -> None:
        getattr(self.dut, f"{self.name}__{path}").value = int(value)

    def __getitem__(self, path: str) -> int:
        value = getattr(self.dut, f"{self.name}__{path}").value
        if path.endswith("payload"):  # fields without a meaning may be unknown in Icarus
            return int("".join(bit if bit in "01" else "0" for bit in str(value)), 2)
        return int(value)

    async def tick(self, cycles: int = 1) -> None:
        for _ in range(cycles):
            await self.edge

    async def load(self, port: str, words: list[int]) -> None:
        """Writes words from address 0 on through a MemoryPort, which needs each word one cycle longer than `write`."""
        for address, word in enumerate(words):
            self[f"{port}__address"], self[f"{port}__word"] = address, word
            for strobe in (1, 0):
                self[f"{port}__write"] = strobe
                await self.tick()


def _leaves(signature: Any, inner: Any, outer: Any) -> list[tuple[bool, Value, Value]]:
    """Returns (is an input, port of the unit, port of the module) for each port that is not constant."""
    pairs = zip(signature.flatten(inner), signature.flatten(outer), strict=True)
    found = [(member.flow == wiring.In, Value.cast(a), Value.cast(b)) for (_, member, a), (_, _, b) in pairs]
    return [leaf for leaf in found if not isinstance(leaf[1], Const)]  # a constant: always ready


def _inputs(name: str, make: Callable[[], Any]) -> list[str]:
    """Returns the names of the module's input ports for a unit."""
    signature = make().signature
    return [
        "__".join([name, *map(str, path)])
        for path, member, value in signature.flatten(signature.create())
        if member.flow == wiring.In and not isinstance(Value.cast(value), Const)
    ]
