"""The picture of a decision: which spikes of one image brought it about, and how soon a whole set decides.

Needs matplotlib, which is imported when a picture is drawn (figure.py).
"""

from math import isqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import NO_SPIKE, Batch, Evaluation, FirstspikeError, Network

from .causal import causal_sets
from .figure import BLUE, GREY, INK, ORANGE, RED, SUFFIXES, figure_file

__all__ = ["SUFFIXES", "decision_picture"]

_FOR, _AGAINST, _OTHER, _INPUT, _MARK = BLUE, ORANGE, GREY, BLUE, RED
_SHADE, _INK = "#f1f1ee", INK
_ASIDE: Final[dict[str, Any]] = {"ha": "center", "va": "center", "color": "#888888", "fontsize": 9}


def decision_picture(
    network: Network,
    evaluation: Evaluation,
    batch: Batch,
    path: Path | str,
    *,
    label: int | None = None,
    title: str | None = None,
) -> None:
    """Draw one image's spikes up to its decision, with their causal sets, above the histograms of a whole set.

    evaluation: the image to show, from `firstspike_contract.arithmetic.evaluate`.
    batch:      the set for the histograms: hidden spikes up to the decision, and decision steps.
    path:       where to, ``.png`` (without a suffix, too) or ``.svg``; an existing file is replaced.
    label:      the right answer, for the title.
    title:      first words of the title; by default the network's sizes, kernel and T.

    The same arguments and the same matplotlib give the same bytes. Raises UsageError for another suffix or without
    matplotlib, FirstspikeError for an empty batch or a file that cannot be written.
    """
    if len(batch) == 0:
        raise FirstspikeError("a picture of decisions needs at least one image: the batch has 0; for example 10000")
    with figure_file(path, size=(10, 8)) as figure:
        _draw(figure, network, evaluation, batch, label, title)


def _draw(
    figure: Any, network: Network, evaluation: Evaluation, batch: Batch, label: int | None, title: str | None
) -> None:
    sets = causal_sets(network, evaluation)
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
    first = title or f"{'-'.join(map(str, network.sizes))}, {network.kernel}, T = {network.steps}"
    manner = " (silent: no output fired)" if evaluation.result["silent"] else ""
    right = "" if label is None else f", label {label}"
    return f"{first}: answer {evaluation.result['class']} at step {evaluation.result['step']}{manner}{right}"


def _points(axes: Any, times: NDArray[np.int16], chosen: NDArray[np.bool_], base: int, **style: Any) -> None:
    index = np.flatnonzero(chosen & (times != NO_SPIKE))
    axes.scatter(times[index], base + index, linewidths=0, zorder=3, **style)


def _draw_inputs(axes: Any, network: Network, evaluation: Evaluation, causal: NDArray[np.bool_]) -> None:
    size = 7 if network.addresses > 50 else 30
    _points(axes, evaluation.times[0], ~causal, 0, s=size, color=_OTHER)
    _points(axes, evaluation.times[0], causal, 0, s=size, color=_INPUT)
    margin = max(0.5, network.addresses / 40)
    axes.set_ylim(network.addresses - 1 + margin, -margin)  # address 0 above, as in the image
    axes.set_ylabel("input")


def _draw_hidden(axes: Any, network: Network, evaluation: Evaluation, sets: tuple[NDArray[np.bool_], ...]) -> None:
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
            axes.axhline(base - 0.5, color="#888888", linewidth=0.6, linestyle=":")
    base = max(base, 1)  # a network without hidden layers
    margin = max(0.5, base / 40)
    axes.set_ylim(base - 1 + margin, -margin)
    axes.set_ylabel("hidden neuron")


def _draw_outputs(axes: Any, network: Network, evaluation: Evaluation) -> None:
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
    """The spikes of the inputs where the pixels stand."""
    step = int(evaluation.result["step"])
    times = evaluation.times[0].astype(np.float64).reshape(side, side)
    shade = np.where(times == NO_SPIKE, 0.0, 1.0 - 0.6 * times / max(1, step))[..., None]  # later is paler
    colour = np.where(causal.reshape(side, side, 1), _rgb(_INPUT), _rgb(_OTHER))
    axes.imshow(1 - shade * (1 - colour), interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
    axes.set_title("input spikes as an image")
    axes.set_anchor("N")


def _rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) / 255


def _draw_key(axes: Any, evaluation: Evaluation) -> None:
    """What the marks mean, and the counts of this image."""
    axes.axis("off")
    result = evaluation.result
    entries = [
        ("^", _FOR, "in the causal set, for the answer"),
        ("v", _AGAINST, "in the causal set, against it"),
        ("o", _INPUT, "in the causal set, further back"),
        ("o", _OTHER, "not in it: no say in the answer"),
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
    """Share of the images by a whole-numbered value, its mean marked."""
    low, high = int(values.min()), int(values.max())
    width = max(1, -(-(high - low + 1) // 60))  # whole numbers per bar
    edges = np.arange(low, high + width + 1, width) - 0.5
    counts, _ = np.histogram(values, edges)
    axes.bar(edges[:-1] + width / 2, counts / len(values), width=width * 0.9, color=_FOR, alpha=0.75, linewidth=0)
    axes.set_ylim(0, 1.2 * counts.max() / len(values))  # room for the mean
    mean = float(values.mean(dtype=np.float64))
    axes.axvline(mean, color=_INK, linewidth=1, linestyle="--")
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
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g} %")
