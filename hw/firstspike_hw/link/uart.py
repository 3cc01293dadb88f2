"""UART: receives and sends the bytes of a serial line with 8 data bits, no parity and one stop bit."""

from collections.abc import Sequence
from enum import IntEnum

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from firstspike_contract import FirstspikeError
from firstspike_contract.common.layout import pack_set, unpack_set
from firstspike_contract.link.timing import LEAST_DIVISOR

__all__ = ["Receiver", "Transmitter", "checked_divisor"]

DATA_BITS: int = 8


def checked_divisor(divisor: int) -> int:
    """Returns `divisor`, the clock cycles per bit. Raises FirstspikeError if it is too small to sample a bit."""
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
    """Receives bytes from a line, sampling each bit in its middle.

    A byte without a stop bit is passed on all the same, since the CRC-32 of its frame judges it. After such a byte
    the receiver ignores the line until it has been high again.

    rx:    in, 1 bit, asynchronous to the clock. The line, high when idle.
    bytes: out, stream of 8 bits, always ready. One strobe for each byte, in the middle of its stop bit, `latency`
           cycles after the line fell for the start bit.
    error: out, 1 bit, valid with a byte. The byte had no stop bit.
    """

    def __init__(self, *, divisor: int) -> None:
        self.divisor = checked_divisor(divisor)
        super().__init__({"rx": In(1, init=1), "bytes": Out(stream.Signature(8, always_ready=True)), "error": Out(1)})

    sample_latency = 2  # cycles from a level to the cycle in which it is sampled, because of the synchroniser

    @property
    def latency(self) -> int:
        return self.sample_latency + self.divisor // 2 + (DATA_BITS + 1) * self.divisor

    def model(self, inputs: Sequence[int]) -> list[tuple[int, bool]]:
        """Takes the level of the line in each cycle; returns (byte, without stop bit) of each byte."""
        found, at = [], 0
        while at < len(inputs):
            middle = at + self.divisor // 2
            stop = middle + (DATA_BITS + 1) * self.divisor
            if inputs[at]:
                at += 1
            elif middle < len(inputs) and inputs[middle]:  # a spike on the line, no start bit
                at = middle + 1
            elif stop >= len(inputs):
                break
            else:
                bits = [k for k in range(DATA_BITS) if inputs[middle + (k + 1) * self.divisor]]
                found.append((pack_set(bits), not inputs[stop]))
                at = stop + 1
                while not inputs[stop] and at < len(inputs) and not inputs[at]:
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
    """Sends bytes over a line, back to back while there are any.

    bytes: in, stream of 8 bits. A byte is taken while the line is idle, or in the last cycle of a stop bit.
    tx:    out, 1 bit, high when idle. The start bit begins `latency` cycle after the byte was taken.
    """

    latency = 1

    def __init__(self, *, divisor: int) -> None:
        self.divisor = checked_divisor(divisor)
        super().__init__({"bytes": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def model(self, inputs: Sequence[int]) -> list[int]:
        """Takes bytes; returns the level of the line in each cycle of the bytes, without the pauses between them."""
        frames = [(0, *(int(k in unpack_set(byte)) for k in range(DATA_BITS)), 1) for byte in inputs]
        return [bit for frame in frames for bit in frame for _ in range(self.divisor)]

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
