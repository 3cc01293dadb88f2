"""Estimates the resources of a core before synthesis: logic, flip-flops, block RAM, multipliers.

Block RAM and multipliers are counted. Logic is summed over the parts of the core; the figures of each part are those
that synthesis gave it in several cores (docs/decisions/bitstream.md). The sum is within about 10 % of what place and
route report.
"""

from dataclasses import dataclass
from typing import Final

from firstspike_contract import TABLE_BITS, CoreConfig, StageConfig
from firstspike_contract.core.memories import GROUP_BITS, LANE_GROUP, weight_slices

__all__ = ["Resources", "resources"]

# Kernels that multiply by a[t] for each event, and kernels that multiply by m[t] - m[t-1] in each step.
GAINS: Final = ("alpha", "lif-2to1")
RISES: Final = ("exponential", "lif-2to1")

# Shapes (words, bits) of a block memory with one read and one write port.
_SHAPES: Final = {
    "ecp5": ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)),
    "ice40": ((256, 16), (512, 8), (1024, 4), (2048, 2)),
}
_IN_TABLES: Final = 128  # entries up to which the links of a queue lie in LUT memory, on devices that have it


@dataclass(frozen=True, kw_only=True)
class Resources:
    """The resources of a core.

    lut:  four-input tables; on iCE40 logic cells.
    ff:   flip-flops; on iCE40 logic cells.
    bram: block memories.
    dsp:  multipliers.
    """

    lut: int
    ff: int
    bram: int
    dsp: int


def resources(config: CoreConfig, family: str = "ecp5") -> Resources:
    """Returns the resources of a core, with the parts that `firstspike build` puts around it.

    family: `ecp5` or `ice40`.
    """
    lut, ff = _logic(config)
    if family == "ice40":
        # A cell holds a table and a flip-flop, and most cells use both. Tables cannot serve as memory.
        return Resources(
            lut=round(_CELLS * (lut + ff)), ff=round(_CELLS * (lut + ff)), bram=_blocks_ice40(config), dsp=0
        )
    dsp = sum(_multipliers(stage) for stage in config.stages)
    return Resources(lut=round(lut), ff=round(ff), bram=_blocks_ecp5(config), dsp=dsp)


def blocks(width: int, depth: int, family: str = "ecp5") -> int:
    """Returns the number of block memories for `depth` words of `width` bits, in the cheapest shape."""
    return min(-(-depth // words) * -(-width // bits) for words, bits in _SHAPES[family])


def _loaded(config: CoreConfig, family: str) -> int:
    """Returns the block memories that hold a network."""
    entry = _bits(config.stages[0].inputs - 1) + _bits(config.max_steps) + 1
    total = blocks(entry, config.addresses, family) + (blocks(16, config.boot, family) if config.boot else 0)
    for k, stage in enumerate(config.stages):
        total += _weights(stage, family) + blocks(_table_bits(stage), config.max_steps, family)
        if k < len(config.stages) - 1:
            total += blocks(_bits(config.max_steps), stage.lanes * stage.max_rows, family)
    return total


def _weights(stage: StageConfig, family: str) -> int:
    """Returns the blocks of the weight memory, whose slices are as wide as an ECP5 block is at that depth."""
    slices = weight_slices(stage.lanes, stage.depth)
    return sum(blocks(s.end - s.first, stage.depth, family) for s in slices)


def _blocks_ecp5(config: CoreConfig) -> int:
    return _loaded(config, "ecp5") + sum(
        blocks(_bits(entries - 1) + 1, entries) for entries in _queues(config) if entries > _IN_TABLES
    )


def _blocks_ice40(config: CoreConfig) -> int:
    """Returns all blocks on iCE40.

    They also hold small queues, the counts by step and the rows that wait for the decision; an ECP5 has those in LUT
    memory.
    """
    last = config.stages[-1]
    row = last.lanes * (last.v_bits + 1) + _bits(last.max_rows - 1) + _bits(config.max_steps - 1) + 1
    total = _loaded(config, "ice40") + blocks(row, 16, "ice40")
    total += sum(blocks(_bits(entries - 1) + 1, entries, "ice40") for entries in _queues(config))
    return total + sum(blocks(2 * 16, config.max_steps, "ice40") for _ in config.stages)


def _queues(config: CoreConfig) -> list[int]:
    """Returns the entries of every calendar queue.

    The first stage has two queues: one takes in an image while the stage works on the other. Every further stage has
    one, which the stage before fills.
    """
    return [config.stages[0].inputs, *(stage.inputs for stage in config.stages)]


def _table_bits(stage: StageConfig) -> int:
    """Returns the bits that the tables hold for each step: the change of the threshold, and the operands `a` and `m`.

    A stage stores an operand only if one of its kernels multiplies by it.
    """
    needs = [any(kernel in stage.kernels for kernel in kernels) for kernels in (GAINS, RISES)]
    return stage.v_bits + TABLE_BITS * sum(needs)


def _multipliers(stage: StageConfig) -> int:
    """Returns the multipliers of 18 x 18 bits; an operand of more than 18 bits takes two."""
    per_lane = 0
    if any(kernel in stage.kernels for kernel in GAINS):
        per_lane += 1
    if any(kernel in stage.kernels for kernel in RISES):
        per_lane += -(-stage.a_bits // 18)
    return per_lane * stage.lanes


def _bits(largest: int) -> int:
    return max(1, largest.bit_length())


# Logic, each as (tables, flip-flops).
_CORE: Final = (3000.0, 2500.0)  # registers, intake, result, shift chains
_STAGE: Final = (760.0, 1000.0)  # each stage, without its lanes
_TEACHER: Final = (800.0, 750.0)  # of a core that learns: random bits, record of the outputs, course of learning
_STAGE_LEARNING: Final = (700.0, 700.0)  # added in each stage of a core that learns
_LANE_LEARNING: Final = (29.5, 29.5)  # added in each lane of a core that learns
_CELLS: Final = 0.56  # iCE40 cells per table or flip-flop


def _logic(config: CoreConfig) -> tuple[float, float]:
    """Returns (four-input tables, flip-flops) of a core.

    A carry cell of two bits counts as two tables, and a LUT memory of 16 x 4 bits as six.
    """
    (lut, ff), steps = _CORE, config.max_steps
    for entries in _queues(config):
        more = _queue(entries, steps)
        lut, ff = lut + more[0], ff + more[1]
    for stage in config.stages:
        more = _stage(stage)
        lut, ff = lut + more[0] + 5.2 * steps, ff + more[1]
    for stage in config.stages[:-1]:  # the serialiser of spikes
        lut, ff = lut + 5 * stage.lanes, ff + 5 * stage.lanes
    values = config.stages[-1].lanes * config.stages[-1].v_bits  # rows with V - th, for the decision
    if config.learns:
        count, lanes = len(config.stages), sum(stage.lanes for stage in config.stages)
        lut += _TEACHER[0] + count * _STAGE_LEARNING[0] + lanes * _LANE_LEARNING[0]
        ff += _TEACHER[1] + count * _STAGE_LEARNING[1] + lanes * _LANE_LEARNING[1]
    return lut + 3.9 * values, ff + 5.3 * values


def _queue(entries: int, steps: int) -> tuple[float, float]:
    """Returns (tables, flip-flops) of a calendar queue.

    For each step it keeps the first event, with three read ports, and whether there is one. The links lie in tables if
    they are few.
    """
    width, slices = _bits(entries - 1), -(-steps // 16)
    lut = 4.2 * steps + slices * (18 * -(-width // 4) + 0.94 * width)
    if entries <= _IN_TABLES:
        links = -(-entries // 16)
        lut += links * (6 * -(-(width + 1) // 4)) + (links > 1) * links * (width + 1)
    return lut, 1.05 * steps + 45


def _stage(stage: StageConfig) -> tuple[float, float]:
    """Returns (tables, flip-flops) of a stage: lanes, host window to the weights, multiplexers of deep memories."""
    gains, rises = (any(kernel in stage.kernels for kernel in kernels) for kernels in (GAINS, RISES))
    a = 0 if stage.kernels == ("step",) else stage.a_bits
    v, state = stage.v_bits, a + stage.v_bits + 1
    # A lane of one row and the kernel `linear` alone keeps no copy of A, and takes the threshold in its carry cells.
    short = stage.kernels == ("linear",) and stage.max_rows == 1
    lut = float(a + (2 - short) * v + 3 + 2 * (2 + rises))  # adders, with the ends of their carry chains
    ff = float(8 + (1 - short) * v + a * (gains + rises) + v * rises)
    if rises and a > 18:
        lut += 0.7 * a  # adds the products of the two halves of A
    if stage.ring:
        ff += stage.max_rows * state
    else:  # LUT memory, and one table a bit that clears it
        lut += 2.5 * state
    words = -(-8 * stage.lanes // GROUP_BITS)
    deep = 4 if stage.depth > 4096 else 1 if stage.depth > 2048 else 0
    lut = stage.lanes * (lut + 8 * deep) + words * 132
    ff = stage.lanes * ff + words * 198 + -(-stage.lanes // LANE_GROUP) * (2 + 2 * gains + 2 * rises) * (v + 8) / 2
    return lut + _STAGE[0], ff + _STAGE[1]
