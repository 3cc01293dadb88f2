"""What a command hands back: one set of facts, said once as text and once as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Answer", "facts", "to_json"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Result of a command.

    text: what is printed on stdout without `--json`.
    data: the one object that is printed with it; numpy scalars and arrays are welcome.
    code: exit status: 0, or 1 when a rule is violated or a comparison failed.
    printed: the command has said it all as it went.
    """

    text: str
    data: dict[str, Any]
    code: int = 0
    printed: bool = False


def facts(data: Mapping[str, Any]) -> str:
    """One name and value a line, numbers to four digits, lists with slashes, None as a dash, what nests on its line."""
    width = max(map(len, data))
    return "\n".join(f"{name:<{width}}  {_shown(value)}" for name, value in data.items())


def to_json(data: Mapping[str, Any]) -> str:
    """The object on one line, with plain numbers and lists. Raises ValueError for NaN, which JSON does not have."""
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
    if hasattr(value, "tolist"):  # numpy, without importing it here
        return value.tolist()
    return str(value)  # paths
