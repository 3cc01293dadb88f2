"""Pictures of learning have axes in per cent and colour bars, and their files hold a description."""

import re
from pathlib import Path

import numpy as np

from firstspike.learning.difference import LayerDifference
from firstspike.report import difference_picture, learning_picture
from firstspike.report.figure import figure_file, percent_axis


def texts(path: Path) -> list[str]:
    """Returns the texts of an SVG picture."""
    return re.findall(r"<text[^>]*>([^<]+)</text>", path.read_text())


def test_accuracy_over_images_has_axes_in_per_cent(tmp_path: Path) -> None:
    entries = [
        {"images": 1000 * k, "accuracy_live": 0.9, "accuracy": 0.95 + 0.01 * k, "trigger_rate": 0.2} for k in (1, 2)
    ]
    learning_picture(entries, tmp_path / "a.svg", before=0.93)
    found = texts(tmp_path / "a.svg")
    assert {"accuracy", "images that trigger", "learning images", "97.00 %", "96 %", "20 %", "2,000"} <= set(found)


def test_moves_of_a_square_of_inputs_have_a_colour_bar(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    before = rng.integers(-100, 100, (16, 4))
    after = before + rng.integers(-3, 4, before.shape)
    square = LayerDifference(before=before, after=after)
    line = LayerDifference(before=before[:15], after=after[:15])
    difference_picture([square, line], tmp_path / "a.svg")
    found = texts(tmp_path / "a.svg")
    assert found.count("mean |move|, LSB") == 2  # one on the colour bar, one on the bars of the other layer
    assert {"layer 0: moves by input", "layer 1: moves by input", "weight, int8", "before", "after"} <= set(found)


def test_a_picture_carries_its_description(tmp_path: Path) -> None:
    for suffix in (".svg", ".png"):
        with figure_file(tmp_path / f"a{suffix}", size=(2, 2), description="[1, 2]") as figure:
            axes = figure.subplots()
            axes.plot([0, 1], [0.0, 0.005])
            percent_axis(axes.yaxis)
        assert b"[1, 2]" in (tmp_path / f"a{suffix}").read_bytes()
    assert {"0 %", "0.1 %", "0.5 %"} <= set(texts(tmp_path / "a.svg"))
