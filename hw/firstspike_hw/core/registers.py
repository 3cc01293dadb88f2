"""Register file: AXI4-Lite access to the registers of contract.core.register_map and, by MEM_DATA, to every memory.

Tested by tests/hw/core/test_core.py.
"""

from collections.abc import Mapping
from enum import IntEnum
from functools import reduce
from operator import or_
from typing import Any, Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from firstspike_contract import CoreConfig
from firstspike_contract.common.layout import Layout
from firstspike_contract.core.register import Register
from firstspike_contract.core.register_map import GLOBAL, STAGE_STRIDE, Memory, offset_of, registers
from firstspike_contract.core.unloading import identity
from firstspike_hw.fabric.axis import AXI_LITE
from firstspike_hw.fabric.layouts import seen_as
from firstspike_hw.fabric.memory_port import MemoryPort
from firstspike_hw.fabric.relay import Relay
from firstspike_hw.fabric.window import Window, beat_bits_for

from .boot import write_layout

__all__ = ["RegisterFile"]

_SLVERR = 2
_WITHIN: Final = exact_log2(STAGE_STRIDE)  # bits of an address within a block


class Phase(IntEnum):
    IDLE = 0
    WRITE = 1
    ANSWER = 2
    READ = 3
    FETCH = 4
    FETCHED = 5
    REPLY = 6
    BOOT = 7
    SELECT = 8
    DECODE = 9


WRITE_DISTANCE: Final = 4  # cycles from a WRITE through ANSWER, IDLE and DECODE to the next; writes of Boot take longer


class RegisterFile(wiring.Component):
    """The registers of a core, and the way to its memories. Ports:

    bus:        in, AXI4-Lite. One access at a time.
    reset_core: out, 1 bit. Set for one cycle by CONTROL.reset, and until a cycle after reset.
    run:        out, 1 bit. CONTROL.run.
    idle:       in, 1 bit. Memories may be reached.
    Only with a boot memory:
    boot:       in, stream of `write_layout`. Writes that precede any access of the bus.
    booted:     in, 1 bit. `boot` has ended.
    started:    out, strobe. The writes of `boot` are done, and they have set `run`.
    forget:     out, strobe. The host writes a memory other than the boot program's.
    Only in a core that learns:
    learned:    in, strobe. LEARN_COUNT counts one more.
    learning:   in, 1 bit. Weights are being changed.

    Attributes:
    stored:     what the writable registers keep, with their fields, by (name, stage or None).
    readings:   what the read-only registers show, by (name, stage or None); the owner sets it before elaboration.
    memories:   the host's side of every memory port, by (kind, stage).
    """

    def __init__(self, config: CoreConfig, widths: Mapping[tuple[Memory, int], int]) -> None:
        """`widths`: bits of a word of every memory of the engine."""
        self.config = config
        self.readings: dict[tuple[str, int | None], Any] = {}
        self._parts: list[tuple[Signal, list[tuple[int, Any]], Signal, Signal]] = []
        self.stored = {
            (name, k): _kept(register, f"{name}{k}".lower())
            for _, name, k, register in registers(len(config.stages), learns=config.learns)
            if register.writable and name not in ("CONTROL", "MEM_DATA")
        }
        self.memories = {
            key: MemoryPort(width=width).create(path=(f"memory_{key[0].name.lower()}{key[1]}",))
            for key, width in {**widths, **({(Memory.BOOT, 0): 16} if config.boot else {})}.items()
        }
        ports = {"bus": In(AXI_LITE), "reset_core": Out(1, init=1), "run": Out(1), "idle": In(1)}
        if config.learns:
            ports |= {"learned": In(1), "learning": In(1)}
        if config.boot:
            ports |= {
                "boot": In(stream.Signature(write_layout())),
                "booted": In(1),
                "started": Out(1),
                "forget": Out(1),
            }
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m, bus = Module(), self.bus
        phase = Signal(Phase, init=Phase.BOOT if self.config.boot else Phase.IDLE)
        address, word, taken = Signal(12), Signal(32), Signal(2)  # taken: a write's address, its data
        refused, unknown = Signal(), Signal()  # a read is refused; a write is of no known register
        known, is_data = Signal(), Signal()
        m.d.sync += is_data.eq(address == offset_of("MEM_DATA"))
        memory = _MemoryAccess(m, self)
        m.d.sync += [self.reset_core.eq(0)]
        if self.config.learns:
            count = self.stored["LEARN_COUNT", None].value
            with m.If(self.learned):
                m.d.sync += count.eq(count + 1)

        with m.Switch(phase):
            with m.Case(Phase.IDLE):
                m.d.comb += [bus.awready.eq(~taken[0]), bus.wready.eq(~taken[1])]
                with m.If(bus.awvalid & bus.awready):
                    m.d.sync += [address.eq(bus.awaddr), taken[0].eq(1)]
                with m.If(bus.wvalid & bus.wready):
                    m.d.sync += [word.eq(bus.wdata), taken[1].eq(1)]
                with m.If((taken | Cat(bus.awvalid, bus.wvalid)) == 3):
                    m.d.sync += phase.eq(Phase.DECODE)
                with m.Elif(~taken.any() & ~bus.awvalid & ~bus.wvalid):
                    m.d.comb += bus.arready.eq(1)
                    with m.If(bus.arvalid):
                        m.d.sync += [address.eq(bus.araddr), phase.eq(Phase.READ)]
            with m.Case(Phase.DECODE):
                m.d.sync += phase.eq(Phase.WRITE)
            with m.Case(Phase.WRITE):
                self._write(m, address, word, known, is_data, memory)
                m.d.sync += [taken.eq(0), phase.eq(Phase.ANSWER), unknown.eq(~known)]
                if self.config.boot:
                    with m.If(~self.booted):
                        m.d.sync += phase.eq(Phase.BOOT)
                    m.d.comb += self.forget.eq(self.booted & is_data & ~memory.is_boot)
            if self.config.boot:
                with m.Case(Phase.BOOT):
                    m.d.comb += self.boot.ready.eq(1)
                    m.d.sync += [address.eq(self.boot.payload.address), word.eq(self.boot.payload.word)]
                    with m.If(self.boot.valid):
                        m.d.sync += phase.eq(Phase.DECODE)
                    with m.Elif(self.booted):
                        m.d.comb += self.started.eq(self.run)
                        m.d.sync += phase.eq(Phase.IDLE)
            with m.Case(Phase.ANSWER):
                m.d.comb += [bus.bvalid.eq(1), bus.bresp.eq(Mux(unknown, _SLVERR, 0))]
                with m.If(bus.bready):
                    m.d.sync += phase.eq(Phase.IDLE)
            with m.Case(Phase.READ):
                m.d.sync += phase.eq(Phase.SELECT)
                with m.If(address == offset_of("MEM_DATA")):
                    m.d.sync += [phase.eq(Phase.REPLY), refused.eq(~self.idle), word.eq(0)]
                    with m.If(self.idle):
                        m.d.sync += phase.eq(Phase.FETCH)
            with m.Case(Phase.SELECT):
                self._select(m, address, word, refused)
                m.d.sync += phase.eq(Phase.REPLY)
            with m.Case(Phase.FETCH), m.If(memory.ready):
                m.d.sync += phase.eq(Phase.FETCHED)
            with m.Case(Phase.FETCHED):
                memory.fetched(m, word)
                m.d.sync += phase.eq(Phase.REPLY)
            with m.Case(Phase.REPLY):
                m.d.comb += [bus.rvalid.eq(1), bus.rdata.eq(word), bus.rresp.eq(Mux(refused, _SLVERR, 0))]
                with m.If(bus.rready):
                    m.d.sync += phase.eq(Phase.IDLE)
        self._look_within_blocks(m)
        memory.connect(m, active=phase == Phase.FETCH, word=word)
        return m

    def _write(
        self, m: Module, address: Signal, word: Signal, known: Signal, is_data: Signal, memory: "_MemoryAccess"
    ) -> None:
        with m.Switch(address):
            for (name, k), signal in self.stored.items():
                with m.Case(offset_of(name, k)):
                    m.d.sync += signal.as_value().eq(word)
                    m.d.comb += known.eq(1)
                    if name == "MEM_ADDRESS":
                        memory.restart(m)
            with m.Case(offset_of("CONTROL")):
                control = seen_as(GLOBAL["CONTROL"].taken, word)
                m.d.sync += [self.run.eq(control.run), self.reset_core.eq(control.reset)]
                m.d.comb += known.eq(1)
        with m.If(is_data & self.idle):
            m.d.comb += known.eq(1)
            memory.written(m, word)

    def _select(self, m: Module, address: Signal, word: Signal, refused: Signal) -> None:
        """Reads a register in two steps: the word within each block, always under way, then the block."""
        shown: dict[tuple[str, int | None], Any] = {
            **identity(self.config),
            ("CONTROL", None): self.run,
            **self.stored,
            **self.readings,
        }
        blocks: dict[int, list[tuple[int, Any]]] = {}
        for offset, name, k, _ in registers(len(self.config.stages), learns=self.config.learns):
            if name != "MEM_DATA":
                blocks.setdefault(offset // STAGE_STRIDE, []).append((offset % STAGE_STRIDE, shown[name, k]))
        m.d.sync += [word.eq(0), refused.eq(1)]
        for number, block in blocks.items():
            part, found = Signal(32, name=f"part{number}", reset_less=True), Signal(name=f"found{number}")
            self._parts.append((address, block, part, found))
            with m.If(address[_WITHIN:] == number):
                m.d.sync += [word.eq(part), refused.eq(~found)]

    def _look_within_blocks(self, m: Module) -> None:
        for address, block, part, found in self._parts:
            m.d.sync += [part.eq(0), found.eq(0)]
            with m.Switch(address[:_WITHIN]):
                for offset, value in block:
                    with m.Case(offset):
                        m.d.sync += [part.eq(value), found.eq(1)]


def _kept(register: Register, name: str) -> Any:
    """Returns a signal of the bits that a register keeps, seen as its fields."""
    layout = Layout(register.name, *register.kept, bits=register.kept_bits)
    return seen_as(layout, Signal(layout.bits, name=name))


class _MemoryAccess:
    """Access to words of any width by MEM_DATA, 32 bits at a time.

    A word is gathered beat by beat and written whole, or read whole and shown beat by beat.
    """

    def __init__(self, m: Module, registers: RegisterFile) -> None:
        self.ports, self.address = registers.memories, registers.stored["MEM_ADDRESS", None].value
        self.select = registers.stored["MEM_SELECT", None].as_value()
        widths = {key: port.word.shape().width for key, port in self.ports.items()}
        bits = beat_bits_for(list(widths.values()))
        self.beat, self.crc, self.last = Signal(bits), Signal(32, init=0xFFFFFFFF), Signal(bits)
        self.at_last = Signal()  # the beat is the word's last; settled long before the next access
        m.d.sync += self.at_last.eq(self.beat == self.last)
        self.chosen = {key: Signal(name=f"chosen_{key[0].name.lower()}{key[1]}") for key in self.ports}
        plastic = {key: registers.config.learns and key[0] == Memory.WEIGHTS for key in widths}
        self.windows = {key: Window(width=width, beat_bits=bits, clears=plastic[key]) for key, width in widths.items()}
        longest = max(window.write_latency for window in self.windows.values())
        assert longest <= WRITE_DISTANCE, "a window takes longer to gather a beat than the next write takes to come"
        self.word, self.write, self.wrote = Signal(32), Signal(), Signal(longest)
        for key, window in self.windows.items():
            m.submodules[f"window_{key[0].name.lower()}{key[1]}"] = window
            m.d.sync += self.chosen[key].eq(self.select == GLOBAL["MEM_SELECT"].pack(kind=key[0], stage=key[1]))
            m.d.comb += [
                window.word.eq(self.word),
                window.beat.eq(self.beat),
                window.write.eq(self.write & self.chosen[key]),
                window.data.eq(self.ports[key].data),
            ]
            if plastic[key]:  # the lanes merge this word into their own, so it is 0 while they learn
                m.d.comb += window.clear.eq(registers.learning)
            with m.If(self.chosen[key]):
                m.d.comb += self.last.eq(window.beats - 1)
        self.is_boot = self.chosen.get((Memory.BOOT, 0), Const(0))
        registers.readings["MEM_CRC", None] = ~self.crc
        # a word is written once its last beat has reached the window that gathers it
        m.d.sync += self.wrote.eq(Cat(self.write & self.at_last, self.wrote))
        with m.If(self.wrote[-1]):  # a write of MEM_ADDRESS in the same cycle is assigned later, and wins
            m.d.sync += self.address.eq(self.address + 1)
        shown = [Mux(self.chosen[key], window.shown, 0) for key, window in self.windows.items()]
        self.shown, self.waited, self.ready = Signal(32, reset_less=True), Signal(5), Signal()
        # a wide memory learns of the host's access a cycle later, and is read through relays
        far = 1 + Relay.latency if any(window.relays for window in self.windows.values()) else 0
        latency = MemoryPort.latency + far + max(window.latency for window in self.windows.values()) + 1
        m.d.sync += self.shown.eq(reduce(or_, shown))
        m.d.comb += self.ready.eq(self.waited == latency)

    def restart(self, m: Module) -> None:
        m.d.sync += [self.beat.eq(0), self.crc.eq(0xFFFFFFFF)]

    def written(self, m: Module, word: Signal) -> None:
        m.d.comb += self.write.eq(1)
        self._next(m, word)

    def fetched(self, m: Module, word: Signal) -> None:
        m.d.sync += word.eq(self.shown)
        with m.If(self.at_last):
            m.d.sync += self.address.eq(self.address + 1)
        self._next(m, self.shown)

    def _next(self, m: Module, word: Value) -> None:
        m.d.sync += [
            self.beat.eq(Mux(self.at_last, 0, self.beat + 1)),
            self.crc.eq(_crc_after(self.crc, word)),
        ]

    def connect(self, m: Module, active: Value, word: Signal) -> None:
        m.d.comb += self.word.eq(word)
        m.d.sync += self.waited.eq(Mux(active, self.waited + 1, 0))
        for key, port in self.ports.items():
            domain = m.d.sync if self.windows[key].relays else m.d.comb
            domain += port.active.eq(active & self.chosen[key])
            m.d.comb += [
                port.address.eq(self.address),
                port.word.eq(self.windows[key].gathered),
                port.write.eq(self.wrote[-1] & self.chosen[key]),
            ]


def _crc_after(crc: Signal, word: Value) -> Value:
    """Returns the register of CRC-32 (reflected) after 32 more bits, lowest first.

    Each of its bits is the exclusive-or of some bits of ``crc ^ word``.
    """
    columns = [0] * 32  # by bit of the result: the bits of crc ^ word that take part
    for k in range(32):
        state = 1 << k
        for _ in range(32):
            state = state >> 1 ^ (0xEDB88320 if state & 1 else 0)
        for j in range(32):
            columns[j] |= (state >> j & 1) << k
    mixed = crc ^ word
    return Cat((mixed & column).xor() for column in columns)
