"""The style of all pictures, and how a picture becomes a file: whole or not at all, and with the same bytes each time.

Needs matplotlib, which is imported only when a picture is drawn.

Tested by tests/host/report/test_pictures.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from firstspike_contract import FirstspikeError, UsageError

__all__ = [
    "BLUE",
    "COLOURS",
    "GREY",
    "INK",
    "ORANGE",
    "PALE",
    "RED",
    "SHADES",
    "SUFFIXES",
    "colour_bar",
    "figure_file",
    "percent_axis",
]

SUFFIXES: Final = (".png", ".svg")

# A palette that colour blindness and grey printing leave distinct (after Okabe and Ito).
BLUE, ORANGE, GREY, RED, INK = "#0072b2", "#e69f00", "#b8b8b8", "#c2410c", "#333333"
PALE: Final = "#888888"  # edges of axes and remarks
COLOURS: Final = (BLUE, ORANGE, RED)  # of curves that share axes, in this order
SHADES: Final = "cividis"  # colour map of heat maps
_STYLE: Final = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",  # text stays text, which a reader can search and a test can read
    "svg.hashsalt": "firstspike",  # the same picture gives the same bytes
}


@contextmanager
def figure_file(path: Path | str, *, size: tuple[float, float], description: str | None = None) -> Iterator[Any]:
    """Yields a matplotlib figure to draw on, and writes it to a file at the end of the block.

    path:        ``.png`` (also without a suffix) or ``.svg``; an existing file is replaced.
    size:        width and height, inches.
    description: text that the file carries invisibly, for example the data that it shows.

    Raises UsageError for another suffix or without matplotlib, FirstspikeError for a file that cannot be written.
    """
    target = _target(Path(path))
    with _matplotlib():
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        yield figure
        unsaid = ("Software",) if target.suffix == ".png" else ("Date", "Creator")  # they would change the bytes
        metadata: dict[str, str | None] = dict.fromkeys(unsaid)
        if description is not None:
            metadata["Description"] = description
        drawn = BytesIO()
        figure.savefig(drawn, format=target.suffix[1:], metadata=metadata, facecolor="white")
    try:
        target.write_bytes(drawn.getvalue())
    except OSError as error:
        raise FirstspikeError(f"cannot write {target}: {error.strerror or error}") from None


def percent_axis(axis: Any) -> None:
    """Labels an axis of fractions in per cent: 0.985 becomes ``98.5 %``. axis: `axes.xaxis` or `axes.yaxis`."""
    axis.set_major_formatter(lambda fraction, _: f"{round(100 * fraction, 6):g} %")


def colour_bar(shown: Any, axes: Any, label: str, *, below: bool = False) -> Any:
    """Draws the colour bar of an image to the right of its axes, or below them; returns the colour bar.

    shown: what `axes.imshow` returned. label: the quantity and its unit.
    """
    place = axes.inset_axes((0, -0.1, 1, 0.045) if below else (1.03, 0, 0.05, 1))
    bar = axes.figure.colorbar(shown, cax=place, orientation="horizontal" if below else "vertical", label=label)
    bar.outline.set_visible(False)
    return bar


def _target(path: Path) -> Path:
    """Returns the path with its suffix; raises UsageError for a suffix that no picture has."""
    if not path.suffix:
        path = path.with_suffix(".png")
    if path.suffix not in SUFFIXES:
        raise UsageError(f"a picture is a {' or '.join(SUFFIXES)} file: have {path}; for example {path.stem}.png")
    return path


@contextmanager
def _matplotlib() -> Iterator[None]:
    """Gives matplotlib the style above for the time of the block, whatever the user's own configuration says."""
    try:
        from matplotlib import style
    except ImportError:
        raise UsageError(
            "a picture needs matplotlib, which is not installed; install it with: pip install 'firstspike[report]'"
        ) from None
    with style.context(["default", _STYLE]):
        yield
