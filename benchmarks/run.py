#!/usr/bin/env python3
"""Run the measurements of a topic and keep their figures as records in benchmarks/results.

    python benchmarks/run.py mnist
    python benchmarks/run.py learning --only scratch-1 'rtl-*'
    python benchmarks/run.py link --list

The rows stand in benchmarks/table.py. A row that fails records nothing and is named at the end; rows that need it are
skipped, all others run. A record of the same network, target, data set, split and label is replaced.
Exit status: 0 all rows are recorded, 1 a row failed, 2 usage, 130 interrupted.
"""

import argparse
import datetime
import fnmatch
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import records
from table import TABLE, Row

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent  # where `python` and `firstspike` of the commands are


class RowError(Exception):
    """A row cannot be recorded; the message says why."""


def main(arguments: list[str] | None = None, table: Sequence[Row] = TABLE) -> int:
    args = _arguments(arguments)
    try:
        rows = selected(table, args.topic, args.only)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if args.list:
        print(json.dumps([asdict(row) for row in rows], indent=1) if args.json else listed(rows))
        return 0
    if args.topic is None:
        print("error: a run needs a topic; --list prints the whole table, for example: run.py mnist", file=sys.stderr)
        return 2
    if args.dry_run:
        print("\n".join(commands(rows)))
        return 0
    return run(rows, args.into, as_json=args.json)


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topic", nargs="?", help="the topic to measure (with --list: default all)")
    only_help = "run only the rows of these names; * stands for any characters"
    parser.add_argument("--only", nargs="+", metavar="NAME", help=only_help)
    parser.add_argument("--list", action="store_true", help="print the rows and run nothing")
    parser.add_argument("--dry-run", action="store_true", help="print the commands and run nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    into_help = "folder of the records (default %(default)s)"
    parser.add_argument("--into", type=Path, default=records.RESULTS, metavar="FOLDER", help=into_help)
    return parser.parse_args(arguments)


def selected(table: Sequence[Row], topic: str | None, only: Sequence[str] | None) -> list[Row]:
    """Returns the rows of a topic (None: of all topics) whose names match one of the patterns in `only`.

    Raises ValueError for an unknown topic, and for a pattern that matches no row.
    """
    topics = list(dict.fromkeys(row.topic for row in table))
    if topic is not None and topic not in topics:
        raise ValueError(f"the table has no topic {topic!r}; one of {', '.join(topics)}")
    rows = [row for row in table if topic in (None, row.topic)]
    if only is None:
        return rows
    for pattern in only:
        if not any(fnmatch.fnmatchcase(row.name, pattern) for row in rows):
            names = ", ".join(row.name for row in rows)
            raise ValueError(f"topic {topic or 'any'} has no row {pattern!r}; one of {names}")
    return [row for row in rows if any(fnmatch.fnmatchcase(row.name, pattern) for pattern in only)]


def listed(rows: Sequence[Row]) -> str:
    """Returns the rows as text: topic, name, about how long, and the command that measures."""
    width = max(len(row.name) for row in rows)
    lines = [f"{row.topic:8}  {row.name:{width}}  {_time(row.seconds):>8}  {row.measure}" for row in rows]
    return "\n".join([*lines, f"{len(rows)} rows, about {_time(sum(row.seconds for row in rows))}"])


def commands(rows: Sequence[Row]) -> list[str]:
    """Returns the commands of the rows in the order in which they run, each preparation once."""
    return list(dict.fromkeys(command for row in rows for command in (*row.prepare, row.measure)))


def run(rows: Sequence[Row], folder: Path, *, as_json: bool) -> int:
    """Runs and records the rows; returns the exit status."""
    start, prepared, failed = time.monotonic(), set[str](), dict[str, str]()
    recorded: list[str] = []
    commit = _git("rev-parse", "--short=12", "HEAD")
    if _git("status", "--porcelain", "--untracked-files=no", "--", ":!benchmarks/results", ":!docs", ":!README.md"):
        _say("note: the working tree has changes that the recorded commit does not hold")
    try:
        for number, row in enumerate(rows, 1):
            _say(f"[{number} of {len(rows)}, {_time(time.monotonic() - start)}] {row.name}: about {_time(row.seconds)}")
            try:
                measure(row, folder, commit=commit, prepared=prepared, failed=failed)
                recorded.append(row.name)
            except RowError as error:
                failed[row.name] = str(error)
                _say(f"error: row {row.name} is not recorded: {error}")
    except KeyboardInterrupt:
        _say(f"interrupted; {len(recorded)} of {len(rows)} rows are recorded")
        return 130
    if as_json:
        print(json.dumps({"recorded": recorded, "failed": failed, "seconds": time.monotonic() - start}))
    _say(f"{len(recorded)} of {len(rows)} rows recorded in {_time(time.monotonic() - start)}")
    for name, why in failed.items():
        _say(f"not recorded: {name}: {why}")
    return int(bool(failed))


def measure(row: Row, folder: Path, *, commit: str, prepared: set[str], failed: dict[str, str]) -> None:
    """Runs the commands of a row and keeps its record. Raises RowError if that cannot be done.

    prepared: preparation commands that have run; the row's are added. failed: names of rows that failed before.
    """
    if missing := [name for name in row.after if name in failed]:
        raise RowError(f"it needs {', '.join(missing)}, which failed")
    (ROOT / "build").mkdir(exist_ok=True)
    for command in row.prepare:
        if command not in prepared:
            _output(command)
            prepared.add(command)
    figures = _figures(row.measure)
    about = {"command": row.measure, "commit": commit, "date": datetime.date.today().isoformat()}
    seed = {} if row.seed is None else {"seed": row.seed}
    record = records.made(figures, about, {**row.fields, **seed})
    if found := records.faults(record):
        raise RowError(f"`{row.measure}` made no valid record: {'; '.join(found)}")
    if row.keep is not None:
        source, target = ROOT / row.keep[0], folder / row.keep[1]
        if not source.exists():
            raise RowError(f"`{row.measure}` did not write {row.keep[0]}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    records.keep(row.topic, record, folder)


def _figures(command: str) -> dict[str, Any]:
    """Runs a command that measures; returns the JSON object that it prints."""
    try:
        figures = json.loads(_output(command))
    except ValueError:
        figures = None
    if not isinstance(figures, dict):
        raise RowError(f"`{command}` must print one JSON object, and printed something else")
    return figures


def _output(command: str) -> str:
    """Runs a command in the root of the repository; returns what it printed on stdout."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
    try:
        done = subprocess.run(
            shlex.split(command),
            cwd=ROOT,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    except OSError as error:
        raise RowError(f"`{command}` cannot be run: {error.strerror}") from None
    if done.returncode:
        raise RowError(f"`{command}` exited with {done.returncode}")
    return done.stdout


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _time(seconds: float) -> str:
    """Returns a duration as text: seconds below 100 s, minutes below 100 min, otherwise hours."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
