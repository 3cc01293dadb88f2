#!/usr/bin/env python3
"""Run a command that prints one JSON object and keep its figures as a record of a topic.

    python benchmarks/record.py mnist --seed 1 -- .venv/bin/firstspike simulate build/demo --data mnist:test --json

A record of the same network, target, dataset and split is replaced; `--set name=value` adds or corrects a field.
"""

import argparse
import datetime
import json
import shlex
import subprocess
import sys
from typing import Any

from records import FIELDS, TOPICS, faults, flat, load, save

__all__ = ["main"]

IDENTITY = ("network", "target", "dataset", "split", "label")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topic", choices=TOPICS)
    parser.add_argument("--seed", type=int, help="seed of what was measured")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="VALUE is JSON, or else text")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    done = subprocess.run(args.command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"error: the command exited with {done.returncode}; nothing is recorded", file=sys.stderr)
        return 1
    record = {
        **dict.fromkeys(FIELDS),
        **flat(json.loads(done.stdout)),
        "command": shlex.join(args.command).replace(".venv/bin/", ""),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "date": datetime.date.today().isoformat(),
        **dict(_setting(text) for text in args.set),
    }
    if args.seed is not None:
        record["seed"] = args.seed
    if found := faults(record):
        print("error: no record: " + "; ".join(found), file=sys.stderr)
        return 1
    if _git("status", "--porcelain", "--untracked-files=no", "--", ":!benchmarks/results", ":!docs", ":!README.md"):
        print("note: the working tree is not what the recorded commit holds", file=sys.stderr)
    others = [old for old in load(args.topic) if _identity(old) != _identity(record)]
    save(args.topic, [*others, record])
    return 0


def _identity(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record.get(name) for name in IDENTITY)


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()


def _setting(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


if __name__ == "__main__":
    sys.exit(main())
