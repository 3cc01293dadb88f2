"""The tables of learning: courses by start, what an image costs in the gateware, and what the learning unit takes."""

from collections.abc import Callable, Sequence
from typing import Final

from records import Record

from .text import Columns, markdown, number, signed_percent, table

__all__ = ["by_start", "learning", "logic_records", "through_gateware"]


def spread(records: Sequence[Record], name: str) -> str:
    """Returns the mean of a fraction in per cent, and its range if there are several."""
    values = [100 * record[name] for record in records if record.get(name) is not None]
    if not values:
        return ""
    mean = f"{sum(values) / len(values):.2f} %"
    return mean if len(values) == 1 else f"{mean} ({min(values):.2f} .. {max(values):.2f})"


def images(records: Sequence[Record]) -> str:
    """Returns the number of learning images of a course, and how often the course repeats them."""
    count, epochs = records[0]["images"], records[0]["epochs"]
    return f"{count:,}" if epochs == 1 else f"{count:,} x {epochs}"


# Each cell is made from the records of one start, one for each seed.
COURSES: Final[Sequence[tuple[str, Callable[[Sequence[Record]], str]]]] = (
    ("start", lambda rs: f"`{rs[0]['start']}`"),
    ("seeds", lambda rs: str(len(rs))),
    ("images learnt", images),
    ("accuracy before", lambda rs: spread(rs, "accuracy_before")),
    ("accuracy", lambda rs: spread(rs, "accuracy")),
    ("triggered", lambda rs: spread(rs, "trigger_rate")),
    ("new class", lambda rs: spread(rs, "accuracy_new_class")),
    ("lost on the old ones", lambda rs: spread(rs, "accuracy_old_lost")),
)
COSTS: Final[Columns] = (
    ("course", lambda r: f"`{r['network'].removesuffix('-start')}`"),
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


def by_start(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Returns the records of courses that were judged on the test split, by start."""
    starts: dict[str, list[Record]] = {}
    for record in records:
        if record["split"] == "test":
            starts.setdefault(record["start"], []).append(record)
    return starts


def through_gateware(records: Sequence[Record]) -> list[Record]:
    """Returns the records of courses through the simulated gateware."""
    return [record for record in records if record.get("start") == "rtl"]


def logic_records(records: Sequence[Record]) -> list[Record]:
    """Returns the records that compare a core with and without the learning unit."""
    return [record for record in records if record.get("start") == "logic"]


def learning(records: Sequence[Record]) -> str | None:
    """Returns the tables of learning, each with its caption."""
    parts = []
    if starts := by_start(records):
        parts += [
            markdown([title for title, _ in COURSES], [[cell(rs) for _, cell in COURSES] for rs in starts.values()]),
            "MNIST, 784-600-10, int8; the rule uses popcounts and signs alone. A network learns from training images. "
            "Its settings were chosen on held-out training images. It is judged once, on the test split, whose images "
            "are changed in the way of those that it learnt. Mean over the seeds, and the range in brackets. "
            "[Learning on chip](learning.md) describes the starts.",
        ]
    if shown := through_gateware(records):
        parts += [
            table(COSTS, shown),
            "Courses through the simulated gateware. Every weight and every answer is compared with the model's. "
            "Cycles are clock cycles of one image.",
        ]
    for record in logic_records(records):
        parts += [
            logic(record),
            f"One core with and without the learning unit, after place and route ({record['target']}). Its first stage "
            f"has {number(record['lanes'])} lanes and {number(record['rows'])} rows of neurons.",
        ]
    return "\n\n".join(parts) if parts else None


def logic(record: Record) -> str:
    """Returns the table of what a core takes with and without the learning unit."""
    rows = []
    for title, figure in (("LUT", "lut"), ("FF", "ff"), ("block RAM", "bram"), ("reached, MHz", "fmax_mhz")):
        without, with_unit = record[f"{figure}_without"], record[figure]
        rows.append([title, number(without), number(with_unit), signed_percent(with_unit / without - 1)])
    return markdown(["", "without", "with", "more"], rows)
