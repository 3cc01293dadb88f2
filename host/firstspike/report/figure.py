"""What all pictures share: one style, files whole or not at all, the same bytes for the same picture.

Needs matplotlib, which is imported when a picture is drawn.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from firstspike_contract import FirstspikeError, UsageError

__all__ = ["BLUE", "GREY", "INK", "ORANGE", "RED", "SUFFIXES", "figure_file"]

SUFFIXES: Final = (".png", ".svg")

# A palette that survives colour blindness and grey printing (after Okabe and Ito).
BLUE, ORANGE, GREY, RED, INK = "#0072b2", "#e69f00", "#b8b8b8", "#c2410c", "#333333"
_STYLE: Final = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.hashsalt": "firstspike",  # the same picture gives the same bytes
}


@contextmanager
def figure_file(path: Path | str, *, size: tuple[float, float]) -> Iterator[Any]:
    """A matplotlib figure to draw on; it becomes the file at the end of the block.

    path: ``.png`` (without a suffix, too) or ``.svg``; an existing file is replaced. size: inches.
    Raises UsageError for another suffix or without matplotlib, FirstspikeError for a file that cannot be written.
    """
    target = _target(Path(path))
    with _matplotlib():
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, dpi=150)
        yield figure
        metadata = {"Software": None} if target.suffix == ".png" else {"Date": None, "Creator": None}
        drawn = BytesIO()
        figure.savefig(drawn, format=target.suffix[1:], metadata=metadata, facecolor="white")
    try:
        target.write_bytes(drawn.getvalue())
    except OSError as error:
        raise FirstspikeError(f"cannot write {target}: {error.strerror or error}") from None


def _target(path: Path) -> Path:
    if not path.suffix:
        path = path.with_suffix(".png")
    if path.suffix not in SUFFIXES:
        raise UsageError(f"a picture is a {' or '.join(SUFFIXES)} file: have {path}; for example {path.stem}.png")
    return path


@contextmanager
def _matplotlib() -> Iterator[None]:
    """matplotlib with our style, whatever the user's own configuration says."""
    try:
        from matplotlib import style
    except ImportError:
        raise UsageError(
            "a picture needs matplotlib, which is not installed; install it with: pip install 'firstspike[report]'"
        ) from None
    with style.context(["default", _STYLE]):
        yield
