"""Registers of the link (contract.register_map, LINK): facts about the board, state of the guard, counters.

Tested by tests/hw/link/test_registers.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from firstspike_contract.core.register_map import LINK, LINK_BASE, ConfigCommand, link_offset
from firstspike_contract.link.wire import NAME
from firstspike_hw.fabric.layouts import structure

from .bus import AccessPort
from .counters import Counters

__all__ = ["COUNTED", "FIXED", "LinkRegisters"]

FIXED: Final = ("PROTOCOL", "BUILD_ID", "CLOCK", "DIVISOR")

# Names of the counters in the order of their bits in `events`, the most frequent first. The first one starts from 0
# with every load.
COUNTED: Final = (
    "CONFIG_WRITTEN",
    "WRITES_REFUSED",
    "IMAGES_REFUSED",
    "IMAGES_TAKEN",
    "LINE_ERRORS",
    "FRAMES",
    "FRAMES_BAD",
    "FRAMES_AGAIN",
    "FRAMES_AHEAD",
    "REPEATS",
    "SESSIONS",
    "MESSAGES_BAD",
    "WATCHDOGS",
)
WRITTEN: Final = COUNTED[0]
_SPACE: Final = max(register.offset for register in LINK).bit_length()  # bits of an offset


class LinkRegisters(wiring.Component):
    """The registers at the addresses from LINK_BASE on.

    access:   in, AccessPort. Answered in the next cycle. No access is refused: an address without a register reads 0.
    events:   in, one bit for each counter in the order of COUNTED, strobes.
    state:    in, 3 bits, Configuration. From the guard.
    crc:      in, 32 bits. CRC-32 of the load so far, from the guard.
    begin:    out, strobe. CONFIG is written with BEGIN.
    end:      out, strobe. CONFIG is written with END.
    expect:   out, strobe. CONFIG_CRC is written.
    word:     out, 32 bits, valid with `expect`. The word written.
    name:     out, NAME. The words of CONFIG_NAME0 and CONFIG_NAME1.
    watchdog: out, 32 bits, cycles. The word of WATCHDOG.
    """

    latency = 1

    def __init__(self, fixed: Mapping[str, int]) -> None:
        """fixed: values of the registers named in FIXED, 32 bits each."""
        if fixed.keys() != set(FIXED) or not all(0 <= value < 2**32 for value in fixed.values()):
            raise ValueError(f"{', '.join(FIXED)} are numbers of 32 bits each, not {dict(fixed)}")
        self.fixed = fixed
        super().__init__(
            {
                "access": In(AccessPort()),
                "events": In(len(COUNTED)),
                "state": In(3),
                "crc": In(32),
                "begin": Out(1),
                "end": Out(1),
                "expect": Out(1),
                "word": Out(32),
                "name": Out(structure(NAME)),
                "watchdog": Out(32, init=LINK["WATCHDOG"].reset),
            }
        )

    def model(self, inputs: Sequence[tuple[Any, ...]]) -> list[int]:
        """Takes ("set", {"CONFIG": state, "CONFIG_CRC": crc}), ("event", name in COUNTED), ("write", address, word) and
        ("read", address), in order. Returns the word of each read."""
        held = {**dict.fromkeys(COUNTED, 0), **self.fixed, "WATCHDOG": LINK["WATCHDOG"].reset}
        names = {link_offset(register.name): register.name for register in LINK}
        found = []
        for kind, *values in inputs:
            name = names.get(values[0], "") if kind in ("read", "write") else ""
            if kind == "set":
                held |= values[0]
            elif kind == "event":
                held[values[0]] += 1
            elif kind == "read":
                found.append(held.get(name, 0))
            elif name in ("CONFIG_NAME0", "CONFIG_NAME1", "WATCHDOG"):
                held[name] = values[1]
            elif name == "CONFIG" and values[1] == ConfigCommand.BEGIN:
                held |= {"CONFIG_NAME0": 0, "CONFIG_NAME1": 0, WRITTEN: 0}
        return found

    def elaborate(self, platform: object) -> Module:
        m, access = Module(), self.access
        m.submodules.counters = counters = Counters([_place(name) for name in COUNTED])
        shown: dict[str, Any] = {
            **{name: Const(self.fixed[name], 32) for name in FIXED},
            "CONFIG": self.state,
            "CONFIG_CRC": self.crc,
            "CONFIG_NAME0": self.name.low,
            "CONFIG_NAME1": self.name.high,
            "WATCHDOG": self.watchdog,
        }
        fresh, here, offset = Signal(), Signal(), Signal(_SPACE)
        m.d.comb += [
            fresh.eq(access.request & ~access.done),
            here.eq(access.address[_SPACE:] == LINK_BASE >> _SPACE),
            offset.eq(access.address),
            counters.events.eq(self.events),
            counters.read.eq(fresh),
            counters.wipe.eq(self.begin),
            counters.select.eq(Mux(offset[-1], offset[2:], _place(WRITTEN))),
            self.word.eq(access.word),
        ]
        m.d.sync += [access.done.eq(fresh), access.data.eq(0)]
        with m.If(here & (offset[:2] == 0)):
            with m.If(offset[-1] | (offset == link_offset(WRITTEN) - LINK_BASE)):
                m.d.sync += access.data.eq(counters.value)
            with m.Switch(offset):
                for name, value in shown.items():
                    with m.Case(link_offset(name) - LINK_BASE):
                        m.d.sync += access.data.eq(value)
            with m.If(fresh & access.write), m.Switch(offset):
                self._write(m)
        return m

    def _write(self, m: Module) -> None:
        word = self.access.word

        def case(name: str) -> Any:
            return m.Case(link_offset(name) - LINK_BASE)

        with case("CONFIG"):
            m.d.comb += [self.begin.eq(word == ConfigCommand.BEGIN), self.end.eq(word == ConfigCommand.END)]
            with m.If(self.begin):
                m.d.sync += self.name.eq(0)
        with case("CONFIG_CRC"):
            m.d.comb += self.expect.eq(1)
        with case("CONFIG_NAME0"):
            m.d.sync += self.name.low.eq(word)
        with case("CONFIG_NAME1"):
            m.d.sync += self.name.high.eq(word)
        with case("WATCHDOG"):
            m.d.sync += self.watchdog.eq(word)


def _place(name: str) -> int:
    """Returns the place of a counter in the memory.

    Counters occupy the upper half of the offsets, in order, except the first one, whose place is behind all others.
    """
    return len(COUNTED) - 1 if name == WRITTEN else (link_offset(name) - LINK_BASE - (1 << _SPACE - 1)) // 4


assert sorted(map(_place, COUNTED)) == list(range(len(COUNTED)))
