"""Guard: decides whether the board may classify, from the course of a load (docs/protocol.md, loading)."""

import zlib
from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from firstspike_contract.core.register_map import GLOBAL, STAGE, STAGE_BASE, STAGE_STRIDE, offset_of, reconfigures
from firstspike_contract.link.wire import Configuration

__all__ = ["Guard"]

CONTROL = offset_of("CONTROL")


class Guard(wiring.Component):
    """Tracks the state of the configuration, on which it depends whether an image is taken.

    A core with half a network would answer wrongly without any sign of it. A load is therefore VALID only if the core
    took every write and the CRC-32 of the WRITE messages is the one that the host expects. A later write that
    describes the network makes it CHANGED.

    passed:   in, stream of 8 bits, always ready. Bytes of WRITE messages to the core, headers included, when used.
    written:  in, strobe. The core has answered a write.
    address:  in, 12 bits, valid with `written`. Address of the write.
    refused:  in, 1 bit, valid with `written`. The core refused the write.
    running:  in, 1 bit, valid with `written`. CONTROL.run in the word written.
    begin:    in, strobe. CONFIG was written with BEGIN.
    end:      in, strobe. CONFIG was written with END.
    expect:   in, strobe. CONFIG_CRC was written.
    expected: in, 32 bits, valid with `expect`. The CRC-32 that the load must have.
    booted:   in, strobe. The core has loaded itself from its boot memory, and runs.
    state:    out, 3 bits, Configuration. The state that decides on an image.
    run:      out, 1 bit. CONTROL.run.
    crc:      out, 32 bits. CRC-32 of the load so far.
    """

    latency = 1  # from a write to its effect on the state

    def __init__(self) -> None:
        strobes = {name: In(1) for name in ("written", "refused", "begin", "end", "expect", "booted")}
        super().__init__(
            {
                **strobes,
                "passed": In(stream.Signature(8, always_ready=True)),
                "address": In(12),
                "running": In(1),
                "expected": In(32),
                "state": Out(3),
                "run": Out(1),
                "crc": Out(32),
            }
        )

    def model(self, inputs: Sequence[tuple[str, Any]]) -> list[tuple[Configuration, int]]:
        """Takes ("passed", bytes), ("write", (address, running, refused)), ("begin", None), ("end", None),
        ("expect", crc) and ("booted", None), in order. Returns (state, crc) after each of them."""
        state, run, refused, some, crc, expected, found = Configuration.EMPTY, False, False, False, 0, 0, []
        for name, value in inputs:
            if name == "passed":
                crc = zlib.crc32(value, crc)
            elif name == "begin":
                state, refused, some, crc = Configuration.LOADING, False, False, 0
            elif name == "expect":
                expected = value
            elif name == "booted":
                state, run = Configuration.VALID, True
            elif name == "end" and state == Configuration.LOADING:
                if refused or not some:
                    state = Configuration.INCOMPLETE
                else:
                    state = Configuration.VALID if crc == expected else Configuration.DAMAGED
            elif name == "write":
                address, running, no = value
                refused, some = refused or no, some or not no
                run = running if address == CONTROL else run
                if state == Configuration.VALID and reconfigures(address):
                    state = Configuration.CHANGED
            halted = state == Configuration.VALID and not run
            found.append((Configuration.HALTED if halted else state, crc))
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        crc = CRC32_ISO_HDLC(8).create()
        m.submodules.crc32 = ResetInserter(self.begin)(crc)
        state, some, refused, expected = Signal(3), Signal(), Signal(), Signal(32)  # some: the core took a write
        m.d.comb += [
            crc.data.eq(self.passed.payload),
            crc.valid.eq(self.passed.valid),
            self.crc.eq(crc.crc),
            self.state.eq(state),
        ]
        with m.If((state == Configuration.VALID) & ~self.run):
            m.d.comb += self.state.eq(Configuration.HALTED)

        with m.If(self.expect):
            m.d.sync += expected.eq(self.expected)
        with m.If(self.written):
            m.d.sync += [refused.eq(refused | self.refused), some.eq(some | ~self.refused)]
            with m.If(self.address == CONTROL):
                m.d.sync += self.run.eq(self.running)
            with m.If((state == Configuration.VALID) & self._reconfigures(m)):
                m.d.sync += state.eq(Configuration.CHANGED)
        with m.If(self.end & (state == Configuration.LOADING)):
            m.d.sync += state.eq(Configuration.VALID)
            with m.If(crc.crc != expected):
                m.d.sync += state.eq(Configuration.DAMAGED)
            with m.If(refused | ~some):
                m.d.sync += state.eq(Configuration.INCOMPLETE)
        with m.If(self.booted):
            m.d.sync += [state.eq(Configuration.VALID), self.run.eq(1)]
        with m.If(self.begin):
            m.d.sync += [state.eq(Configuration.LOADING), refused.eq(0), some.eq(0)]
        return m

    def _reconfigures(self, m: Module) -> Signal:
        """Returns whether a register at `address` describes the network, like `register_map.reconfigures`."""
        found, of_stage = Signal(), self.address[: (STAGE_STRIDE - 1).bit_length()]
        whole = Cat(self.address == register.offset for register in GLOBAL if register.network)
        low = Cat(of_stage == register.offset for register in STAGE if register.network)
        m.d.comb += found.eq(Mux(self.address < STAGE_BASE, whole.any(), low.any()))
        return found


assert STAGE_BASE % STAGE_STRIDE == 0, "the low bits of an address are the offset within its stage"
assert STAGE_STRIDE & (STAGE_STRIDE - 1) == 0
