"""The results page and the figures of the README, as texts: the same records give the same texts."""

from collections.abc import Mapping, Sequence
from typing import Final

from records import TOPICS, Record

from .learnt import learning
from .links import link
from .networks import compared, cores, gateware, in_silicon
from .summary import summary
from .text import markdown, number

__all__ = ["BEGIN", "END", "NONE_YET", "pages"]

BEGIN, END = "<!-- figures: begin (make results-page) -->", "<!-- figures: end -->"
NONE_YET: Final = "No figures have been recorded yet."
TITLES: Final = {
    "mnist": "MNIST",
    "silicon": "place and route",
    "learning": "learning on chip",
    "link": "links to boards",
    "accuracy": "accuracy",
    "substrates": "neuromorphic substrates",
    "software": "speed of the software",
}
# Fields that the list below the table of all figures says, or that are equal in all records.
QUIET: Final = {"command", "commit", "date", "seed", "network", "target", "dataset", "split"}
PICTURES: Final = """\
![Accuracy over spikes until the decision](results-mnist.svg)

The decision on the first test digit, and histograms over all test digits, as `firstspike demo` draws them:

![Spikes of one digit with their causal sets and the decision](decision.png)"""
MADE: Final = """\
The rest of the page lists every figure of every record. A command is the one that ran at the commit beside it.
`python benchmarks/run.py --list` prints today's command for each label ([Benchmark records](benchmarks.md))."""


def pages(results: Mapping[str, Sequence[Record]], readme: str) -> dict[str, str]:
    """Returns the texts to write, by path from the root of the repository.

    results: records by topic. readme: today's README.md, of which the part between BEGIN and END is replaced.
    """
    return {"README.md": _readme(results, readme), "docs/results.md": _page(results)}


def _readme(results: Mapping[str, Sequence[Record]], readme: str) -> str:
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    mnist, silicon = results.get("mnist", ()), results.get("silicon", ())
    tables = [part for part in (compared(mnist), gateware(mnist), in_silicon(silicon)) if part]
    figures = "\n\n".join(tables or [NONE_YET])
    return f"{before}{BEGIN}\n{figures}\n{END}{after}"


def _page(results: Mapping[str, Sequence[Record]]) -> str:
    mnist, silicon = results.get("mnist", ()), results.get("silicon", ())
    networks = compared(mnist)
    sections = {
        "Networks on MNIST": networks and f"{networks}\n\n{PICTURES}",
        "Gateware against model": gateware(mnist),
        "Networks on routed cores": in_silicon(silicon),
        "Cores, placed and routed": cores(silicon),
        "Boards over serial lines": link(results.get("link", ())),
        "Learning on chip": learning(results.get("learning", ())),
    }
    every = [_every_figure(topic, results[topic]) for topic in TOPICS if results.get(topic)]
    parts = [
        "# Results",
        summary(results) or NONE_YET,
        "`make results-page` writes this page from `benchmarks/results`; do not edit it.",
        *(f"## {title}\n\n{text}" for title, text in sections.items() if text),
        *(["## All figures", MADE] if every else []),
        *every,
    ]
    return "\n\n".join(parts) + "\n"


def _every_figure(topic: str, records: Sequence[Record]) -> str:
    """Returns every figure of a topic, one column for each record, and the list of how each was made."""
    names = list(dict.fromkeys(name for record in records for name in record if name not in QUIET))
    header = ["figure", *(f"({n})" for n in range(1, len(records) + 1))]
    rows = [[f"`{name}`", *(number(record.get(name)) for record in records)] for name in names]
    made = [f"{n}. {', '.join(_origin(record))}: `{record['command']}`" for n, record in enumerate(records, 1)]
    return "\n\n".join([f"### All figures: {TITLES[topic]}", markdown(header, rows), "\n".join(made)])


def _origin(record: Record) -> list[str]:
    """Returns what a record was made of and when; leaves out what it does not have."""
    on = f"on {record['dataset']}:{record['split']}" if record["dataset"] else ""
    parts = [f"{record['network'] or ''} {on}".strip(), record["date"], f"commit {record['commit']}"]
    seed = [] if record["seed"] is None else [f"seed {record['seed']}"]
    return [part for part in parts if part] + seed
