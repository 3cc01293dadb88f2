"""The table of docs/results.md and docs/learning.md on learning: one row a start, over its seeds."""

from collections.abc import Callable
from typing import Any

__all__ = ["COSTS", "COURSES", "costs", "courses"]

Record = dict[str, Any]


def spread(records: list[Record], name: str) -> str:
    """Mean, and the range if there are several; a fraction as per cent."""
    values = [100 * record[name] for record in records if record.get(name) is not None]
    if not values:
        return ""
    mean = f"{sum(values) / len(values):.2f} %"
    return mean if len(values) == 1 else f"{mean} ({min(values):.2f} .. {max(values):.2f})"


def learnt(records: list[Record]) -> str:
    """Images of a course, and how often each."""
    images, epochs = records[0]["images"], records[0]["epochs"]
    return f"{images:,}" if epochs == 1 else f"{images:,} x {epochs}"


# Columns of the courses on the test split.
COURSES: tuple[tuple[str, Callable[[list[Record]], str]], ...] = (
    ("start", lambda rs: f"`{rs[0]['start']}`"),
    ("seeds", lambda rs: str(len(rs))),
    ("images learnt", learnt),
    ("accuracy before", lambda rs: spread(rs, "accuracy_before")),
    ("accuracy", lambda rs: spread(rs, "accuracy")),
    ("triggered", lambda rs: spread(rs, "trigger_rate")),
    ("new class", lambda rs: spread(rs, "accuracy_new_class")),
    ("lost on the old ones", lambda rs: spread(rs, "accuracy_old_lost")),
)

# Columns of the courses through the gateware.
COSTS: tuple[tuple[str, Callable[[Record], str]], ...] = (
    ("core", lambda r: r["core"]),
    ("T", lambda r: str(r["steps_grid"])),
    ("images that learn, and that do not", lambda r: f"{r['images']:,}, {r['images_between']:,}"),
    ("weights, answers that differ", lambda r: str(r["mismatches"])),
    ("triggered", lambda r: f"{100 * r['trigger_rate']:.1f} %"),
    ("cycles, inference", lambda r: f"{r['cycles_inference_mean']:.0f}"),
    ("learning, not triggered", lambda r: f"{r['cycles_not_triggered_mean'] or 0:.0f}"),
    ("triggered, in all", lambda r: f"{r['cycles_triggered_mean']:.0f}"),
    ("of these the changes", lambda r: f"{r['cycles_changing_mean']:.0f}"),
)


def courses(records: list[Record]) -> tuple[list[str], list[list[str]]] | None:
    """Header and rows of what was judged on the test split; None without any."""
    starts: dict[str, list[Record]] = {}
    for record in records:
        if record["split"] == "test":
            starts.setdefault(record["start"], []).append(record)
    if not starts:
        return None
    return [title for title, _ in COURSES], [[cell(each) for _, cell in COURSES] for each in starts.values()]


def costs(records: list[Record]) -> tuple[list[str], list[list[str]]] | None:
    """Header and rows of what went through the gateware; None without any."""
    shown = [record for record in records if record.get("start") == "rtl"]
    if not shown:
        return None
    return [title for title, _ in COSTS], [[cell(record) for _, cell in COSTS] for record in shown]
