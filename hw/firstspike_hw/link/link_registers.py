"""Registers of the link (contract.register_map, LINK): what the board says of itself, the guard's, the counters."""

from collections.abc import Iterable, Mapping
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

# Counters, those that go up most often first: their place in `events`. The first one starts anew with every load.
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
    """Ports:

    access:  addresses from LINK_BASE on; answered in the next cycle. None is refused: what is not there reads 0.
    events:  strobes, in the order of COUNTED.
    state, crc: of the guard. begin, end, expect: strobes to it, with `word`.
    name:    CONFIG_NAME. watchdog: cycles.
    """

    latency = 1

    def __init__(self, fixed: Mapping[str, int]) -> None:
        """fixed: values of FIXED."""
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

    @staticmethod
    def model(shown: Mapping[str, int], writes: Iterable[tuple[int, int]]) -> dict[int, int]:
        """What every register reads, by address, after writes of (address, word). shown: values of FIXED, the guard's
        and the counters, by name; 0 where absent."""
        held = {**shown, "CONFIG_NAME0": 0, "CONFIG_NAME1": 0, "WATCHDOG": LINK["WATCHDOG"].reset}
        names = {link_offset(register.name): register.name for register in LINK}
        for address, word in writes:
            name = names.get(address, "")
            if name in ("CONFIG_NAME0", "CONFIG_NAME1", "WATCHDOG"):
                held[name] = word
            elif name == "CONFIG" and word == ConfigCommand.BEGIN:
                held |= {"CONFIG_NAME0": 0, "CONFIG_NAME1": 0, WRITTEN: 0}
        return {address: held.get(name, 0) for address, name in names.items()}

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
    """Of a counter in the memory: they have the upper half of the offsets to themselves, but for the first one."""
    return len(COUNTED) - 1 if name == WRITTEN else (link_offset(name) - LINK_BASE - (1 << _SPACE - 1)) // 4


assert sorted(map(_place, COUNTED)) == list(range(len(COUNTED)))
