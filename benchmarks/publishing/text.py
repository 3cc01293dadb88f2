"""Figures as text, and tables in Markdown."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from records import Record

__all__ = ["Columns", "captioned", "markdown", "network", "number", "percent", "signed_percent", "table"]

# Columns of a table of records: the title of each, and the text of its cell.
Columns = Sequence[tuple[str, Callable[[Record], str]]]


def percent(value: Any) -> str:
    """Returns a fraction in per cent, empty for None."""
    return "" if value is None else f"{100 * value:.2f} %"


def signed_percent(value: float) -> str:
    """Returns a difference, a fraction, in per cent with its sign."""
    return f"{value:+.1%}"


def number(value: Any) -> str:
    """Returns a figure with thousands separators and about four digits; other values as they are, empty for None."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def network(record: Record) -> str:
    """Returns the name of a record's network, without the suffix of its file."""
    return f"`{Path(record['network']).stem}`" if record["network"] else ""


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table in Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def table(columns: Columns, records: Sequence[Record]) -> str:
    """Returns a table in Markdown with one row for each record."""
    return markdown([title for title, _ in columns], [[cell(record) for _, cell in columns] for record in records])


def captioned(columns: Columns, records: Sequence[Record], caption: str) -> str | None:
    """Returns the table of the records with its caption below; None without records."""
    return f"{table(columns, records)}\n\n{caption}" if records else None
