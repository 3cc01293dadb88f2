"""UART: bytes of a serial line, 8 data bits, no parity, one stop bit."""

from collections.abc import Iterable, Sequence
from enum import IntEnum

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from firstspike_contract import FirstspikeError
from firstspike_contract.link.timing import LEAST_DIVISOR

__all__ = ["Receiver", "Transmitter", "checked_divisor"]

DATA_BITS: int = 8


def checked_divisor(divisor: int) -> int:
    """Clock cycles per bit. Raises FirstspikeError for fewer than can be sampled."""
    if divisor < LEAST_DIVISOR:
        raise FirstspikeError(
            f"a UART takes {LEAST_DIVISOR} clock cycles a bit or more, not {divisor}; for example 16: 3 Mbaud at 48 MHz"
        )
    return divisor


class Phase(IntEnum):
    IDLE = 0
    BITS = 1
    BREAK = 2  # the line stays low where a stop bit should be


class Receiver(wiring.Component):
    """Ports:

    rx:    the line, of any phase; high when nothing comes.
    bytes: a strobe each, in the middle of the stop bit, `latency` cycles after the line fell.
    error: with a byte: there was no stop bit. The byte is given all the same: the CRC-32 of its frame judges it. What
           follows is looked at when the line has been high again.
    """

    def __init__(self, *, divisor: int) -> None:
        self.divisor = checked_divisor(divisor)
        super().__init__({"rx": In(1, init=1), "bytes": Out(stream.Signature(8, always_ready=True)), "error": Out(1)})

    @property
    def latency(self) -> int:
        return 2 + self.divisor // 2 + (DATA_BITS + 1) * self.divisor

    @staticmethod
    def model(levels: Sequence[int], divisor: int) -> list[tuple[int, bool, int]]:
        """Level of the line in each cycle -> (byte, without stop bit, cycle in which that was known)."""
        found, at = [], 0
        while at < len(levels):
            middle = at + divisor // 2
            stop = middle + (DATA_BITS + 1) * divisor
            if levels[at]:
                at += 1
            elif middle < len(levels) and levels[middle]:  # a spike on the line, no start bit
                at = middle + 1
            elif stop >= len(levels):
                break
            else:
                bits = [levels[middle + (k + 1) * divisor] for k in range(DATA_BITS)]
                found.append((sum(bit << k for k, bit in enumerate(bits)), not levels[stop], stop))
                at = stop + 1
                while found[-1][1] and at < len(levels) and not levels[at]:
                    at += 1
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line, phase = Signal(init=1), Signal(Phase)
        m.submodules.synchroniser = FFSynchronizer(self.rx, line, init=1)
        timer, left, shift = Signal(range(self.divisor)), Signal(range(DATA_BITS + 2)), Signal(DATA_BITS)
        m.d.sync += timer.eq(timer - 1)
        m.d.comb += self.bytes.payload.eq(shift)
        with m.Switch(phase):
            with m.Case(Phase.IDLE), m.If(~line):
                m.d.sync += [phase.eq(Phase.BITS), timer.eq(self.divisor // 2 - 1), left.eq(DATA_BITS + 1)]
            with m.Case(Phase.BITS), m.If(timer == 0):
                m.d.sync += [timer.eq(self.divisor - 1), left.eq(left - 1), shift.eq(Cat(shift[1:], line))]
                with m.If((left == DATA_BITS + 1) & line):
                    m.d.sync += phase.eq(Phase.IDLE)
                with m.If(left == 0):
                    m.d.comb += [self.bytes.valid.eq(1), self.error.eq(~line)]
                    m.d.sync += phase.eq(Phase.BREAK)
                    with m.If(line):
                        m.d.sync += phase.eq(Phase.IDLE)
            with m.Case(Phase.BREAK), m.If(line):
                m.d.sync += phase.eq(Phase.IDLE)
        return m


class Transmitter(wiring.Component):
    """bytes: taken when the line is free, the next one in the last cycle of a stop bit. tx: start bit a cycle later."""

    latency = 1

    def __init__(self, *, divisor: int) -> None:
        self.divisor = checked_divisor(divisor)
        super().__init__({"bytes": In(stream.Signature(8)), "tx": Out(1, init=1)})

    @staticmethod
    def model(data: Iterable[int], divisor: int) -> list[int]:
        """Level of the line in each cycle of bytes sent back to back."""
        bits = [bit for byte in data for bit in (0, *(byte >> k & 1 for k in range(DATA_BITS)), 1)]
        return [bit for bit in bits for _ in range(divisor)]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shift = Signal(DATA_BITS + 1, init=-1)
        timer, left = Signal(range(self.divisor)), Signal(range(DATA_BITS + 3))
        m.d.comb += [self.tx.eq(shift[0]), self.bytes.ready.eq((left == 0) | ((left == 1) & (timer == 0)))]
        m.d.sync += timer.eq(timer - 1)
        with m.If((timer == 0) & (left != 0)):
            m.d.sync += [timer.eq(self.divisor - 1), left.eq(left - 1), shift.eq(Cat(shift[1:], Const(1)))]
        with m.If(self.bytes.valid & self.bytes.ready):
            m.d.sync += [timer.eq(self.divisor - 1), left.eq(DATA_BITS + 2)]
            m.d.sync += shift.eq(Cat(Const(0), self.bytes.payload))
        return m
