"""Pass: lanes, rows and block memories of every stage: the fastest layout that fits."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from firstspike_compiler.targets import Target

__all__ = ["StageMap", "explain_geometry", "map_stages", "stage_options"]

WEIGHT_BITS: Final = 8
_OPTIONS: Final = 16  # per stage, from the fastest
_BEAM: Final = 4096  # partial layouts kept: all of them up to three stages


@dataclass(frozen=True, kw_only=True)
class StageMap:
    """A layer on its stage: `lanes` neurons at a time, `rows` cycles per event and per step.

    words: used of the weight memory, (inputs + constants) x rows. block: words x bits of a block. blocks: how many.
    """

    lanes: int
    rows: int
    words: int
    block: str
    blocks: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def stage_options(target: Target, kernel: str, inputs: int, outputs: int) -> list[StageMap]:
    """The ways to lay out a layer with that many weight rows and neurons, fastest first."""
    options: list[StageMap] = []
    for rows in range(1, min(target.rows, outputs) + 1):
        lanes = -(-outputs // rows)
        if lanes > target.lanes.get(kernel, 0) or -(-outputs // lanes) != rows:
            continue
        words = inputs * rows
        blocks, words_per_block, bits = min(
            ((-(-words // depth) * -(-lanes * WEIGHT_BITS // width), depth, width) for depth, width in target.shapes),
            key=lambda choice: (choice[0], -choice[1]),  # of equals the deepest: no multiplexer behind the blocks
        )
        block = f"{words_per_block}x{bits}"
        options.append(StageMap(lanes=lanes, rows=rows, words=words, block=block, blocks=blocks))
        if len(options) == _OPTIONS:
            break
    return options


def map_stages(target: Target, kernel: str, sizes: list[tuple[int, int]]) -> tuple[StageMap, ...] | None:
    """The fastest layout that fits the target's lanes and blocks together; None if none does.

    sizes: per layer (weight rows, neurons). Fastest: fewest rows of the slowest stage, then in all, then fewest blocks.
    """
    partial: list[tuple[StageMap, ...]] = [()]
    for inputs, outputs in sizes:
        options = stage_options(target, kernel, inputs, outputs)
        grown = [(*stages, option) for stages in partial for option in options]
        partial = sorted((stages for stages in grown if _fits(target, kernel, stages)), key=_cost)[:_BEAM]
    return partial[0] if partial else None


def explain_geometry(names: list[str], stages: tuple[StageMap, ...], target: Target) -> list[str]:
    """A line for each layer, and one for all."""
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
