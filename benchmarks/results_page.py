#!/usr/bin/env python3
"""Write docs/results.md with its plots, and the figures of README.md, from benchmarks/results (`make results-page`).

`pages()` is pure: the same records give the same bytes, which is how a test knows that nobody wrote a figure by hand.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from learning_table import costs, courses
from plots import Point, scatter
from records import TOPICS, load

from firstspike.cli.published import MOSTAFA_2017

__all__ = ["main", "pages"]

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- figures: begin (make results-page) -->", "<!-- figures: end -->"
NONE_YET = "No figures have been recorded yet."

Record = dict[str, Any]

TITLES = {
    "mnist": "MNIST, integer model",
    "silicon": "Place and route",
    "learning": "On-chip learning",
    "link": "Links to boards",
    "accuracy": "Accuracy records",
    "substrates": "Neuromorphic substrates",
    "software": "Speed of the software",
}
# Said in the columns of their own, or the same in every row.
QUIET = {"command", "commit", "date", "seed", "network", "target", "dataset", "split"}


def percent(value: Any) -> str:
    return "" if value is None else f"{100 * value:.2f} %"


def number(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def lookups(record: Record) -> str:
    return " / ".join(percent(value) for name, value in sorted(record.items()) if name.startswith("lookups_"))


# Columns of the table in README.md and on top of the page.
COLUMNS: tuple[tuple[str, Callable[[Record], str]], ...] = (
    ("network", lambda r: f"`{Path(r['network']).stem}`" if r["network"] else ""),
    ("kernel", lambda r: r["kernel"] or ""),
    ("sees", lambda r: f"{r['inputs_seen']} of {r['inputs']} inputs" if "inputs_seen" in r else ""),
    ("accuracy", lambda r: percent(r.get("accuracy"))),
    ("spikes", lambda r: number(round(r["spikes_total"], 1)) if "spikes_total" in r else ""),
    ("look-ups", lookups),
    ("time steps", lambda r: number(round(r["steps"], 1)) if r["steps"] is not None else ""),
)


def markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def columns_of(columns: tuple[tuple[str, Callable[[Record], str]], ...], records: list[Record]) -> str:
    """A table with these columns, one row a record."""
    return markdown([title for title, _ in columns], [[cell(record) for _, cell in columns] for record in records])


# Columns of the gateware's table.
GATEWARE: tuple[tuple[str, Callable[[Record], str]], ...] = (
    ("network", lambda r: f"`{Path(r['network']).stem}`"),
    ("core", lambda r: r["core"]),
    ("T", lambda r: number(r["steps_grid"])),
    ("images", lambda r: number(r["images"])),
    ("images that differ", lambda r: number(r["mismatches"])),
    ("cycles an image", lambda r: number(r["cycles_mean"])),
    ("p99", lambda r: number(r["cycles_p99"])),
    ("TLAST to result, p99", lambda r: number(r["latency_alone_p99"])),
)


def on_mnist(records: list[Record]) -> list[Record]:
    """What the integer model was measured at on all MNIST test digits."""
    wanted = {"dataset": "mnist", "split": "test", "level": "model"}
    return [r for r in records if "accuracy" in r and all(r.get(name) == value for name, value in wanted.items())]


def gateware(records: list[Record]) -> str | None:
    """The same networks through the simulated gateware, in clock cycles."""
    shown = [r for r in records if r.get("level") == "rtl"]
    if not shown:
        return None
    table = columns_of(GATEWARE, shown)
    note = (
        "The gateware, simulated as RTL and compared with the integer model in every spike time up to the decision and "
        "in every field of the result. TLAST to result: of images sent one at a time."
    )
    return f"{table}\n\n{note}"


# Records of lines that carry no more than a real one.
PACED = ("12-mbaud", "rtl-upload")

# Columns of the table of routed cores.
ROUTED: tuple[tuple[str, Callable[[Record], str]], ...] = (
    ("core, target", lambda r: f"{r['core']}, {r['target']}"),
    ("kernel", lambda r: r["kernel"]),
    ("reached, MHz", lambda r: number(r["fmax_mhz"])),
    ("LUT", lambda r: number(r["lut"])),
    ("FF", lambda r: number(r["ff"])),
    ("block RAM", lambda r: number(r["bram"])),
    ("multipliers", lambda r: number(r["dsp"])),
    ("estimate of LUT, FF", lambda r: f"{r['estimate_error_lut']:+.1%}, {r['estimate_error_ff']:+.1%}"),
)

# Of those that a data set was run through.
IN_SILICON: tuple[tuple[str, Callable[[Record], str]], ...] = (
    ("network", lambda r: f"`{Path(r['network']).stem}`"),
    ("core, target", lambda r: f"{r['core']}, {r['target']}"),
    ("clock, MHz", lambda r: number(r["clock_mhz"])),
    ("cycles an image", lambda r: number(r["cycles_back_to_back"])),
    ("latency, us", lambda r: number(r["latency_us"])),
    ("images/s", lambda r: number(r["images_per_second"])),
    ("weight bits read an image", lambda r: number(round(r["weight_bits_read"]))),
    ("images that differ", lambda r: f"{number(r['mismatches'])} of {number(r['images'])}"),
)


def in_silicon(records: list[Record]) -> str | None:
    """Networks on routed cores."""
    run = [r for r in records if "fmax_mhz" in r and "images_per_second" in r]
    if not run:
        return None
    note = (
        "After place and route, worst case of the speed grade; no board was at hand. Cycles and answers are of the RTL "
        "that was routed, simulated: images back to back through the stream, loading included. "
        "Latency: TLAST to result, of images sent one at a time."
    )
    return f"{columns_of(IN_SILICON, run)}\n\n{note}"


def cores(records: list[Record]) -> str | None:
    """Routed cores, and what else went through their gateware."""
    routed = [r for r in records if "fmax_mhz" in r]
    if not routed:
        return None
    fuzzed = [
        f"`{r['kernel']}` {number(r['networks'])} networks, {number(r['mismatches'])} mismatches"
        for r in records
        if r["label"].startswith("fuzz-")
    ]
    said = f"Random networks through the gateware, against the model: {'; '.join(fuzzed)}."
    return "\n\n".join([columns_of(ROUTED, routed), *([said] if fuzzed else [])])


# Columns of the link's table.
LINK: tuple[tuple[str, Callable[[Record], str]], ...] = (
    ("line", lambda r: r["label"].removeprefix("rtl-").removeprefix("fault-")),
    ("far end", lambda r: r.get("backend", "model")),
    ("images", lambda r: number(r["images"])),
    ("wrong, lost or doubled", lambda r: number(r.get("wrong_lost_duplicated", r.get("mismatches")))),
    ("images/s", lambda r: number(round(r["images_per_second"])) if "images_per_second" in r else ""),
    ("of what the line can carry", lambda r: percent(r["share_of_line"]) if r["label"] == "12-mbaud" else ""),
    ("upload likewise", lambda r: percent(r["upload_share_of_line"]) if r["label"] in PACED else ""),
    ("protocol, of an image's bytes", lambda r: percent(r.get("overhead_per_image"))),
    ("pause after a fault, ms: median, p99", lambda r: spread(r, "recover_ms")),
)


def spread(record: Record, name: str) -> str:
    """Median and 99th percentile; nothing where there was no fault."""
    if not record.get("faults"):
        return ""
    return f"{record[f'{name}_p50']:.0f}, {record[f'{name}_p99']:.0f}"


def link(records: list[Record]) -> str | None:
    """Images over serial lines, good and bad."""
    if not records:
        return None
    table = columns_of(LINK, records)
    note = (
        "MNIST digits, 98 bytes each, through a virtual board at a pseudo-terminal; bad lines are bad both ways, and "
        "the network is loaded over them too (`benchmarks/link_faults.py` says how bad). The gateware (rtl) is "
        "simulated with its UART at 4 clock cycles a bit; its times are those of a 48 MHz clock."
    )
    return f"{table}\n\n{note}"


def learning(records: list[Record]) -> str | None:
    """Courses of on-chip learning: what they came to, and what they cost in the gateware."""
    parts = []
    if (table := courses(records)) is not None:
        parts.append(markdown(*table))
        parts.append(
            "MNIST, 784-600-10, int8, popcounts and signs alone; learnt from training images, settings chosen on "
            "held-out ones, judged once on the test split (of the same kind as those learnt). Mean over seeds, range."
        )
    if (table := costs(records)) is not None:
        parts.append(markdown(*table))
        parts.append(
            "The same through the simulated gateware, every weight and answer compared with the model's. Cycles an "
            "image."
        )
    for record in (r for r in records if r.get("start") == "logic"):
        parts.append(markdown(*logic(record)))
        parts.append(
            f"The same core, {number(record['lanes'])} x {number(record['rows'])} lanes and rows in its first stage, "
            f"with and without the learning unit, after place and route ({record['target']})."
        )
    return "\n\n".join(parts) if parts else None


def logic(record: Record) -> tuple[list[str], list[list[str]]]:
    """What the learning unit takes."""
    rows = []
    for title, figure in (("LUT", "lut"), ("FF", "ff"), ("block RAM", "bram"), ("reached, MHz", "fmax_mhz")):
        without, with_unit = record[f"{figure}_without"], record[figure]
        rows.append([title, number(without), number(with_unit), f"{with_unit / without - 1:+.1%}"])
    return ["", "without", "with", "more"], rows


def compared(records: list[Record]) -> str:
    """The shipped and trained networks on MNIST's test split, with the published row last."""
    shown = on_mnist(records)
    if not shown:
        return NONE_YET
    published = {
        **{"network": None, "kernel": None, "steps": MOSTAFA_2017["steps"]},
        **{"accuracy": MOSTAFA_2017["accuracy"], "spikes_total": MOSTAFA_2017["spikes_total"]},
        **{f"lookups_{k}": value for k, value in enumerate(MOSTAFA_2017["lookups"])},
    }
    rows = [[cell(record) for _, cell in COLUMNS] for record in [*shown, published]]
    rows[-1][0] = f"{MOSTAFA_2017['name']} (published)"
    note = (
        "Accuracy, spikes until the decision (input and hidden), fraction of each layer's weights looked up, and time "
        f"steps until the decision: means over the 10,000 test digits, int8. Published: {MOSTAFA_2017['source']}."
    )
    return markdown([title for title, _ in COLUMNS], rows) + "\n\n" + note


def section(topic: str, records: list[Record]) -> str:
    """Every figure of a topic, one column a record, and how each was made."""
    names = list(dict.fromkeys(name for record in records for name in record if name not in QUIET))
    header = ["figure", *(f"({n})" for n in range(1, len(records) + 1))]
    rows = [[f"`{name}`", *(number(record.get(name)) for record in records)] for name in names]
    made = [f"{n}. {', '.join(_origin(record))}: `{record['command']}`" for n, record in enumerate(records, 1)]
    return "\n\n".join([f"## {TITLES[topic]}", markdown(header, rows), "\n".join(made)])


def _origin(record: Record) -> list[str]:
    """What a record was made of, when, by which commit; without what it has not."""
    on = f"on {record['dataset']}:{record['split']}" if record["dataset"] else ""
    parts = [f"{record['network'] or ''} {on}".strip(), record["date"], f"commit {record['commit']}"]
    seed = [] if record["seed"] is None else [f"seed {record['seed']}"]
    return [part for part in parts if part] + seed


def plot(records: list[Record]) -> str | None:
    shown = on_mnist(records)
    if not shown:
        return None
    points = [Point(x=r["spikes_total"], y=100 * r["accuracy"], label=Path(r["network"]).stem) for r in shown]
    published = MOSTAFA_2017["spikes_total"], 100 * MOSTAFA_2017["accuracy"]
    points.append(Point(x=published[0], y=published[1], label=MOSTAFA_2017["name"], hollow=True))
    return scatter(points, x="spikes until the decision", y="accuracy in %")


def pages(results: dict[str, list[Record]], readme: str) -> dict[str, str]:
    """Files to write, by path from the root of the repository.

    results: records by topic. readme: README.md as it is, of which the part between BEGIN and END is replaced.
    """
    mnist = results.get("mnist", [])
    table = compared(mnist)
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    built = results.get("silicon", [])
    tables = "\n\n".join(part for part in (table, gateware(mnist), in_silicon(built)) if part)
    lines = link(results.get("link", []))
    routed = cores(built)
    out = {"README.md": f"{before}{BEGIN}\n{tables}\n{END}{after}"}
    parts = ["# Results", "Written by `make results-page` from `benchmarks/results`; do not edit.", tables]
    picture = plot(mnist)
    if picture is not None:
        out["docs/results-mnist.svg"] = picture
        parts.append("![Accuracy against spikes until the decision](results-mnist.svg)")
        parts.append("The first test digit, and all in histograms, as `firstspike demo` draws them:")
        parts.append("![Spikes of one digit with their causal sets and the decision](decision.png)")
    if routed is not None:
        parts += ["## Cores, placed and routed", routed]
    if lines is not None:
        parts += ["## Boards over serial lines", lines]
    learnt = learning(results.get("learning", []))
    if learnt is not None:
        parts += ["## Learning on chip", learnt]
    parts += [section(topic, results[topic]) for topic in TOPICS if results.get(topic)]
    out["docs/results.md"] = "\n\n".join(parts) + "\n"
    return out


def main() -> int:
    readme = (ROOT / "README.md").read_text()
    for name, text in pages({topic: load(topic) for topic in TOPICS}, readme).items():
        (ROOT / name).write_text(text)
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
