"""The result of a command: one set of facts, once as text and once as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Answer", "facts", "to_json"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Result of a command.

    text:    text that is printed on stdout without `--json`.
    data:    object that is printed on stdout with `--json`; it may contain numpy scalars and arrays.
    code:    exit status: 0, or 1 if a rule is violated or a comparison failed.
    printed: whether the command has already printed everything, so that neither is printed.
    """

    text: str
    data: dict[str, Any]
    code: int = 0
    printed: bool = False


def facts(data: Mapping[str, Any]) -> str:
    """Returns one line for each name and value.

    Numbers have four digits, lists have slashes between their items, None is a dash, and a mapping stays on one line.
    """
    width = max(map(len, data))
    return "\n".join(f"{name:<{width}}  {_shown(value)}" for name, value in data.items())


def to_json(data: Mapping[str, Any]) -> str:
    """Returns the object as JSON on one line. Raises ValueError for NaN, which JSON does not have."""
    return json.dumps(data, default=_plain, allow_nan=False)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return " / ".join(_shown(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # a numpy value; numpy is not imported here
        return value.tolist()
    return str(value)  # a path
