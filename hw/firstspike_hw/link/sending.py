"""Sending: what of a stream is due, what was acknowledged, and when to go back (docs/protocol.md, rules 3, 4, 6, 7)."""

from collections.abc import Iterable, Iterator

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, exact_log2

from firstspike_contract.link.timing import (
    BACKOFF_MAX,
    BITS_PER_BYTE,
    CALM,
    NUMBER_BITS,
    NUMBERS,
    SMALLEST_PAYLOAD,
)
from firstspike_contract.link.wire import BUFFER, PAYLOAD_MAX
from firstspike_hw.fabric.sizes import check_power

__all__ = ["Sending", "patience"]


def patience(clock: int, divisor: int) -> int:
    """Cycles without an acknowledgement before sending again: 20 ms for the other side's programs and bridges, and what
    two buffers full take on the line, which is all that an acknowledgement may stand behind."""
    return clock // 50 + 2 * BUFFER * BITS_PER_BYTE * divisor


class Sending(wiring.Component):
    """Ports:

    tail:    number behind the last byte of the stream so far, modulo twice the size.
    opened:  strobe: a session begins; the other side holds `window` bytes.
    heard:   strobe: a frame of the session came, with `acknowledge` and `window`. again: with it: it was REPEAT.
    base:    number of the first byte that is not acknowledged. cursor: of the next byte to be sent.
    count:   bytes from `cursor` on that the next frame may carry, if `settled`.
    sent:    strobe while settled: so many are being sent.
    went_back: strobe: all that is not acknowledged will be sent again. overdue: strobe: as nothing was heard.
    clear:   a new stream.
    """

    latency = 2  # from a change to the count

    def __init__(self, *, patience: int, size: int = BUFFER, largest: int = PAYLOAD_MAX) -> None:
        """patience: cycles of the first wait. size: bytes that the other side can hold. largest: payload."""
        check_power(self, size=size, largest=largest)
        if not largest <= size <= NUMBERS // 2:
            raise ValueError(
                f"frames of {largest} bytes do not go into {size}, or numbers of {NUMBERS} cannot tell them apart"
            )
        if patience < 1:
            raise ValueError(f"Sending: patience is a number of cycles from 1 on, not {patience}")
        self.patience, self.size, self.largest = patience, size, largest
        self.smallest = min(SMALLEST_PAYLOAD, largest)
        number, length = NUMBER_BITS, bits_for(largest)
        super().__init__(
            {
                "tail": In(bits_for(size)),
                "opened": In(1),
                "heard": In(1),
                "again": In(1),
                "acknowledge": In(number),
                "window": In(number),
                "base": Out(number),
                "cursor": Out(number),
                "count": Out(length),
                "settled": Out(1),
                "sent": In(1),
                "went_back": Out(1),
                "overdue": Out(1),
                "clear": In(1),
            }
        )

    @staticmethod
    def model(
        operations: Iterable[tuple[str, int, int]], window: int, size: int = BUFFER, largest: int = PAYLOAD_MAX
    ) -> Iterator[tuple[int, int, int]]:
        """(base, cursor, count) after each of ("write", bytes, 0), ("send", 0, 0), ("overdue", 0, 0) and
        ("heard" | "repeat", acknowledge, window). window: of the session's beginning."""
        base = cursor = sent_to = tail = calm = 0  # none of them wraps here
        edge, payload, count = min(window, size), largest, 0
        for name, acknowledge, window in operations:
            if name == "write":
                tail += acknowledge
            elif name == "send":
                cursor += count
                sent_to = max(sent_to, cursor)
            gained = (acknowledge - base) % NUMBERS
            if name in ("heard", "repeat") and gained <= sent_to - base:
                base += gained
                cursor, edge = max(cursor, base), max(edge, base + min(window, size))
                calm += gained > 0
                if calm >= CALM and payload < largest:
                    payload, calm = 2 * payload, 0
            if name in ("repeat", "overdue") and cursor != base:
                cursor, payload, calm = base, max(min(SMALLEST_PAYLOAD, largest), payload // 2), 0
            count = min(tail - cursor, edge - cursor, payload)
            yield base % NUMBERS, cursor % NUMBERS, count

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # What lies no farther apart than the size needs no more bits than its distances: up to it, and with a sign.
        far = bits_for(self.size)
        sent_to, edge = Signal(far + 1), Signal(far + 1)
        # What an acknowledgement says, if it is not of an earlier time.
        gained, outstanding, ahead = Signal(NUMBER_BITS), Signal(far), Signal(far)
        known, behind, progress = Signal(), Signal(), Signal()
        room, reach, further = Signal(far), Signal(far + 1), Signal(far + 1)
        m.d.comb += [
            gained.eq(self.acknowledge - self.base),
            outstanding.eq(sent_to - self.base),
            ahead.eq(self.cursor - self.base),
            known.eq(self.heard & ~gained[far:].any() & (gained[:far] <= outstanding)),
            behind.eq(known & (ahead < gained[:far])),
            room.eq(Mux(self.window > self.size, self.size, self.window)),
            reach.eq(self.acknowledge + room),
            further.eq(reach - edge),
            progress.eq(known & ((gained != 0) | ((further != 0) & ~further[-1]))),
        ]
        back, target = Signal(), Signal(NUMBER_BITS)
        m.d.comb += [
            back.eq((self.heard & self.again) | self.overdue),
            target.eq(Mux(known, self.acknowledge, self.base)),
            self.went_back.eq(back & ~behind & (self.cursor != target)),
        ]
        following, beyond = Signal(NUMBER_BITS), Signal(far + 1)
        m.d.comb += [following.eq(self.cursor + self.count), beyond.eq(following - sent_to)]
        with m.If(self.sent):
            m.d.sync += self.cursor.eq(following)
            with m.If(~beyond[-1]):
                m.d.sync += sent_to.eq(following)
        with m.If(known):
            m.d.sync += self.base.eq(self.acknowledge)
            with m.If(~further[-1]):
                m.d.sync += edge.eq(reach)
        with m.If(behind | self.went_back):
            m.d.sync += self.cursor.eq(target)
        self._count(m, edge, calmer=known & (gained != 0))
        self._wait(m, progress)
        with m.If(self.clear):
            m.d.sync += [self.base.eq(0), self.cursor.eq(0), sent_to.eq(0)]
        with m.If(self.opened):
            m.d.sync += edge.eq(room)
        return m

    def _count(self, m: Module, edge: Signal, calmer: object) -> None:
        """Bytes that are there, that the other side has room for, that a frame of this line should carry."""
        low, high = exact_log2(self.smallest), exact_log2(self.largest)
        scale, grown, calm = Signal(range(low, high + 1), init=high), Signal(range(low, high + 2)), Signal(range(CALM))
        m.d.comb += grown.eq(scale)
        with m.If(calmer):
            with m.If(calm != CALM - 1):
                m.d.sync += calm.eq(calm + 1)
            with m.Elif(scale != high):
                m.d.comb += grown.eq(scale + 1)
                m.d.sync += calm.eq(0)
        m.d.sync += scale.eq(grown)
        with m.If(self.went_back):
            m.d.sync += [scale.eq(Mux(grown == low, low, grown - 1)), calm.eq(0)]
        with m.If(self.clear):
            m.d.sync += [scale.eq(high), calm.eq(0)]

        bits = bits_for(self.size)
        unsent, allowed, less, count = Signal(bits), Signal(bits), Signal(bits), Signal(bits)
        m.d.comb += [
            unsent.eq(self.tail - self.cursor),
            allowed.eq(edge - self.cursor),
            less.eq(Mux(unsent < allowed, unsent, allowed)),
            count.eq(less),
        ]
        with m.Switch(scale):
            for k in range(low, high + 1):
                with m.Case(k), m.If(less[k:].any()):
                    m.d.comb += count.eq(1 << k)
        m.d.sync += [self.count.eq(count), self.settled.eq(~(self.sent | self.heard | self.overdue | self.clear))]

    def _wait(self, m: Module, progress: Signal) -> None:
        """The time in which nothing was heard; it starts anew with every byte acknowledged and all new room."""
        elapsed, waited = Signal(range(self.patience)), Signal(range(1 << BACKOFF_MAX))
        backoff, long = Signal(range(BACKOFF_MAX + 1)), Signal()
        m.d.comb += long.eq(elapsed == self.patience - 1)
        m.d.sync += elapsed.eq(elapsed + 1)
        with m.If(long):
            m.d.comb += self.overdue.eq(waited == (1 << backoff) - 1)
            m.d.sync += [elapsed.eq(0), waited.eq(waited + 1)]
        with m.If(self.overdue & (backoff != BACKOFF_MAX)):
            m.d.sync += backoff.eq(backoff + 1)
        with m.If(progress | self.clear):
            m.d.sync += backoff.eq(0)
        with m.If((self.tail == self.base[: len(self.tail)]) | progress | self.went_back | self.overdue | self.clear):
            m.d.sync += [elapsed.eq(0), waited.eq(0)]
