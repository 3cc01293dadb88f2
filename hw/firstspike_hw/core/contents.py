"""Converts a loading plan to the contents of a core's block memories and back, bit by bit as gateware stores them."""

from collections.abc import Iterable, Mapping

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib import data
from numpy.typing import NDArray

from firstspike_contract import CoreConfig, FirstspikeError, Network
from firstspike_contract.core.boot import boot_writes, pack_boot
from firstspike_contract.core.loading import LoadPlan, boot_program, load_plan
from firstspike_contract.core.memories import MAP_ENTRY, beats_per_word, weight_slices
from firstspike_contract.core.register_map import GLOBAL, Memory, offset_of
from firstspike_contract.core.stream_format import BEAT_BITS
from firstspike_contract.core.unloading import memory_beats, network_from
from firstspike_hw.fabric.memory_port import Contents
from firstspike_hw.spikes.input_map import entry_layout
from firstspike_hw.stage.lanes import lanes_for
from firstspike_hw.stage.step_tables import StepTables, table_layout

__all__ = ["check_network_in", "contents_of", "loaded_from", "network_in"]

Beats = NDArray[np.uint32]
Fields = Mapping[str, NDArray[np.int64]]


def contents_of(plan: LoadPlan, config: CoreConfig, core: str) -> dict[str, Contents]:
    """Returns the contents with which the block memories let a core compute the plan's network without a host.

    The result has one uint8 ``[depth, width]`` for the path of each memory. Words that the plan does not name are 0.
    `core` is the path of the core in the design.
    """
    sizes = memory_beats(config)
    beats = {key: np.zeros(sizes[key], np.uint32) for key in sizes}
    for block in plan.memories:
        beats[block.kind, block.stage][: len(block.beats)] = block.beats
    found: dict[str, Contents] = {}
    for k, stage in enumerate(config.stages):
        words = beats[Memory.WEIGHTS, k].reshape(stage.depth, beats_per_word(Memory.WEIGHTS, stage))
        bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, : 8 * stage.lanes]
        found |= {
            path: bits[:, lsb:end] for path, lsb, end in _slices(f"{core}.engine.stage{k}", stage.lanes, stage.depth)
        }
        layout = table_layout(lanes_for(stage.kernels), stage.v_bits)
        found[f"{core}.engine.stage{k}.tables.tables"] = _packed(layout, StepTables.stored(beats[Memory.TABLES, k]))
        if k < len(config.stages) - 1:
            delays = beats[Memory.DELAYS, k].astype(np.int64)
            found[f"{core}.engine.filing{k}.delay"] = _bits(delays, config.max_steps.bit_length())
    entries = beats[Memory.INPUT_MAP, 0].astype(np.int64)
    found[f"{core}.engine.intake.map.map"] = _packed(_map_layout(config), MAP_ENTRY.unpack(entries))
    if config.boot:
        found[f"{core}.boot.program"] = _bits(pack_boot(boot_program(plan), config.boot).astype(np.int64), 16)
    return found


def loaded_from(
    contents: Mapping[str, Contents], config: CoreConfig, core: str
) -> tuple[dict[int, int], dict[tuple[Memory, int], Beats]]:
    """Returns (registers, memories) that the contents stand for; the inverse of `contents_of`.

    registers: values by byte offset, as the boot program leaves them; empty without a boot memory.
    memories:  beats by (kind, stage), as a host reads them.
    """
    registers: dict[int, int] = {}
    constants: dict[int, list[int]] = {}
    for offset, value in boot_writes(_numbers(contents[f"{core}.boot.program"]).tolist()) if config.boot else ():
        registers[offset] = value
        if offset == offset_of("MEM_DATA"):  # a boot program writes no memory but constant times
            select = GLOBAL["MEM_SELECT"].unpack(registers[offset_of("MEM_SELECT")])
            constants.setdefault(select["stage"], []).append(value)
    beats: dict[tuple[Memory, int], Beats] = {}
    for k, stage in enumerate(config.stages):
        slices = _slices(f"{core}.engine.stage{k}", stage.lanes, stage.depth)
        bits = np.concatenate([contents[path] for path, _, _ in slices], axis=1)
        whole = np.zeros((stage.depth, BEAT_BITS * beats_per_word(Memory.WEIGHTS, stage)), np.uint8)
        whole[:, : bits.shape[1]] = bits
        beats[Memory.WEIGHTS, k] = np.packbits(whole, axis=1, bitorder="little").reshape(-1).view("<u4")
        lanes = lanes_for(stage.kernels)
        stored = _unpacked(table_layout(lanes, stage.v_bits), contents[f"{core}.engine.stage{k}.tables.tables"])
        beats[Memory.TABLES, k] = StepTables.beats(lanes, stored)
        times = np.zeros(stage.constants, np.uint32)
        times[: len(constants.get(k, ()))] = constants.get(k, ())
        beats[Memory.CONSTANTS, k] = times
        if k < len(config.stages) - 1:
            beats[Memory.DELAYS, k] = _numbers(contents[f"{core}.engine.filing{k}.delay"]).astype(np.uint32)
    entry = _unpacked(_map_layout(config), contents[f"{core}.engine.intake.map.map"])
    beats[Memory.INPUT_MAP, 0] = MAP_ENTRY.pack(**entry).astype(np.uint32)
    return registers, beats


def network_in(contents: Mapping[str, Contents], config: CoreConfig, core: str) -> Network:
    """Returns the network that a core with a boot memory computes without a host.

    Raises FirstspikeError if the contents are no network.
    """
    return network_from(config, *loaded_from(contents, config, core))


def check_network_in(contents: Mapping[str, Contents], network: Network, config: CoreConfig, core: str) -> None:
    """Raises FirstspikeError unless the network in `contents` and `network` have the same loading plan."""
    found, wanted = (load_plan(n, config) for n in (network_in(contents, config, core), network))
    same = found.registers == wanted.registers and all(
        np.array_equal(mine.beats, its.beats) for mine, its in zip(found.memories, wanted.memories, strict=True)
    )
    if not same:
        raise FirstspikeError("the network that was read back is not the deployment's")


def _slices(stage: str, lanes: int, depth: int) -> list[tuple[str, int, int]]:
    """Returns (path, first bit of the word, bit behind the last) for each slice of a stage's weight memory."""
    slices = weight_slices(lanes, depth)
    return [(f"{stage}.weights.group{s.group}.slice{s.number}", s.first, s.end) for s in slices]


def _map_layout(config: CoreConfig) -> data.StructLayout:
    return entry_layout(entries=config.stages[0].inputs, steps=config.max_steps)


def _bits(numbers: NDArray[np.int64], width: int) -> Contents:
    """Returns the two's complement of numbers ``[n]``, lowest bit first: uint8 ``[n, width]``."""
    return (numbers[:, None] >> np.arange(width) & 1).astype(np.uint8)


def _numbers(bits: Contents, signed: bool = False) -> NDArray[np.int64]:
    weights = np.int64(1) << np.arange(bits.shape[1])
    numbers: NDArray[np.int64] = bits.astype(np.int64) @ weights
    return numbers - (bits[:, -1].astype(np.int64) << bits.shape[1]) if signed else numbers


def _fields(layout: data.StructLayout) -> Iterable[tuple[str, int, int, bool]]:
    for name, field in layout:
        yield name, field.offset, field.offset + field.width, Shape.cast(field.shape).signed


def _packed(layout: data.StructLayout, values: Fields) -> Contents:
    return np.concatenate([_bits(values[name], end - lsb) for name, lsb, end, _ in _fields(layout)], axis=1)


def _unpacked(layout: data.StructLayout, bits: Contents) -> dict[str, NDArray[np.int64]]:
    return {name: _numbers(bits[:, lsb:end], signed) for name, lsb, end, signed in _fields(layout)}
