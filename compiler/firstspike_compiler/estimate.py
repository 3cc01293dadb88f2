"""What a network costs on a core before it is synthesised: logic, block RAM, multipliers, cycles, what moves.

Block RAM is counted, cycles follow from spikes (contract.cycles); logic is a sum of what was measured after place and
route of the cores that ship, and holds within 20 %.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from firstspike_hw.contract import Batch, CoreConfig, Network, StageConfig
from firstspike_hw.contract.cycles import image_cycles
from firstspike_hw.contract.loading import place

__all__ = ["Resources", "estimate", "resources"]

# Words x bits that a DP16KD can be, with one read and one write port.
_SHAPES: Final = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
_TABLE_BITS: Final = 17
# Kernels that need a multiplication by a[t] when an event comes, and by m[t] - m[t-1] in every step.
_GAINS: Final = ("alpha", "lif-2to1")
_RISES: Final = ("exponential", "lif-2to1")


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Of a core: four-input tables, flip-flops, block memories, multipliers."""

    lut: int
    ff: int
    bram: int
    dsp: int


def estimate(network: Network, config: CoreConfig, batch: Batch, *, clock_mhz: float) -> dict[str, Any]:
    """Figures of a network on a core, over the images of a batch, by the names of the results files.

    Raises FirstspikeError if the network does not fit the core.
    """
    cycles = image_cycles(network, config, batch)
    p50, p99 = np.percentile(cycles, [50, 99])
    stages = [config.stages[k] for k in place(network, config)]
    events = batch.rows.astype(np.int64)  # [N, layers], that the decision waits for
    rows = np.array([s.rows(layer.outputs) for s, layer in zip(stages, network.layers, strict=True)])
    reads = float((events * rows).sum(axis=1).mean())
    lanes = np.array([s.lanes for s in stages])
    walked = (batch.results["step"].astype(np.int64) + 1).mean()
    adds = float((events * rows * lanes).sum(axis=1).mean() + walked * (rows * lanes).sum())
    mean = float(cycles.mean())
    return {
        **asdict(resources(config)),
        "clock_mhz": clock_mhz,
        "cycles": {"mean": mean, "p50": float(p50), "p99": float(p99)},
        "latency_us": mean / clock_mhz,
        "images_per_second": 1e6 * clock_mhz / mean,
        "row_reads": reads,
        "weight_bits_read": float((events * rows * lanes).sum(axis=1).mean() * 8),
        "adds": adds,
        "weight_bits": int(sum(layer.weights.size for layer in network.layers) * 8),
        "memory_bits": int(sum(8 * s.lanes * s.depth for s in config.stages)),
    }


def resources(config: CoreConfig) -> Resources:
    """Of the core alone, without a link or a board's clock."""
    logic = [_stage_logic(stage, config, k) for k, stage in enumerate(config.stages)]
    lut, ff = _CORE_LUT + sum(n for n, _ in logic), _CORE_FF + sum(n for _, n in logic)
    dsp = sum(_multipliers(stage) for stage in config.stages)
    return Resources(lut=round(lut), ff=round(ff), bram=_all_blocks(config), dsp=dsp)


def blocks(width: int, depth: int) -> int:
    """Block memories for so many words of so many bits, in the cheapest shape."""
    return min(-(-depth // words) * -(-width // bits) for words, bits in _SHAPES)


def _all_blocks(config: CoreConfig) -> int:
    entry = _bits(config.stages[0].inputs - 1) + _bits(config.max_steps) + 1
    total = blocks(entry, config.addresses) + (blocks(16, config.boot) if config.boot else 0)
    for k, stage in enumerate(config.stages):
        width = 36 if stage.depth <= 512 else 18 if stage.depth <= 1024 else 9
        whole, rest = divmod(8 * stage.lanes, width)
        total += whole * blocks(width, stage.depth) + (blocks(rest, stage.depth) if rest else 0)
        queues = 2 if k == 0 else 1  # of the stage, or of the two images that are taken in and worked on
        total += queues * blocks(_bits(stage.inputs - 1) + 1, stage.inputs)
        total += blocks(_table_bits(stage), config.max_steps)
        if k < len(config.stages) - 1:
            total += blocks(_bits(config.max_steps), stage.lanes * stage.max_rows)
    return total


def _table_bits(stage: StageConfig) -> int:
    needs = [any(kernel in stage.kernels for kernel in kernels) for kernels in (_GAINS, _RISES)]
    return stage.v_bits + _TABLE_BITS * sum(needs)


def _multipliers(stage: StageConfig) -> int:
    """18 x 18 each: an operand wider than that takes two."""
    per_lane = 0
    if any(kernel in stage.kernels for kernel in _GAINS):
        per_lane += 1
    if any(kernel in stage.kernels for kernel in _RISES):
        per_lane += -(-stage.a_bits // 18)
    return per_lane * stage.lanes


def _bits(largest: int) -> int:
    return max(1, largest.bit_length())


# Fitted: see docs/decisions/silicon.md.
_CORE_LUT: Final = 5200.0
_CORE_FF: Final = 2600.0


def _stage_logic(stage: StageConfig, config: CoreConfig, k: int) -> tuple[float, float]:
    """Tables and flip-flops of a stage with its queue and what reads its rows."""
    multiplied = any(kernel in stage.kernels for kernel in (*_GAINS, *_RISES))
    a = 0 if stage.kernels == ("step",) else stage.a_bits
    state = a + stage.v_bits + 1
    adders = a + 2 * stage.v_bits + 4
    lut, ff = float(adders), 8.0 + a * multiplied + stage.v_bits * (1 + multiplied)
    if stage.ring:
        ff += stage.max_rows * state
    else:  # in LUT memory: six tables for four bits, and one a bit that clears
        lut, ff = lut + 2.5 * state, ff + stage.v_bits
    ff += 2 * 8 + 4  # words on their way into the memory, rows on their way to the serialiser
    return stage.lanes * lut + 900, stage.lanes * ff + 500
