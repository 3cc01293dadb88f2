"""Measured figures as flat records: benchmarks/results/TOPIC.json, one JSON array for each topic.

A record says how it was made (FIELDS) and holds the figures, under the names that `firstspike ... --json` prints.
Nested figures are flattened with `_`: `lookups: [a, b]` becomes `lookups_0` and `lookups_1`.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

__all__ = ["FIELDS", "IDENTITY", "RESULTS", "TOPICS", "Record", "faults", "flat", "keep", "load", "made", "save"]

Record = dict[str, Any]

RESULTS: Final = Path(__file__).parent / "results"
TOPICS: Final = ("mnist", "silicon", "learning", "link", "accuracy", "substrates", "software")

# Fields of every record, with their types. None where a field has no meaning, such as `seed` where nothing is random.
FIELDS: Final[dict[str, tuple[type, ...]]] = {
    "command": (str,),
    "commit": (str,),
    "date": (str,),
    "seed": (int, type(None)),
    "network": (str, type(None)),
    "target": (str, type(None)),
    "dataset": (str, type(None)),
    "split": (str, type(None)),
    "images": (int, type(None)),
    "kernel": (str, type(None)),
    "steps": (int, float, type(None)),  # mean decision step; the number of time codes T is `steps_grid`
}
# A record replaces the one that has the same values here.
IDENTITY: Final = ("network", "target", "dataset", "split", "label")
PATTERNS: Final = {"commit": r"[0-9a-f]{7,40}", "date": r"\d{4}-\d\d-\d\d"}
PLAIN: Final = (str, int, float, bool, type(None))


def flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested objects and lists as one level, names joined with `_`."""
    out: dict[str, Any] = {}
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, list):
            value = dict(enumerate(value))
        if isinstance(value, dict):
            out |= flat(value, f"{name}_")
        else:
            out[name] = value
    return out


def made(figures: dict[str, Any], about: dict[str, Any], fields: dict[str, Any]) -> Record:
    """Returns the record of what a command printed.

    figures: the JSON object of the command. about: `command`, `commit` and `date`. fields: replace what was printed.
    """
    return {**dict.fromkeys(FIELDS), **flat(figures), **about, **fields}


def faults(record: Any) -> list[str]:
    """Returns what is wrong with a record, one sentence each."""
    if not isinstance(record, dict):
        return [f"a record is an object, not {record!r}"]
    found = [f"{name} is missing" for name in FIELDS if name not in record]
    for name, value in record.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            found.append(f"{name!r} is no figure's name, such as spikes_total")
        if not isinstance(value, FIELDS.get(name, PLAIN)) or (name in FIELDS and isinstance(value, bool)):
            found.append(f"{name} is {value!r}")
        if name in PATTERNS and isinstance(value, str) and not re.fullmatch(PATTERNS[name], value):
            found.append(f"{name} is {value!r}")
        if isinstance(value, float) and value != value:
            found.append(f"{name} is not a number")
    return found


def load(topic: str, folder: Path = RESULTS) -> list[Record]:
    """Returns the records of a topic in the order of the file; none if nothing was recorded."""
    path = folder / f"{topic}.json"
    return json.loads(path.read_text()) if path.exists() else []


def save(topic: str, records: list[Record], folder: Path = RESULTS) -> None:
    """Writes the file of a topic, one record a line, so that a new figure is a one-line change."""
    lines = ",\n".join("  " + json.dumps(record) for record in records)
    folder.mkdir(parents=True, exist_ok=True)  # git keeps no empty folder
    (folder / f"{topic}.json").write_text(f"[\n{lines}\n]\n")


def keep(topic: str, record: Record, folder: Path = RESULTS) -> None:
    """Puts the record into the file of its topic, in place of the record of the same identity, or at the end."""
    records = load(topic, folder)
    same = [n for n, old in enumerate(records) if _identity(old) == _identity(record)]
    if same:
        records[same[0]] = record
    else:
        records.append(record)
    save(topic, records, folder)


def _identity(record: Record) -> tuple[Any, ...]:
    return tuple(record.get(name) for name in IDENTITY)
