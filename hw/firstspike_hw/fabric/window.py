"""Window: a memory's wide words through 32 bits, gathered to be written and shown beat by beat."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract.core.config import WIDE

from .relay import relayed
from .sizes import check_sizes

__all__ = ["Window", "WindowGroup", "beat_bits_for"]

GROUP = 4  # beats with their own copies of what comes from the register file
RELAYS = 2  # in a row, of a wide word; no more, or the next write might come before the beat (registers.WRITE_DISTANCE)


class WindowGroup(wiring.Component):
    """Neighbouring beats of a word; ports as in Window, `gathered` and `data` of these beats only."""

    latency = 2

    def __init__(self, *, first: int, count: int, beat_bits: int, clears: bool = False) -> None:
        check_sizes(self, count=count, beat_bits=beat_bits)
        if count > GROUP or first % GROUP or first < 0:
            raise ValueError(
                f"a group has up to {GROUP} beats from a multiple of {GROUP} on, not {count} from {first} on"
            )
        self.first, self.count, self.clears = first, count, clears
        super().__init__(
            {
                **({"clear": In(1)} if clears else {}),
                "word": In(32),
                "beat": In(beat_bits),
                "write": In(1),
                "gathered": Out(32 * count),
                "data": In(32 * count),
                "shown": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word, index = Signal(32, reset_less=True), Signal(range(GROUP), reset_less=True)
        gathered, shown = Signal(32 * self.count, reset_less=True), Signal(32, reset_less=True)
        m.d.sync += [word.eq(self.word), index.eq(self.beat)]
        for k in range(self.count):
            mine = Signal(name=f"mine{k}")
            m.d.sync += mine.eq(self.write & (self.beat == self.first + k))
            with m.If(mine):
                m.d.sync += gathered[32 * k : 32 * k + 32].eq(word)
        if self.clears:
            with m.If(self.clear):
                m.d.sync += gathered.eq(0)
        m.d.sync += shown.eq(Array(self.data[32 * k : 32 * k + 32] for k in range(self.count))[index])
        m.d.comb += [self.gathered.eq(gathered), self.shown.eq(shown)]
        return m


class Window(wiring.Component):
    """Ports:

    beat:     which 32 bits of the word, the lowest first; stays while something is shown.
    word, write: strobe: it becomes that beat of `gathered`, `write_latency` cycles later.
    clear:    if it `clears`: what was gathered becomes 0, within two cycles.
    data:     a word of the memory. shown: its beat, `latency` cycles after both have come.

    Thousands of bits come from all over the device: a beat is chosen among a few, and those among others, in steps.
    """

    def __init__(self, *, width: int, beat_bits: int, clears: bool = False) -> None:
        check_sizes(self, width=width, beat_bits=beat_bits)
        if beat_bits < (least := beat_bits_for([width])):
            raise ValueError(f"the beats of {width} bits take {least} bits to number, not {beat_bits}")
        self.width, self.beats, self.beat_bits, self.clears = width, -(-width // 32), beat_bits, clears
        steps, left = 0, -(-self.beats // GROUP)
        while left > 1:
            steps, left = steps + 1, -(-left // 4)
        self.relays = RELAYS if width > 8 * WIDE else 0
        self.write_latency = WindowGroup.latency + self.relays
        self.latency = self.write_latency + steps
        super().__init__(
            {
                **({"clear": In(1)} if clears else {}),
                "word": In(32),
                "beat": In(beat_bits),
                "write": In(1),
                "gathered": Out(width),
                "data": In(width),
                "shown": Out(32),
            }
        )

    @staticmethod
    def model(word: int, beat: int) -> int:
        """The beat of a word."""
        return word >> 32 * beat & 0xFFFF_FFFF

    def elaborate(self, platform: object) -> Module:
        m = Module()
        padded = Cat(self.data, Signal(32 * self.beats - self.width))
        near = self._relayed(m)
        gathered, column = [], []
        for n, first in enumerate(range(0, self.beats, GROUP)):
            count = min(GROUP, self.beats - first)
            group = WindowGroup(first=first, count=count, beat_bits=self.beat_bits, clears=self.clears)
            m.submodules[f"group{n}"] = group
            if self.clears:
                clear = Signal(name=f"clear{n}")
                m.d.sync += clear.eq(self.clear)
                m.d.comb += group.clear.eq(clear)
            word, beat, write = near[n]
            m.d.comb += [
                group.word.eq(word),
                group.beat.eq(beat),
                group.write.eq(write),
                group.data.eq(padded[32 * first : 32 * (first + count)]),
            ]
            gathered.append(group.gathered)
            column.append(group.shown)
        step = 1
        while len(column) > 1:
            index = self.beat[2 * step : 2 * step + 2]
            later = [Signal(32, name=f"shown{step}", reset_less=True) for _ in column[::4]]
            m.d.sync += [out.eq(Array(column[4 * k : 4 * k + 4])[index]) for k, out in enumerate(later)]
            column, step = later, step + 1
        m.d.comb += [self.gathered.eq(Cat(gathered)), self.shown.eq(column[0])]
        return m

    def _relayed(self, m: Module) -> list[tuple[Any, Any, Any]]:
        """word, beat and write as each group is told them."""
        groups = -(-self.beats // GROUP)
        if not self.relays:
            return [(self.word, self.beat, self.write)] * groups
        near = Signal(data.StructLayout({"word": 32, "beat": self.beat_bits, "write": 1}))
        m.d.comb += [near.word.eq(self.word), near.beat.eq(self.beat), near.write.eq(self.write)]
        told = relayed(m, "relay{level}_{n}", near, groups, relays=self.relays)
        return [(relay.word, relay.beat, relay.write) for relay in told]


def beat_bits_for(widths: list[int]) -> int:
    """Bits that number the beats of the widest word."""
    return bits_for(max(-(-width // 32) for width in widths) - 1)
