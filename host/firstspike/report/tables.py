"""Tables in plain text, for a terminal or a log file."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["table"]


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Returns rows under a header. Columns are two spaces apart, numbers stand to the right and text to the left.

    rows:    one mapping for each line, from column name to cell; a missing cell or None becomes ``-``.
    columns: names of the columns to show, in order; by default all, in order of first appearance.

    Whole numbers get thousands separators and other numbers four digits. A cell of text stays as it is.

    >>> big, tiny = {"network": "784-600-10", "images": 10000, "accuracy": 0.98871}, {"network": "tiny", "images": 5}
    >>> print(table([big, tiny]))
    network     images  accuracy
    ----------  ------  --------
    784-600-10  10,000    0.9887
    tiny             5         -
    """
    names = list(columns) if columns is not None else list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_text(row.get(name)) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[n]) for line in cells), 0) for n, name in enumerate(names)]
    right = [any(_is_number(row.get(name)) for row in rows) for name in names]
    lines = [names, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _is_number(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool) or not _is_number(value):
        return str(value)
    if hasattr(value, "__index__"):
        return f"{int(value):,}"
    return f"{float(value):.4g}"
