"""Loading a board whose guard lets images in only when a whole configuration has arrived (docs/protocol.md).

The driver decides which accesses load the core. The guard on the board computes a CRC-32 over the WRITE messages that
carry them. Every link that brings messages to such a guard, a serial line or another bus, loads with this module.
"""

import hashlib
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from firstspike_contract.common.progress import Progress, unheard
from firstspike_contract.core.access import Flush, Read, Task, Write
from firstspike_contract.core.driver import halt, write_plan
from firstspike_contract.core.loading import LoadPlan
from firstspike_contract.core.register_map import LINK, ConfigCommand, link_offset

from .messages import write_messages
from .wire import NAME, Configuration

__all__ = ["Loaded", "explained", "load", "loaded_name", "name_of_plan", "rename"]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The outcome of a load.

    state:   Configuration that the board reports.
    seconds: time until the board had received everything, by the clock of `RegisterAccess.flush`.
    """

    state: int
    seconds: float


def load(plan: LoadPlan, name: int, progress: Progress = unheard) -> Task[Loaded]:
    """Loads everything that a plan names, and sets its name. The board takes no image until the load has ended.

    progress: reports words of memory.
    """
    yield from halt()
    started: float = yield Flush()
    yield _command(ConfigCommand.BEGIN)
    crc = 0
    answer: Any = None
    writing = write_plan(plan, progress, check=False)  # the guard checks instead
    while True:
        try:
            access = writing.send(answer)
        except StopIteration:
            break
        if isinstance(access, Write):
            for message in write_messages(access.address, access.words):
                crc = zlib.crc32(message, crc)
        answer = yield access
    yield from rename(name)
    yield _write("CONFIG_CRC", expected=crc)
    ended: float = yield Flush()
    yield _command(ConfigCommand.END)
    state = yield from _state()
    return Loaded(state=state, seconds=ended - started)


def rename(name: int) -> Task[None]:
    """Sets the name of the configuration that the board holds; 0 stands for no name."""
    halves = NAME.unpack(name)
    yield _write("CONFIG_NAME0", value=halves["low"])
    yield _write("CONFIG_NAME1", value=halves["high"])


def loaded_name() -> Task[int | None]:
    """Returns the name of the network that the board classifies with, or None if its configuration is not VALID."""
    names = ("CONFIG_NAME0", "CONFIG_NAME1")
    state = yield from _state()
    low, high = yield Read(tuple(map(link_offset, names)))
    return int(NAME.pack(low=low, high=high)) if state == Configuration.VALID else None


def name_of_plan(plan: LoadPlan) -> int:
    """Returns a number that names the contents of a plan: equal contents have equal names. It is never 0."""
    digest = hashlib.sha256(np.array(plan.registers, "<u4").tobytes())
    for block in plan.memories:
        digest.update(np.array([block.kind, block.stage, len(block.beats)], "<u4").tobytes())
        digest.update(block.beats.astype("<u4").tobytes())
    return int.from_bytes(digest.digest()[:8], "little") | 1


def explained(state: int) -> str:
    """Returns a Configuration in words, with the remedy."""
    known = Configuration._value2member_map_.get(state)
    meaning = known.meaning if isinstance(known, Configuration) else f"state {state}"
    if state == Configuration.HALTED:
        return f"{meaning}; write 1 to CONTROL"
    return f"{meaning}; load it again: board.load(deployment), or firstspike load DIR"


def _state() -> Task[int]:
    (word,) = yield Read((link_offset("CONFIG"),))
    return int(LINK["CONFIG"].unpack(word)["state"])


def _command(command: ConfigCommand) -> Write:
    return _write("CONFIG", command=command)


def _write(name: str, **fields: int) -> Write:
    return Write(link_offset(name), np.array([LINK[name].pack(**fields)], np.uint32))
