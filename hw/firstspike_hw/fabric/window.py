"""Window: access to the wide words of a memory through 32 bits, beat by beat."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract.core.config import WIDE
from firstspike_contract.core.stream_format import BEAT_BITS

from .relay import relayed
from .sizes import check_sizes

__all__ = ["Window", "WindowGroup", "beat_bits_for"]

GROUP = 4  # beats that share one copy of the signals from the register file
# Relays in a row in front of the groups of a wide word. With more of them, the register file's next write might reach a
# group before its beat does (registers.WRITE_DISTANCE).
RELAYS = 2


class WindowGroup(wiring.Component):
    """Neighbouring beats of a word. The ports are those of Window; `gathered` and `data` have only these beats.

    A write reaches `gathered`, and `shown` follows `beat`, after `latency` cycles.
    """

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

    def model(self, inputs: Sequence[tuple[Any, ...]]) -> list[int]:
        """Takes and returns what Window.model does; `data` and the gathered word have the beats of this group only."""
        return _through(inputs, first=self.first, count=self.count, width=BEAT_BITS * self.count)

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
    """Gathers the beats of a word that is to be written, and shows the beats of a word that was read.

    A word may have thousands of bits that come from all over the device. The window therefore chooses a beat in steps:
    one out of each group of GROUP beats, then one out of each four groups, and so on, with a register behind each step.

    beat:     in, `beat_bits` bits. Number of a beat of the word, the lowest first. Stays while a beat is shown.
    word:     in, 32 bits, valid with `write`.
    write:    in, strobe. `word` becomes that beat of `gathered`, `write_latency` cycles later.
    clear:    in, strobe; only if `clears`. `gathered` becomes 0 within two cycles.
    gathered: out, `width` bits. The beats written so far.
    data:     in, `width` bits. A word of the memory.
    shown:    out, 32 bits. The beat of `data`, `latency` cycles after the later one of `data` and `beat` has come.
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

    def model(self, inputs: Sequence[tuple[Any, ...]]) -> list[int]:
        """Takes ("write", beat, word), ("clear",) and ("show", beat, data), in order.

        Returns the gathered word after each write and each clear, and the beat of `data` for each show.
        """
        return _through(inputs, first=0, count=self.beats, width=self.width)

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
        """Returns (word, beat, write) for each group; the groups of a wide word get them from relays."""
        groups = -(-self.beats // GROUP)
        if not self.relays:
            return [(self.word, self.beat, self.write)] * groups
        near = Signal(data.StructLayout({"word": 32, "beat": self.beat_bits, "write": 1}))
        m.d.comb += [near.word.eq(self.word), near.beat.eq(self.beat), near.write.eq(self.write)]
        told = relayed(m, "relay{level}_{n}", near, groups, relays=self.relays)
        return [(relay.word, relay.beat, relay.write) for relay in told]


def beat_bits_for(widths: list[int]) -> int:
    """Returns the number of bits that number the beats of the widest of these words."""
    return bits_for(max(-(-width // 32) for width in widths) - 1)


def _through(inputs: Sequence[tuple[Any, ...]], *, first: int, count: int, width: int) -> list[int]:
    """The model of a window of `width` bits, or of one of its groups: `count` beats from number `first` on."""
    size = BEAT_BITS // 8
    beats, found = [bytes(size)] * count, []
    for name, *values in inputs:
        if name == "show":
            beat, word = values
            at = size * (beat - first)
            found.append(int.from_bytes(word.to_bytes(size * count, "little")[at : at + size], "little"))
            continue
        if name == "clear":
            beats = [bytes(size)] * count
        elif 0 <= values[0] - first < count:
            beats[values[0] - first] = values[1].to_bytes(size, "little")
        found.append(int.from_bytes(b"".join(beats), "little") % 2**width)
    return found
