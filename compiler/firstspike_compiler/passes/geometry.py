"""Pass: chooses lanes, rows and block memories of every stage: the fastest layout that fits the target."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from firstspike_compiler.targets import Target

__all__ = ["StageMap", "explain_geometry", "map_stages", "stage_options"]

WEIGHT_BITS: Final = 8
_OPTIONS: Final = 16  # layouts tried per stage, fastest first
_BEAM: Final = 4096  # partial layouts kept, which is all of them up to three stages (16^3)


@dataclass(frozen=True, kw_only=True)
class StageMap:
    """The layout of a layer on its stage.

    lanes:  neurons that the stage updates in one cycle.
    rows:   rows of neurons, which is the number of cycles per event and per step.
    words:  words used in the weight memory: (inputs + constants) x rows.
    block:  shape of a block memory, as "words x bits", for example "1024x18".
    blocks: number of block memories.
    """

    lanes: int
    rows: int
    words: int
    block: str
    blocks: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def stage_options(target: Target, kernel: str, inputs: int, outputs: int) -> list[StageMap]:
    """Returns the layouts of a layer, fastest first.

    inputs:  weight rows, those of constant inputs included.
    outputs: neurons.
    """
    options: list[StageMap] = []
    for rows in range(1, min(target.rows, outputs) + 1):
        lanes = -(-outputs // rows)
        if lanes > target.lanes.get(kernel, 0) or -(-outputs // lanes) != rows:
            continue
        words = inputs * rows
        blocks, words_per_block, bits = min(
            ((-(-words // depth) * -(-lanes * WEIGHT_BITS // width), depth, width) for depth, width in target.shapes),
            key=lambda choice: (choice[0], -choice[1]),  # of equals the deepest, which needs no multiplexer behind it
        )
        block = f"{words_per_block}x{bits}"
        options.append(StageMap(lanes=lanes, rows=rows, words=words, block=block, blocks=blocks))
        if len(options) == _OPTIONS:
            break
    return options


def map_stages(target: Target, kernel: str, sizes: list[tuple[int, int]]) -> tuple[StageMap, ...] | None:
    """Returns the fastest layout of all layers that fits the target's lanes and blocks; None if no layout fits.

    sizes: for each layer, (weight rows, neurons).

    The fastest layout has the fewest rows in its slowest stage; among equals the fewest rows in all stages, then the
    fewest blocks.
    """
    partial: list[tuple[StageMap, ...]] = [()]
    for inputs, outputs in sizes:
        options = stage_options(target, kernel, inputs, outputs)
        grown = [(*stages, option) for stages in partial for option in options]
        partial = sorted((stages for stages in grown if _fits(target, kernel, stages)), key=_cost)[:_BEAM]
    return partial[0] if partial else None


def explain_geometry(names: list[str], stages: tuple[StageMap, ...], target: Target) -> list[str]:
    """Returns a line for each layer, and one for all layers together."""
    lines = [
        f"{name}: {stage.lanes} lanes x {stage.rows} rows; {stage.words} words in {stage.blocks} blocks of "
        f"{stage.block}"
        for name, stage in zip(names, stages, strict=True)
    ]
    used = sum(stage.blocks for stage in stages)
    return [*lines, f"{used} of {target.blocks} block memories for weights on {target.name}"]


def _fits(target: Target, kernel: str, stages: tuple[StageMap, ...]) -> bool:
    return sum(s.lanes for s in stages) <= target.lanes[kernel] and sum(s.blocks for s in stages) <= target.blocks


def _cost(stages: tuple[StageMap, ...]) -> tuple[int, int, int]:
    return max(s.rows for s in stages), sum(s.rows for s in stages), sum(s.blocks for s in stages)
