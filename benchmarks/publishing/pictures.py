"""Pictures of the records. Each file carries the data that it shows, as the JSON text of its description."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from records import Record

from firstspike.cli.published import MOSTAFA_2017
from firstspike.report.figure import BLUE, COLOURS, figure_file, percent_axis

from .networks import on_mnist

__all__ = ["COURSES_SHOWN", "accuracy_picture", "accuracy_points", "course_curves", "courses_picture"]

COURSES_SHOWN: Final = ("scratch", "permuted", "shuffled20", "rotated15", "new-class")
LEAST: Final = 0.88  # accuracy at which the axes of the courses begin

Curves = dict[str, list[list[Any]]]


def accuracy_points(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Returns the points of the picture of accuracy over spikes; the published one is the last."""
    points = [
        {"label": _label(r), "spikes": round(r["spikes_total"], 4), "accuracy": r["accuracy"]}
        for r in on_mnist(records)
    ]
    name, spikes, accuracy = (MOSTAFA_2017[field] for field in ("name", "spikes_total", "accuracy"))
    return [*points, {"label": f"{name} (published)", "spikes": spikes, "accuracy": accuracy}] if points else []


def _label(record: Record) -> str:
    """Returns the name of a record's network, and which inputs it sees if it does not see all."""
    seen = (
        "" if record["inputs_seen"] == record["inputs"] else f", {record['inputs_seen']} of {record['inputs']} inputs"
    )
    return f"{Path(record['network']).stem}{seen}"


def accuracy_picture(points: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draws accuracy over the spikes until the decision. A published point is hollow."""
    with figure_file(path, size=(7, 4.2), description=json.dumps(points)) as figure:
        axes = figure.subplots()
        middle = max(point["spikes"] for point in points) / 2
        for point in points:
            x, y = point["spikes"], point["accuracy"]
            axes.plot([x], [y], "o", color=BLUE, markerfacecolor="white" if "published" in point["label"] else BLUE)
            side = -1 if x > middle else 1
            axes.annotate(
                point["label"],
                (x, y),
                xytext=(8 * side, 5),
                textcoords="offset points",
                ha="right" if side < 0 else "left",
            )
        axes.set_xlim(left=0)
        axes.margins(x=0.08, y=0.12)
        axes.grid(True)
        axes.set_xlabel("spikes until the decision, mean of an image")
        axes.set_ylabel("accuracy on the MNIST test digits")
        percent_axis(axes.yaxis)


def course_curves(histories: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Curves]:
    """Returns the curves of the courses that are shown: by start and by seed, points of images and accuracy.

    histories: by the label of the course's record, for example scratch-1.
    """
    curves: dict[str, Curves] = {}
    for start in COURSES_SHOWN:
        for seed in ("1", "2", "3"):
            if f"{start}-{seed}" in histories:
                points = [[point["images"], point["accuracy"]] for point in histories[f"{start}-{seed}"]]
                curves.setdefault(start, {})[seed] = points
    return curves


def courses_picture(curves: Mapping[str, Curves], path: Path) -> None:
    """Draws accuracy on held-out images over learning images, one panel for each start and one curve for each seed."""
    with figure_file(path, size=(12, 2.9), description=json.dumps(curves)) as figure:
        panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
        for axes, (start, seeds) in zip(panels, curves.items(), strict=True):
            for colour, (seed, points) in zip(COLOURS, seeds.items(), strict=False):
                images, accuracy = zip(*points, strict=True)
                axes.plot(images, accuracy, color=colour, linewidth=1.2, label=f"seed {seed}")
            axes.set_title(start)
            axes.set_xlabel("learning images")
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.locator_params(axis="x", nbins=4)
            axes.grid(True)
            axes.set_ylim(LEAST, 0.99)
            percent_axis(axes.yaxis)
        panels[0].set_ylabel("accuracy on held-out images")
        panels[0].legend(loc="lower right")
