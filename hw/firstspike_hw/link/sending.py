"""Sending: which bytes are due, which are acknowledged, and when to go back (docs/protocol.md, rules 3, 4, 6, 7)."""

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
    """Returns the cycles without an acknowledgement after which the board sends again.

    They are 20 ms, for the other side's programs and bridges, and the time that two full buffers take on the line: an
    acknowledgement can stand behind no more than that.
    """
    return clock // 50 + 2 * BUFFER * BITS_PER_BYTE * divisor


class Sending(wiring.Component):
    """Decides which bytes of the outgoing stream the next frame carries.

    Frames get lost on a line. This unit keeps the numbers of the first byte that is not acknowledged and of the next
    byte to send, and never sends beyond the other side's window. It goes back to the first byte that is not
    acknowledged if the other side asks for that or is silent for too long. The largest payload is halved whenever it
    goes back, down to SMALLEST_PAYLOAD, and doubled again after CALM acknowledgements.

    tail:      in, log2(size) + 1 bits. Number of the byte behind the stream so far, modulo twice the size.
    opened:    in, strobe. A session begins.
    heard:     in, strobe. A frame of the session has come.
    again:     in, 1 bit, valid with `heard`. The frame was REPEAT.
    acknowledge: in, 16 bits, valid with `heard`. Number of the next byte that the other side expects.
    window:    in, 16 bits, valid with `heard` and `opened`. Bytes that the other side can take, from `acknowledge` on.
    base:      out, 16 bits. Number of the first byte that is not acknowledged.
    cursor:    out, 16 bits. Number of the next byte to send.
    count:     out, log2(largest) + 1 bits, valid with `settled`. Bytes from `cursor` on that a frame may carry.
    settled:   out, 1 bit. `count` is valid.
    sent:      in, strobe while `settled`. `count` bytes are being sent.
    went_back: out, strobe. All bytes that are not acknowledged will be sent again.
    overdue:   out, strobe. Bytes wait, and for too long none was acknowledged and no new room was told.
    clear:     in, 1 bit. Begins a new stream.
    """

    latency = 2  # from a change to `count`

    def __init__(self, *, patience: int, size: int = BUFFER, largest: int = PAYLOAD_MAX) -> None:
        """patience: cycles of the first wait for progress.

        size:    bytes of the transmit ring, a power of two. A larger window of the other side counts as this.
        largest: bytes of the largest payload, a power of two.
        """
        check_power(self, size=size, largest=largest)
        if not largest <= size <= NUMBERS // 2:
            raise ValueError(
                f"Sending: largest is at most size, not {largest} and {size}, and size at most half of {NUMBERS}; "
                "for example 1024 and 4096"
            )
        if patience < 1:
            raise ValueError(f"Sending: patience is a number of cycles from 1 on, not {patience}; for example 1000000")
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

    def model(self, inputs: Iterable[tuple[str, int, int]]) -> list[tuple[int, int, int]]:
        """Takes ("opened", 0, window), ("write", bytes, 0), ("send", 0, 0), ("overdue", 0, 0) and
        ("heard" | "repeat", acknowledge, window), in order. Returns (base, cursor, count) after each of them."""
        return list(self.follow(inputs))

    def follow(self, inputs: Iterable[tuple[str, int, int]]) -> Iterator[tuple[int, int, int]]:
        """Yields the answers of the model one by one."""
        base = cursor = sent_to = tail = calm = edge = 0  # in the model none of them wraps
        payload, count = self.largest, 0
        for name, acknowledge, window in inputs:
            if name == "opened":
                base = cursor = sent_to = tail = calm = 0
                edge, payload = min(window, self.size), self.largest
            elif name == "write":
                tail += acknowledge
            elif name == "send":
                cursor += count
                sent_to = max(sent_to, cursor)
            gained = (acknowledge - base) % NUMBERS
            if name in ("heard", "repeat") and gained <= sent_to - base:
                base += gained
                cursor, edge = max(cursor, base), max(edge, base + min(window, self.size))
                calm += gained > 0
                if calm >= CALM and payload < self.largest:
                    payload, calm = 2 * payload, 0
            if name in ("repeat", "overdue") and cursor != base:
                cursor, payload, calm = base, max(self.smallest, payload // 2), 0
            count = min(tail - cursor, edge - cursor, payload)
            yield base % NUMBERS, cursor % NUMBERS, count

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # The numbers in use are at most `size` apart: `far` bits hold their distance, one more bit holds its sign.
        far = bits_for(self.size)
        sent_to, edge = Signal(far + 1), Signal(far + 1)
        # Read from an acknowledgement; `known` unless it is of an earlier time.
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
        """Computes `count`: bytes that are there, that the other side has room for, that a frame should carry now."""
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
        """Measures the time without progress. It starts anew with acknowledged bytes and with new room."""
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
