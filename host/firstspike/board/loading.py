"""A network into a board's memories and back: load, verify, unload (docs/protocol.md, loading)."""

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from firstspike.link import BoardError
from firstspike_contract import CoreConfig, FirstspikeError, LoadPlan, MemoryBlock, Network, core_for, load_plan
from firstspike_contract.common.progress import Progress, unheard
from firstspike_contract.core.loading import beats_per_word
from firstspike_contract.core.register_map import Memory, link_offset, offset_of
from firstspike_contract.core.unloading import IDENTITY, config_from, memory_beats, network_from
from firstspike_contract.link.wire import Configuration

from .registers import Registers

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment

__all__ = [
    "BEGIN",
    "END",
    "Damage",
    "find_damage",
    "halted",
    "load",
    "loaded_name",
    "name_of",
    "name_of_plan",
    "plan_for",
    "read_config",
    "read_memory",
    "rename",
    "select",
    "unload",
]

BEGIN, END = 1, 2  # of CONFIG
_PIECE: Final = 4000  # words between two reports of progress
_SIZES: Final = ("INPUTS", "CONSTANTS", "OUTPUTS", "ROWS")


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A memory whose contents are not those loaded. words: how many differ; first: the first that does."""

    kind: Memory
    stage: int
    words: int
    first: int

    def __str__(self) -> str:
        return (
            f"memory {self.kind.name} of stage {self.stage}: {self.words} words differ, the first is word {self.first}"
        )


def name_of(deployment: "Deployment") -> int:
    """The number that stands for a deployment: the first 64 bits of its image's sha256."""
    return int(deployment.manifest["files"]["image.bin"]["sha256"][:16], 16)


def name_of_plan(plan: LoadPlan) -> int:
    """The number that stands for what a plan loads: the same contents, the same name; not 0."""
    digest = hashlib.sha256(repr((plan.registers, [(block.kind, block.stage) for block in plan.memories])).encode())
    for block in plan.memories:
        digest.update(block.beats.astype("<u4").tobytes())
    return int.from_bytes(digest.digest()[:8], "little") | 1


def loaded_name(registers: Registers) -> int | None:
    """Name of the network that the board holds and would classify with, None if there is none."""
    names = ("CONFIG", "CONFIG_NAME0", "CONFIG_NAME1")
    state, low, high = registers.read(map(link_offset, names))
    return high << 32 | low if state == Configuration.VALID else None


def read_config(registers: Registers) -> CoreConfig:
    """What the board's core was built as."""
    of_core, of_stage = IDENTITY
    found: dict[tuple[str, int | None], int] = dict(
        zip([(name, None) for name in of_core], registers.read(map(offset_of, of_core)), strict=True)
    )
    stages = found["BUILD", None] & 0xFF
    keys = [(name, k) for k in range(stages) for name in of_stage]
    found |= dict(zip(keys, registers.read(offset_of(name, k) for name, k in keys), strict=True))
    return config_from(lambda name, k: found[name, k])


def plan_for(network: Network, config: CoreConfig) -> LoadPlan:
    """`load_plan`; if the network does not fit, the FirstspikeError also names a shipped core that holds it."""
    try:
        return load_plan(network, config)
    except FirstspikeError as error:
        try:
            name, _ = core_for(network)
        except FirstspikeError:
            raise error from None
        raise FirstspikeError(f"{error}; it fits a board with the core {name!r}, for example sim:{name}") from error


def load(registers: Registers, plan: LoadPlan, name: int, progress: Progress = unheard) -> float:
    """Everything that a plan names, and the name of it. Until the end the board takes no image.

    Returns the seconds from the first byte until the board had acknowledged the last. Raises BoardError if the board
    finds that what it got is not what was sent.
    """
    registers.write(offset_of("CONTROL"), 0)
    registers.wait_idle()
    start = registers.now()
    registers.write(link_offset("CONFIG"), BEGIN)
    total = sum(len(block.beats) for block in plan.memories)
    done = crc = 0
    for offset, value in plan.registers:
        crc = registers.write(offset, value, crc)
    for block in plan.memories:
        crc = select(registers, block, crc)
        for at in range(0, len(block.beats), _PIECE):
            crc = registers.write(offset_of("MEM_DATA"), block.beats[at : at + _PIECE], crc)
            done += len(block.beats[at : at + _PIECE])
            progress(done, total)
    crc = registers.write(offset_of("CONTROL"), 1, crc)
    rename(registers, name)
    registers.write(link_offset("CONFIG_CRC"), crc)
    registers.wait_sent()
    seconds = registers.now() - start
    registers.write(link_offset("CONFIG"), END)
    (state,) = registers.read([link_offset("CONFIG")])
    if state != Configuration.VALID:
        raise BoardError(f"the board does not accept what was loaded: {explained(state)}")
    return seconds


def rename(registers: Registers, name: int) -> None:
    """What the board holds has this name from now on; 0: none."""
    for half, register in enumerate(("CONFIG_NAME0", "CONFIG_NAME1")):
        registers.write(link_offset(register), name >> 32 * half & 0xFFFF_FFFF)


def explained(state: int) -> str:
    """A Configuration in words, with what to do."""
    known = Configuration._value2member_map_.get(state)
    meaning = known.meaning if isinstance(known, Configuration) else f"state {state}"
    if state == Configuration.HALTED:
        return f"{meaning}; write 1 to CONTROL"
    return f"{meaning}; load it again: board.load(deployment), or firstspike load DIR"


def find_damage(registers: Registers, config: CoreConfig, plan: LoadPlan, progress: Progress = unheard) -> list[Damage]:
    """Memories that no longer hold what the plan says, by the CRC-32 that the board computes while it reads them.

    Images in flight are finished first. Only what differs is brought here, to say where.
    """
    damaged = []
    with halted(registers):
        for done, block in enumerate(plan.memories, 1):
            select(registers, block)
            registers.scan(offset_of("MEM_DATA"), len(block.beats))
            (crc,) = registers.read([offset_of("MEM_CRC")])
            if crc != zlib.crc32(block.beats.astype("<u4").tobytes()):
                found = read_memory(registers, block)
                wrong = np.flatnonzero((found != block.beats).reshape(-1, _beats(config, block)).any(axis=1))
                first = int(wrong[0]) if len(wrong) else 0
                damaged.append(Damage(kind=block.kind, stage=block.stage, words=len(wrong), first=first))
            progress(done, len(plan.memories))
    return damaged


def unload(registers: Registers, config: CoreConfig) -> Network:
    """The network that the board holds, images in flight finished first; `network_from` says what is not kept."""
    keys: list[tuple[str, int | None]] = [(name, None) for name in ("STEPS", "ADDRESSES", "ACTIVE")]
    keys += [(name, k) for k in range(len(config.stages)) for name in _SIZES]
    offsets = [offset_of(name, k) for name, k in keys]
    memories = {}
    with halted(registers):
        values = dict(zip(offsets, registers.read(offsets), strict=True))
        for (kind, stage), beats in memory_beats(config).items():
            block = MemoryBlock(kind=kind, stage=stage, beats=np.zeros(beats, np.uint32))
            memories[kind, stage] = read_memory(registers, block)
    return network_from(config, values, memories)


@contextmanager
def halted(registers: Registers) -> Iterator[None]:
    """Images in flight are finished first, and no other begins within. After an error the core stays halted."""
    registers.write(offset_of("CONTROL"), 0)
    registers.wait_idle()
    yield
    registers.write(offset_of("CONTROL"), 1)


def read_memory(registers: Registers, block: MemoryBlock) -> NDArray[np.uint32]:
    """What a halted board holds where the block goes, as many beats."""
    select(registers, block)
    return registers.read_array(offset_of("MEM_DATA"), len(block.beats))


def select(registers: Registers, block: MemoryBlock, crc: int = 0) -> int:
    """MEM_DATA is the beginning of that memory from now on. Returns `crc` carried on over the messages."""
    crc = registers.write(offset_of("MEM_SELECT"), int(block.kind) | block.stage << 8, crc)
    return registers.write(offset_of("MEM_ADDRESS"), 0, crc)


def _beats(config: CoreConfig, block: MemoryBlock) -> int:
    return beats_per_word(block.kind, config.stages[block.stage])
