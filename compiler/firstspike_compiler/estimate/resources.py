"""What a core takes of a device, before synthesis: logic, flip-flops, block RAM, multipliers.

Block RAM and multipliers are counted. Logic is a sum over the parts of the core, each with the figures that synthesis
gave it in several cores (docs/decisions/bitstream.md): about 10 % of what place and route report.
"""

from dataclasses import dataclass
from typing import Final

from firstspike_contract import TABLE_BITS, CoreConfig, StageConfig
from firstspike_contract.core.memories import GROUP_BITS, LANE_GROUP, weight_slices

__all__ = ["Resources", "resources"]

# Kernels that need a multiplication by a[t] when an event comes, and by m[t] - m[t-1] in every step.
GAINS: Final = ("alpha", "lif-2to1")
RISES: Final = ("exponential", "lif-2to1")

# Words x bits that a block can be, with one read and one write port.
_SHAPES: Final = {
    "ecp5": ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)),
    "ice40": ((256, 16), (512, 8), (1024, 4), (2048, 2)),
}
_IN_TABLES: Final = 128  # links of a queue of so many events lie in tables of the fabric, where those can be memory


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Of a core: four-input tables (iCE40: cells), flip-flops, block memories, multipliers."""

    lut: int
    ff: int
    bram: int
    dsp: int


def resources(config: CoreConfig, family: str = "ecp5") -> Resources:
    """Of a core with what firstspike build puts around it. family: `ecp5` or `ice40`."""
    lut, ff = _logic(config)
    if family == "ice40":
        # A cell is a table and a flip-flop, and most are of both; tables are no memories.
        return Resources(
            lut=round(_CELLS * (lut + ff)), ff=round(_CELLS * (lut + ff)), bram=_blocks_ice40(config), dsp=0
        )
    dsp = sum(_multipliers(stage) for stage in config.stages)
    return Resources(lut=round(lut), ff=round(ff), bram=_blocks_ecp5(config), dsp=dsp)


def blocks(width: int, depth: int, family: str = "ecp5") -> int:
    """Block memories for so many words of so many bits, in the cheapest shape."""
    return min(-(-depth // words) * -(-width // bits) for words, bits in _SHAPES[family])


def _loaded(config: CoreConfig, family: str) -> int:
    """Blocks of the memories that hold a network."""
    entry = _bits(config.stages[0].inputs - 1) + _bits(config.max_steps) + 1
    total = blocks(entry, config.addresses, family) + (blocks(16, config.boot, family) if config.boot else 0)
    for k, stage in enumerate(config.stages):
        total += _weights(stage, family) + blocks(_table_bits(stage), config.max_steps, family)
        if k < len(config.stages) - 1:
            total += blocks(_bits(config.max_steps), stage.lanes * stage.max_rows, family)
    return total


def _weights(stage: StageConfig, family: str) -> int:
    """Blocks of the weight memory: slices as wide as a block of an ECP5 is at that depth."""
    slices = weight_slices(stage.lanes, stage.depth)
    return sum(blocks(s.end - s.first, stage.depth, family) for s in slices)


def _blocks_ecp5(config: CoreConfig) -> int:
    return _loaded(config, "ecp5") + sum(
        blocks(_bits(entries - 1) + 1, entries) for entries in _queues(config) if entries > _IN_TABLES
    )


def _blocks_ice40(config: CoreConfig) -> int:
    """Also queues, counts by step, and the rows that wait for the decision, which an ECP5 has in tables."""
    last = config.stages[-1]
    row = last.lanes * (last.v_bits + 1) + _bits(last.max_rows - 1) + _bits(config.max_steps - 1) + 1
    total = _loaded(config, "ice40") + blocks(row, 16, "ice40")
    total += sum(blocks(_bits(entries - 1) + 1, entries, "ice40") for entries in _queues(config))
    return total + sum(blocks(2 * 16, config.max_steps, "ice40") for _ in config.stages)


def _queues(config: CoreConfig) -> list[int]:
    """Entries of every calendar queue: two images are taken in and worked on, and every stage files with the next."""
    return [config.stages[0].inputs, *(stage.inputs for stage in config.stages)]


def _table_bits(stage: StageConfig) -> int:
    """Of a step: the threshold's change, and what the multipliers of the kernel take."""
    needs = [any(kernel in stage.kernels for kernel in kernels) for kernels in (GAINS, RISES)]
    return stage.v_bits + TABLE_BITS * sum(needs)


def _multipliers(stage: StageConfig) -> int:
    """18 x 18 each: an operand wider than that takes two."""
    per_lane = 0
    if any(kernel in stage.kernels for kernel in GAINS):
        per_lane += 1
    if any(kernel in stage.kernels for kernel in RISES):
        per_lane += -(-stage.a_bits // 18)
    return per_lane * stage.lanes


def _bits(largest: int) -> int:
    return max(1, largest.bit_length())


# Logic. Registers, intake, result, shift chains; then what each stage adds to them.
_CORE: Final = (3000.0, 2500.0)
_STAGE: Final = (760.0, 1000.0)
_TEACHER: Final = (800.0, 750.0)  # random bits, record of the outputs, course; then of a stage, and of its lanes
_STAGE_LEARNING: Final = (700.0, 700.0)
_LANE_LEARNING: Final = (29.5, 29.5)
_CELLS: Final = 0.56  # of tables and flip-flops together


def _logic(config: CoreConfig) -> tuple[float, float]:
    """Four-input tables, where a carry of two bits counts for two and a memory of 16 x 4 bits for six; flip-flops."""
    (lut, ff), steps = _CORE, config.max_steps
    for entries in _queues(config):
        more = _queue(entries, steps)
        lut, ff = lut + more[0], ff + more[1]
    for stage in config.stages:
        more = _stage(stage)
        lut, ff = lut + more[0] + 5.2 * steps, ff + more[1]
    for stage in config.stages[:-1]:  # spikes one by one
        lut, ff = lut + 5 * stage.lanes, ff + 5 * stage.lanes
    values = config.stages[-1].lanes * config.stages[-1].v_bits  # rows with V - th, for the decision
    if config.learns:
        count, lanes = len(config.stages), sum(stage.lanes for stage in config.stages)
        lut += _TEACHER[0] + count * _STAGE_LEARNING[0] + lanes * _LANE_LEARNING[0]
        ff += _TEACHER[1] + count * _STAGE_LEARNING[1] + lanes * _LANE_LEARNING[1]
    return lut + 3.9 * values, ff + 5.3 * values


def _queue(entries: int, steps: int) -> tuple[float, float]:
    """A list per step: its first event, read thrice, and whether there is one; links in tables if they are few."""
    width, slices = _bits(entries - 1), -(-steps // 16)
    lut = 4.2 * steps + slices * (18 * -(-width // 4) + 0.94 * width)
    if entries <= _IN_TABLES:
        links = -(-entries // 16)
        lut += links * (6 * -(-(width + 1) // 4)) + (links > 1) * links * (width + 1)
    return lut, 1.05 * steps + 45


def _stage(stage: StageConfig) -> tuple[float, float]:
    """Lanes, the host's window to their weights, and deep memories' output."""
    gains, rises = (any(kernel in stage.kernels for kernel in kernels) for kernels in (GAINS, RISES))
    a = 0 if stage.kernels == ("step",) else stage.a_bits
    v, state = stage.v_bits, a + stage.v_bits + 1
    # of linear lanes of one row: A is kept nowhere else, and the threshold goes into the carries
    short = stage.kernels == ("linear",) and stage.max_rows == 1
    lut = float(a + (2 - short) * v + 3 + 2 * (2 + rises))  # adders, with the ends of their carries
    ff = float(8 + (1 - short) * v + a * (gains + rises) + v * rises)
    if rises and a > 18:
        lut += 0.7 * a  # a product of two halves
    if stage.ring:
        ff += stage.max_rows * state
    else:  # memory, and one table a bit that clears it
        lut += 2.5 * state
    words = -(-8 * stage.lanes // GROUP_BITS)
    deep = 4 if stage.depth > 4096 else 1 if stage.depth > 2048 else 0
    lut = stage.lanes * (lut + 8 * deep) + words * 132
    ff = stage.lanes * ff + words * 198 + -(-stage.lanes // LANE_GROUP) * (2 + 2 * gains + 2 * rises) * (v + 8) / 2
    return lut + _STAGE[0], ff + _STAGE[1]
