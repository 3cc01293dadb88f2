"""Pictures of learning: accuracy over learning images, and which weights moved between two networks.

Needs matplotlib, which is imported only when a picture is drawn (figure.py).
"""

from collections.abc import Mapping, Sequence
from math import isqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .figure import BLUE, GREY, INK, ORANGE, SHADES, colour_bar, figure_file, percent_axis

if TYPE_CHECKING:
    from firstspike.learning.difference import LayerDifference

__all__ = ["difference_picture", "learning_picture"]


def learning_picture(history: Sequence[Mapping[str, Any]], path: Path | str, *, before: float | None = None) -> None:
    """Draws accuracy and trigger rate over the number of learning images.

    history: entries with the names that `firstspike learn --json` gives them.
    path:    as in `figure_file`.
    before:  accuracy before the first learning image, a fraction; None if it is not known.

    Raises what `figure_file` raises.
    """
    images = [entry["images"] for entry in history]
    with figure_file(path, size=(8, 5)) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2.4, 1])
        live = [entry["accuracy_live"] for entry in history]
        upper.plot(images, live, color=GREY, marker=".", label="on the learning images, as they come")
        checked = [(entry["images"], entry["accuracy"]) for entry in history if entry["accuracy"] is not None]
        if before is not None:
            checked.insert(0, (0, before))
        if checked:
            upper.plot(*zip(*checked, strict=True), color=BLUE, marker="o", markersize=4, label="on the check images")
            upper.annotate(
                f"{100 * checked[-1][1]:.2f} %",
                checked[-1],
                xytext=(0, 6),
                textcoords="offset points",
                ha="right",
                color=BLUE,
            )
        upper.set_ylabel("accuracy")
        upper.set_title("Accuracy over learning images")
        upper.legend(loc="lower right")
        lower.plot(images, [entry["trigger_rate"] for entry in history], color=ORANGE, marker=".")
        lower.set_ylim(bottom=0)
        lower.set_ylabel("images that trigger")
        lower.set_xlabel("learning images")
        lower.xaxis.set_major_formatter("{x:,.0f}")
        for axes in (upper, lower):
            axes.grid(True)
            percent_axis(axes.yaxis)


def difference_picture(layers: Sequence["LayerDifference"], path: Path | str) -> None:
    """Draws one row for each layer: how far the weights of each input moved, and histograms of moves and weights.

    The inputs are drawn as an image if their number is a square. Raises what `figure_file` raises.
    """
    with figure_file(path, size=(11, 3.1 * len(layers))) as figure:
        grid = figure.subplots(len(layers), 3, squeeze=False)
        for k, (layer, (where, moves, weights)) in enumerate(zip(layers, grid, strict=True)):
            _draw_where(where, layer, k)
            _draw_moves(moves, layer)
            _draw_weights(weights, layer)


def _draw_where(axes: Any, layer: "LayerDifference", k: int) -> None:
    """Draws the mean absolute move of each input's weights, as an image or as bars."""
    size = np.abs(layer.moves).mean(axis=1)
    side = isqrt(len(size))
    axes.set_title(f"layer {k}: moves by input")
    label = "mean |move|, LSB"
    if side * side == len(size) and side > 2:
        colour_bar(axes.imshow(size.reshape(side, side), cmap=SHADES, vmin=0), axes, label)
        axes.set_xlabel("column of the input image")
        axes.set_ylabel("row")
        return
    axes.stairs(size, np.arange(len(size) + 1) - 0.5, fill=True, color=BLUE)
    axes.set_xlabel("input")
    axes.set_ylabel(label)


def _draw_moves(axes: Any, layer: "LayerDifference") -> None:
    """Draws the histogram of the moves other than zero."""
    moves = layer.moves
    moved = moves[moves != 0]
    largest = int(np.abs(moves).max(initial=0))
    axes.set_title(f"{len(moved):,} of {moves.size:,} weights moved")
    axes.hist(moved, bins=np.arange(-max(1, largest) - 0.5, max(1, largest) + 1), color=ORANGE)
    axes.set_yscale("symlog")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(f"move, LSB (largest {largest})")
    axes.set_ylabel("weights")


def _draw_weights(axes: Any, layer: "LayerDifference") -> None:
    """Draws the histograms of the weights before and after."""
    bins = np.arange(-127.5, 128, 5)
    axes.set_title("weights before and after")
    axes.hist(layer.before.ravel(), bins=bins, color=GREY, label="before")
    axes.hist(layer.after.ravel(), bins=bins, histtype="step", color=INK, label="after")
    axes.set_yscale("symlog")
    axes.set_ylim(top=100 * axes.get_ylim()[1])  # room for the legend
    axes.legend(loc="upper right", ncols=2)
    axes.set_xlabel("weight, int8")
    axes.set_ylabel("weights")
