"""The driver: loads a core through its registers, verifies it, reads it back and sets up learning.

The driver performs no input or output. Each operation is a task (core.access), so one implementation serves every
caller that can reach the registers: a host with a board on a serial line, the simulated gateware, a bench.
"""

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstspike_contract.arithmetic.learn import LearnSettings
from firstspike_contract.arithmetic.network import Network
from firstspike_contract.common.errors import FirstspikeError
from firstspike_contract.common.progress import Progress, unheard

from .access import Read, ReadWords, Scan, Task, Wait, Write
from .config import MAX_STAGES, CoreConfig
from .learning import learning_registers, with_learnt
from .loading import LoadPlan, MemoryBlock
from .memories import beats_per_word
from .register_map import CORE_ID, CORE_VERSION, GLOBAL, Memory, offset_of, write_of
from .unloading import IDENTITY, Beats, config_from, memory_beats, network_from

__all__ = [
    "Damage",
    "configuration_of",
    "find_damage",
    "halt",
    "identify",
    "learnt",
    "load",
    "read_back",
    "resume",
    "set_learning",
    "unload",
    "write_plan",
]

_PIECE: Final = 4000  # words between two progress reports
_SIZES: Final = ("INPUTS", "CONSTANTS", "OUTPUTS", "ROWS")


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A memory whose contents differ from the load plan.

    kind:  kind of the memory.
    stage: its stage.
    words: number of words that differ.
    first: the first word that differs.
    """

    kind: Memory
    stage: int
    words: int
    first: int

    def __str__(self) -> str:
        return (
            f"memory {self.kind.name} of stage {self.stage}: {self.words} words differ, the first is word {self.first}"
        )


def identify() -> Task[None]:
    """Checks that the registers are those of an event core of this version. Raises FirstspikeError otherwise."""
    found = yield from _read("ID", "VERSION")
    if found != [CORE_ID, CORE_VERSION]:
        raise FirstspikeError(f"this is no event core of version {CORE_VERSION}: ID and VERSION read {tuple(found)}")


def configuration_of() -> Task[CoreConfig]:
    """Returns the configuration for which the core was built. Raises FirstspikeError for too many stages."""
    of_core, of_stage = IDENTITY
    values = yield from _read(*of_core)
    found: dict[tuple[str, int | None], int] = {(name, None): v for name, v in zip(of_core, values, strict=True)}
    stages = GLOBAL["BUILD"].unpack(found["BUILD", None])["stages"]
    if stages > MAX_STAGES:
        raise FirstspikeError(f"a core has 1..{MAX_STAGES} stages; this one says that it has {stages}")
    keys = [(name, k) for k in range(stages) for name in of_stage]
    values = yield Read(tuple(offset_of(name, k) for name, k in keys))
    found |= dict(zip(keys, values, strict=True))
    return config_from(lambda name, k: found[name, k])


def halt() -> Task[None]:
    """Stops the core: images in flight are finished, and no other begins. Returns when the core is idle."""
    yield from _write("CONTROL", run=0)
    waited = 0
    while True:
        (word,) = yield from _read("STATUS")
        if GLOBAL["STATUS"].unpack(word)["idle"]:
            return
        yield Wait(waited)
        waited += 1


def resume() -> Task[None]:
    """Lets the core take images."""
    yield from _write("CONTROL", run=1)


def load(plan: LoadPlan, progress: Progress = unheard) -> Task[None]:
    """Loads everything that a plan names into a core, which then takes images. Images in flight are finished first.

    progress: reports words of memory. Raises FirstspikeError if by its CRC-32 the core received other words.
    """
    yield from halt()
    yield from write_plan(plan, progress, check=True)


def write_plan(plan: LoadPlan, progress: Progress = unheard, *, check: bool) -> Task[None]:
    """Loads a core that is halted already.

    progress: reports words of memory.
    check:    compares the core's CRC-32 of every memory. A guard makes this needless (link.guarded).
    """
    total = sum(len(block.beats) for block in plan.memories)
    done = 0
    for address, word in plan.registers:
        yield Write(address, np.array([word], np.uint32))
    for block in plan.memories:
        yield from _select(block)
        for at in range(0, len(block.beats), _PIECE):
            piece = block.beats[at : at + _PIECE]
            yield Write(offset_of("MEM_DATA"), piece)
            done += len(piece)
            progress(done, total)
        if check:
            yield from _check_crc(block, block.beats, "written")
    yield from resume()


def find_damage(config: CoreConfig, plan: LoadPlan, progress: Progress = unheard) -> Task[list[Damage]]:
    """Returns the memories that differ from the plan, by the CRC-32 that the core computes while it reads them.

    Images in flight are finished first. Only memories that differ are transferred, to find the words that differ.
    progress: reports memories.
    """
    damaged = []
    yield from halt()
    for done, block in enumerate(plan.memories, 1):
        yield from _select(block)
        yield Scan(offset_of("MEM_DATA"), len(block.beats))
        (crc,) = yield from _read("MEM_CRC")
        if crc != _crc(block.beats):
            found = yield from _contents(block)
            per_word = beats_per_word(block.kind, config.stages[block.stage])
            wrong = np.flatnonzero((found != block.beats).reshape(-1, per_word).any(axis=1))
            first = int(wrong[0]) if len(wrong) else 0
            damaged.append(Damage(kind=block.kind, stage=block.stage, words=len(wrong), first=first))
        progress(done, len(plan.memories))
    yield from resume()
    return damaged


def read_back(plan: LoadPlan) -> Task[None]:
    """Reads every memory and compares it with the plan, beat by beat and by its CRC-32.

    Images in flight are finished first. Raises FirstspikeError naming the memory that differs; the core then stays
    halted.
    """
    yield from halt()
    for block in plan.memories:
        found = yield from _contents(block)
        wrong = np.flatnonzero(found != block.beats)
        if wrong.size:
            raise FirstspikeError(f"{_named(block)}: beat {wrong[0]} does not read back as written")
        yield from _check_crc(block, block.beats, "read")
    yield from resume()


def unload(config: CoreConfig) -> Task[Network]:
    """Returns the network that the core holds; `network_from` names what a core does not keep of a network.

    Images in flight are finished first.
    """
    keys: list[tuple[str, int | None]] = [(name, None) for name in ("STEPS", "ADDRESSES", "ACTIVE")]
    keys += [(name, k) for k in range(len(config.stages)) for name in _SIZES]
    offsets = tuple(offset_of(name, k) for name, k in keys)
    memories = {}
    yield from halt()
    values = yield Read(offsets)
    for (kind, stage), beats in memory_beats(config).items():
        block = MemoryBlock(kind=kind, stage=stage, beats=np.zeros(beats, np.uint32))
        memories[kind, stage] = yield from _contents(block)
    yield from resume()
    return network_from(config, dict(zip(offsets, values, strict=True)), memories)


def set_learning(network: Network, config: CoreConfig, settings: LearnSettings, count: int | None = None) -> Task[None]:
    """Writes the registers of learning, for the network that is loaded.

    count: number of learning images so far; None leaves the core's own count.

    Raises FirstspikeError for settings out of range or a core that cannot learn.
    """
    for address, word in learning_registers(network, config, settings, count):
        yield Write(address, np.array([word], np.uint32))


def learnt(network: Network, config: CoreConfig, plan: LoadPlan) -> Task[Network]:
    """Returns the network with the weights that the core holds now. plan: the plan that loaded the network.

    Images in flight are finished first. Raises FirstspikeError if the words that arrive differ from those that the core
    read, by its CRC-32.
    """
    memories = {}
    yield from halt()
    for block in plan.memories:
        if block.kind == Memory.WEIGHTS:
            memories[block.stage] = beats = yield from _contents(block)
            yield from _check_crc(block, beats, "read")
    yield from resume()
    return with_learnt(network, config, memories)


def _select(block: MemoryBlock) -> Task[None]:
    """Makes MEM_DATA reach the beginning of the block's memory."""
    yield from _write("MEM_SELECT", kind=block.kind, stage=block.stage)
    yield from _write("MEM_ADDRESS", value=0)


def _contents(block: MemoryBlock) -> Task[Beats]:
    """Returns the beats that a halted core holds where the block would be written."""
    yield from _select(block)
    beats: Beats = yield ReadWords(offset_of("MEM_DATA"), len(block.beats))
    return beats


def _check_crc(block: MemoryBlock, beats: Beats, done: str) -> Task[None]:
    """Raises FirstspikeError if by its CRC-32 the core saw other beats. done: how they passed, "written" or "read"."""
    (have,) = yield from _read("MEM_CRC")
    if have != (want := _crc(beats)):
        raise FirstspikeError(f"{_named(block)}: CRC-32 of the beats {done} is {want:08x}, the core says {have:08x}")


def _write(name: str, **fields: int) -> Task[None]:
    address, word = write_of(name, **fields)
    yield Write(address, np.array([word], np.uint32))


def _read(*names: str) -> Task[list[int]]:
    values: list[int] = yield Read(tuple(map(offset_of, names)))
    return values


def _crc(beats: Beats) -> int:
    return zlib.crc32(beats.astype("<u4").tobytes())


def _named(block: MemoryBlock) -> str:
    return f"memory {block.kind.name} of stage {block.stage}"
