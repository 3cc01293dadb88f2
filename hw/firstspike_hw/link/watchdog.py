"""Watchdog: notices an image that the core does not answer."""

from collections.abc import Iterable

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Watchdog"]


class Watchdog(wiring.Component):
    """Counts cycles in which an image waits for its answer and the answer could be sent.

    waiting:  the core has an image that it has taken whole. answered: strobe: it has answered the oldest one.
    able:     there is room for a record.
    limit:    cycles; 0: any number.
    expired:  holds from then on, `latency` cycles later, until nothing waits any more.
    """

    latency = 1

    def __init__(self) -> None:
        super().__init__({"waiting": In(1), "answered": In(1), "able": In(1), "limit": In(32), "expired": Out(1)})

    @staticmethod
    def model(cycles: Iterable[tuple[bool, bool, bool]], limit: int) -> int | None:
        """(waiting, answered, able) of each cycle -> the first cycle in which `expired` stands, or None."""
        count = 0
        for cycle, (waiting, answered, able) in enumerate(cycles, 1):
            count = 0 if answered or not waiting else count + able
            if limit and count >= limit:
                return cycle
        return None

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = Signal(32)
        m.d.comb += self.expired.eq((self.limit != 0) & (count >= self.limit))
        with m.If(self.answered | ~self.waiting):
            m.d.sync += count.eq(0)
        with m.Elif(self.able & ~self.expired):
            m.d.sync += count.eq(count + 1)
        return m
