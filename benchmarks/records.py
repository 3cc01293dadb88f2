"""Measured figures as flat records: benchmarks/results/<topic>.json, one JSON array a topic.

A record says how it was made (FIELDS) and what came out, under the names that `firstspike ... --json` prints. What is
nested there is flattened here with `_`: `lookups: [a, b]` becomes `lookups_0`, `lookups_1`.
"""

import json
import re
from pathlib import Path
from typing import Any

__all__ = ["FIELDS", "TOPICS", "faults", "flat", "load", "save"]

RESULTS = Path(__file__).parent / "results"
TOPICS = ("mnist", "silicon", "learning", "link", "accuracy", "substrates", "software")

# Required in every record. None where a field has no meaning, as `seed` for a command that draws no random number.
FIELDS = {
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
    "steps": (
        int,
        float,
        type(None),
    ),  # mean decision step, as the CLI prints it; the number of time codes is steps_grid
}
PATTERNS = {"commit": r"[0-9a-f]{7,40}", "date": r"\d{4}-\d\d-\d\d"}
PLAIN = (str, int, float, bool, type(None))


def flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects and lists as one level, names joined with `_`."""
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


def faults(record: Any) -> list[str]:
    """What is wrong with a record, one sentence each."""
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


def load(topic: str, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """The records of a topic in the order of the file; none if nothing was recorded."""
    path = folder / f"{topic}.json"
    return json.loads(path.read_text()) if path.exists() else []


def save(topic: str, records: list[dict[str, Any]], folder: Path = RESULTS) -> None:
    """Write the file of a topic, one record a line, so that a new figure is a one-line change."""
    lines = ",\n".join("  " + json.dumps(record) for record in records)
    folder.mkdir(exist_ok=True)  # git keeps no empty folder
    (folder / f"{topic}.json").write_text(f"[\n{lines}\n]\n")
