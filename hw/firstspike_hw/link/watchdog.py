"""Watchdog: detects an image that the core does not answer.

Tested by tests/hw/link/test_registers.py.
"""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Watchdog"]


class Watchdog(wiring.Component):
    """Reports an image that the core has not answered within `limit` cycles.

    A cycle counts only if an image waits for its answer and the answer could be sent: a host that reads slowly also
    holds the core up, and that is no fault of the core.

    waiting:  in, 1 bit. High while the core has an image that it received completely and has not answered.
    answered: in, strobe. The core has answered its oldest image; the count starts again from 0.
    able:     in, 1 bit. High while there is room for the records of an answer.
    limit:    in, 32 bits, cycles. 0 switches the watchdog off.
    expired:  out, 1 bit. Rises `latency` cycle after the `limit`-th counted cycle. Falls a cycle after `answered`,
              or after `waiting` has fallen.
    """

    latency = 1

    def __init__(self) -> None:
        super().__init__({"waiting": In(1), "answered": In(1), "able": In(1), "limit": In(32), "expired": Out(1)})

    def model(self, inputs: Sequence[tuple[bool, bool, bool, int]]) -> list[bool]:
        """Takes (waiting, answered, able, limit) of each cycle; returns `expired` in the cycle after each."""
        count, expired, found = 0, False, []
        for waiting, answered, able, limit in inputs:
            count = 0 if answered or not waiting else count + (able and not expired)
            expired = limit != 0 and count >= limit
            found.append(expired)
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = Signal(32)
        m.d.comb += self.expired.eq((self.limit != 0) & (count >= self.limit))
        with m.If(self.answered | ~self.waiting):
            m.d.sync += count.eq(0)
        with m.Elif(self.able & ~self.expired):
            m.d.sync += count.eq(count + 1)
        return m
