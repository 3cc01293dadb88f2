"""The picture of a decision: the spikes that caused the answer to one image, and how soon a whole set is decided.

Needs matplotlib, which is imported only when a picture is drawn (figure.py).
"""

from math import isqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import NO_SPIKE, Batch, Evaluation, FirstspikeError, Network

from .causal import causal_sets
from .figure import BLUE, GREY, INK, ORANGE, PALE, RED, SUFFIXES, colour_bar, figure_file, percent_axis

__all__ = ["SUFFIXES", "decision_picture"]

_FOR, _AGAINST, _OTHER, _INPUT, _MARK = BLUE, ORANGE, GREY, BLUE, RED
_SHADE: Final = "#f1f1ee"  # steps that were never computed
_ASIDE: Final[dict[str, Any]] = {"ha": "center", "va": "center", "color": PALE}


def decision_picture(
    network: Network,
    evaluation: Evaluation,
    batch: Batch,
    path: Path | str,
    *,
    label: int | None = None,
    title: str | None = None,
) -> None:
    """Draws one image's spikes up to its decision, with their causal sets, above the histograms of a whole set.

    evaluation: the image to show, from `firstspike_contract.arithmetic.evaluate`.
    batch:      the set for the histograms of hidden spikes up to the decision and of decision steps.
    path:       the file, ``.png`` (also without a suffix) or ``.svg``; an existing file is replaced.
    label:      the right answer, for the title.
    title:      first words of the title; by default the network's sizes, kernel and T.

    Equal arguments and an equal version of matplotlib give equal bytes. Raises UsageError for another suffix or without
    matplotlib, FirstspikeError for an empty batch or a file that cannot be written.
    """
    if len(batch) == 0:
        raise FirstspikeError("a picture of decisions needs at least one image: the batch has 0; for example 10000")
    with figure_file(path, size=(10, 8)) as figure:
        _draw(figure, network, evaluation, batch, label, title)


def _draw(
    figure: Any, network: Network, evaluation: Evaluation, batch: Batch, label: int | None, title: str | None
) -> None:
    """Draws all parts of the picture on the figure; the arguments are those of `decision_picture`."""
    sets = causal_sets(network, evaluation)
    figure.set_layout_engine("none")  # the places below are fixed, so that the rasters share their time axis
    grid = figure.add_gridspec(
        2, 1, height_ratios=[2.6, 1], hspace=0.32, left=0.085, right=0.975, top=0.9, bottom=0.075
    )
    upper = grid[0].subgridspec(3, 2, width_ratios=[1, 3.1], height_ratios=[1, 1.9, 1.1], hspace=0.12, wspace=0.22)
    lower = grid[1].subgridspec(1, 2, wspace=0.18)

    outputs = figure.add_subplot(upper[2, 1])
    hidden = figure.add_subplot(upper[1, 1], sharex=outputs)
    inputs = figure.add_subplot(upper[0, 1], sharex=outputs)
    _draw_inputs(inputs, network, evaluation, sets[0])
    _draw_hidden(hidden, network, evaluation, sets)
    _draw_outputs(outputs, network, evaluation)
    step = int(evaluation.result["step"])
    for axes in (inputs, hidden, outputs):
        axes.axvline(step, color=_MARK, linewidth=1.2, zorder=1)
        axes.axvspan(step + 0.5, network.steps, color=_SHADE, zorder=0, linewidth=0)
        axes.set_xlim(-0.6, network.steps - 0.4)
    for axes in (inputs, hidden):
        axes.tick_params(labelbottom=False)
    figure.align_ylabels((inputs, hidden, outputs))
    if step < network.steps * 0.75:
        middle = (step + 0.5 + network.steps - 0.4) / 2
        hidden.text(
            middle,
            0.5,
            "never computed:\nthe decision ends the image",
            transform=hidden.get_xaxis_transform(),
            **_ASIDE,
        )

    side = isqrt(network.addresses)
    if side * side == network.addresses and side > 2:
        _draw_image(figure.add_subplot(upper[0:2, 0]), evaluation, sets[0], side)
    _draw_key(figure.add_subplot(upper[2, 0]), evaluation)
    _draw_histogram(
        figure.add_subplot(lower[0]), batch.results["spikes_hidden"], "hidden spikes up to the decision", "spikes"
    )
    _draw_histogram(figure.add_subplot(lower[1]), batch.results["step"], "decision step", "step")
    figure.suptitle(_title(network, evaluation, title, label), x=0.085, ha="left", fontsize=13, fontweight="bold")


def _title(network: Network, evaluation: Evaluation, title: str | None, label: int | None) -> str:
    """Returns the title: what was shown, and the answer to it."""
    first = title or f"{'-'.join(map(str, network.sizes))}, {network.kernel}, T = {network.steps}"
    manner = " (silent: no output fired)" if evaluation.result["silent"] else ""
    right = "" if label is None else f", label {label}"
    return f"{first}: answer {evaluation.result['class']} at step {evaluation.result['step']}{manner}{right}"


def _points(axes: Any, times: NDArray[np.int16], chosen: NDArray[np.bool_], base: int, **style: Any) -> None:
    """Marks the spikes of the chosen neurons. times, chosen: ``[n]``. base: y of neuron 0. style: of the marks."""
    index = np.flatnonzero(chosen & (times != NO_SPIKE))
    axes.scatter(times[index], base + index, linewidths=0, zorder=3, **style)


def _draw_inputs(axes: Any, network: Network, evaluation: Evaluation, causal: NDArray[np.bool_]) -> None:
    """Draws the input spikes over time."""
    size = 7 if network.addresses > 50 else 30
    _points(axes, evaluation.times[0], ~causal, 0, s=size, color=_OTHER)
    _points(axes, evaluation.times[0], causal, 0, s=size, color=_INPUT)
    margin = max(0.5, network.addresses / 40)
    axes.set_ylim(network.addresses - 1 + margin, -margin)  # address 0 above, as in the image
    axes.set_ylabel("input")


def _draw_hidden(axes: Any, network: Network, evaluation: Evaluation, sets: tuple[NDArray[np.bool_], ...]) -> None:
    """Draws the hidden spikes over time, the layers below each other. The last layer's weights give the marks."""
    base = 0
    for depth, layer in enumerate(network.layers[:-1]):
        times, causal = evaluation.times[depth + 1], sets[depth + 1]
        _points(axes, times, ~causal, base, s=22, color=_OTHER)
        if depth < len(network.layers) - 2:
            _points(axes, times, causal, base, s=22, color=_FOR)
        else:
            final = network.layers[-1]
            speaks_for = final.weights[: final.inputs, int(evaluation.result["class"])] >= 0
            _points(axes, times, causal & ~speaks_for, base, s=30, color=_AGAINST, marker="v")
            _points(axes, times, causal & speaks_for, base, s=30, color=_FOR, marker="^")
        base += layer.outputs
        if depth < len(network.layers) - 2:
            axes.axhline(base - 0.5, color=PALE, linewidth=0.6, linestyle=":")
    base = max(base, 1)  # a network without hidden layers
    margin = max(0.5, base / 40)
    axes.set_ylim(base - 1 + margin, -margin)
    axes.set_ylabel("hidden neuron")


def _draw_outputs(axes: Any, network: Network, evaluation: Evaluation) -> None:
    """Draws the output spikes over time, with the decision."""
    step, winner = int(evaluation.result["step"]), int(evaluation.result["class"])
    times = evaluation.times[-1]
    rivals = np.arange(network.classes) != winner
    _points(axes, times, rivals, 0, s=30, color=_OTHER)
    axes.scatter([step], [winner], s=170, marker="*", color=_MARK, zorder=4, linewidths=0)
    to_left = step > network.steps * 0.6
    axes.annotate(
        f"decision: {winner} at step {step}" + (" (silent)" if evaluation.result["silent"] else ""),
        (step, winner),
        xytext=(-11 if to_left else 11, 0),
        textcoords="offset points",
        ha="right" if to_left else "left",
        va="center",
        color=_MARK,
        fontweight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
    )
    axes.set_ylim(network.classes - 0.3, -0.7)
    axes.set_yticks(np.arange(0, network.classes, max(1, network.classes // 5)))
    axes.set_ylabel("output")
    axes.set_xticks(np.arange(0, network.steps, max(1, network.steps // 16)))
    axes.set_xlabel("time step")


def _draw_image(axes: Any, evaluation: Evaluation, causal: NDArray[np.bool_], side: int) -> None:
    """Draws the input spikes at the places of their pixels. The colour is the time step; grey has no say."""
    from matplotlib.colors import LinearSegmentedColormap

    step = max(1, int(evaluation.result["step"]))
    times = evaluation.times[0].reshape(side, side)
    members = causal.reshape(side, side)
    for colour, chosen in ((_OTHER, ~members), (_INPUT, members)):
        shown = np.ma.masked_where((times == NO_SPIKE) | ~chosen, times)
        shades = LinearSegmentedColormap.from_list("later is paler", [colour, _paler(colour)])
        image = axes.imshow(shown, cmap=shades, vmin=0, vmax=step, interpolation="nearest")
    bar = colour_bar(image, axes, "time step of the input spike", below=True)
    bar.ax.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
    axes.set_title("input spikes as an image")
    axes.set_anchor("N")


def _paler(colour: str, share: float = 0.6) -> str:
    """Returns a colour, ``#rrggbb``, mixed with a share of white."""
    parts = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return "#" + "".join(f"{round(part + share * (255 - part)):02x}" for part in parts)


def _draw_key(axes: Any, evaluation: Evaluation) -> None:
    """Writes what the marks mean, and the counts of this image."""
    axes.axis("off")
    result = evaluation.result
    entries = [
        ("^", _FOR, "in the causal set, for the answer"),
        ("v", _AGAINST, "in the causal set, against it"),
        ("o", _INPUT, "in the causal set, further back"),
        ("o", _OTHER, "not in it: without influence"),
        ("*", _MARK, "the decision"),
    ]
    for n, (marker, colour, text) in enumerate(entries):
        axes.plot([0.02], [1 - 0.15 * n], marker, color=colour, markersize=6, markeredgewidth=0, clip_on=False)
        axes.text(0.09, 1 - 0.15 * n, text, va="center", fontsize=8.5)
    counts = f"{result['spikes_input']} input + {result['spikes_hidden']} hidden spikes"
    axes.text(0.0, 1 - 0.15 * len(entries) - 0.06, counts, va="center", fontsize=8.5)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)


def _draw_histogram(axes: Any, values: NDArray[np.integer], title: str, unit: str) -> None:
    """Draws the share of the images over a whole-numbered value, and marks the mean. values: ``[N]``."""
    low, high = int(values.min()), int(values.max())
    width = max(1, -(-(high - low + 1) // 60))  # whole numbers per bar
    edges = np.arange(low, high + width + 1, width) - 0.5
    counts, _ = np.histogram(values, edges)
    axes.bar(edges[:-1] + width / 2, counts / len(values), width=width * 0.9, color=_FOR, alpha=0.75, linewidth=0)
    axes.set_ylim(0, 1.2 * counts.max() / len(values))  # room for the mean
    mean = float(values.mean(dtype=np.float64))
    axes.axvline(mean, color=INK, linewidth=1, linestyle="--")
    axes.annotate(
        f"mean {mean:.2f}",
        (mean, 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -2),
        textcoords="offset points",
        va="top",
    )
    axes.set_title(f"{title}, {len(values):,} images")
    axes.set_xlabel(unit)
    axes.set_ylabel("share of images")
    axes.set_xlim(min(edges[0], mean) - 0.5 * width, edges[-1] + 0.5 * width)
    axes.xaxis.get_major_locator().set_params(integer=True)
    percent_axis(axes.yaxis)
