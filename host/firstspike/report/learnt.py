"""Pictures of learning: accuracy over images, and what moved between two networks.

Needs matplotlib, which is imported when a picture is drawn (figure.py).
"""

from collections.abc import Mapping, Sequence
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .figure import BLUE, GREY, INK, ORANGE, figure_file

if TYPE_CHECKING:
    from firstspike.learning.difference import LayerDifference

__all__ = ["difference_picture", "learning_picture"]


def learning_picture(history: Sequence[Mapping[str, Any]], path: Path | str, *, before: float | None = None) -> None:
    """Accuracy and trigger rate over learning images.

    history: entries by name as `firstspike learn --json` gives them. before: accuracy before the first image.
    Raises as `figure_file` does.
    """
    images = [entry["images"] for entry in history]
    with figure_file(path, size=(8, 5)) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2.4, 1])
        upper.plot(images, [entry["accuracy_live"] for entry in history], color=GREY, marker=".", label="live")
        checked = [(entry["images"], entry["accuracy"]) for entry in history if entry["accuracy"] is not None]
        if before is not None:
            checked.insert(0, (0, before))
        if checked:
            upper.plot(*zip(*checked, strict=True), color=BLUE, marker="o", markersize=4, label="checked")
            upper.annotate(
                f"{checked[-1][1]:.2%}", checked[-1], xytext=(0, 6), textcoords="offset points", ha="right", color=BLUE
            )
        upper.set_ylabel("accuracy")
        upper.set_title("Accuracy over images")
        upper.legend(frameon=False, loc="lower right")
        lower.plot(images, [entry["trigger_rate"] for entry in history], color=ORANGE, marker=".")
        lower.set_ylim(bottom=0)
        lower.set_ylabel("trigger rate")
        lower.set_xlabel("learning images")


def difference_picture(layers: Sequence["LayerDifference"], path: Path | str) -> None:
    """A row a layer: mean |move| of every input (an image, if they are a square); moves, and weights, as histograms.

    Raises as `figure_file` does.
    """
    with figure_file(path, size=(10, 2.9 * len(layers))) as figure:
        grid = figure.subplots(len(layers), 3, squeeze=False)
        for k, (layer, (where, moves, weights)) in enumerate(zip(layers, grid, strict=True)):
            _draw_where(where, layer, k)
            _draw_moves(moves, layer)
            _draw_weights(weights, layer)
        figure.tight_layout()


def _draw_where(axes: Any, layer: "LayerDifference", k: int) -> None:
    size = np.abs(layer.moves).mean(axis=1)
    side = isqrt(len(size))
    axes.set_title(f"layer {k}: mean |move| by input")
    if side * side == len(size) and side > 2:
        axes.imshow(size.reshape(side, side), cmap="cividis")
        axes.set_xticks([])
        axes.set_yticks([])
        return
    axes.bar(np.arange(len(size)), size, color=BLUE, width=1.0)
    axes.set_xlabel("input")


def _draw_moves(axes: Any, layer: "LayerDifference") -> None:
    moves = layer.moves
    moved = moves[moves != 0]
    axes.set_title(f"{len(moved):,} of {moves.size:,} moved, up to {np.abs(moves).max(initial=0)}")
    largest = int(np.abs(moves).max(initial=1))
    axes.hist(moved, bins=np.arange(-largest - 0.5, largest + 1), color=ORANGE)
    axes.set_yscale("symlog")
    axes.set_xlabel("move, least significant bits")


def _draw_weights(axes: Any, layer: "LayerDifference") -> None:
    bins = np.arange(-127.5, 128, 5)
    axes.set_title("weights before and after")
    axes.hist(layer.before.ravel(), bins=bins, color=GREY, label="before")
    axes.hist(layer.after.ravel(), bins=bins, histtype="step", color=INK, label="after")
    axes.set_yscale("symlog")
    axes.legend(frameon=False)
    axes.set_xlabel("weight")
