"""firstspike monitor: shows a board's state and counters, live.

Tested by tests/host/cli/test_board_commands.py.
"""

import argparse
import sys
import time
from typing import Any, Final

from firstspike.cli.answer import Answer
from firstspike.cli.on_board import add_board, opened
from firstspike.cli.options import at_least, number
from firstspike.report import table

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Show a board's state and counters, live."
EXAMPLE: Final = """\
  firstspike monitor --board serial:///dev/ttyUSB0 --interval 1
  Prints one line a second until Ctrl-C: the state of the board, images and frames per second, and errors of the link.
  --samples 1 --json prints all counters once."""

# Column, key of the status, and whether the column shows the change per second since the previous line.
_COLUMNS: Final = (
    ("state", "configuration", False),
    ("images/s", "images_answered", True),
    ("frames/s", "frames", True),
    ("bad/s", "frames_bad", True),
    ("again/s", "frames_again", True),
    ("repeats/s", "repeats", True),
    ("line errors/s", "line_errors", True),
    ("refused", "images_refused", False),
    ("watchdogs", "watchdogs", False),
    ("sessions", "sessions", False),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds --board URL [--interval S] [--samples N]."""
    add_board(parser)
    parser.add_argument(
        "--interval", type=number("1"), default=1.0, metavar="S", help="seconds between two lines (default 1)"
    )
    parser.add_argument(
        "--samples",
        type=at_least(1),
        metavar="N",
        help="stop after N lines (default: at Ctrl-C, or after 1 with --json)",
    )


def run(args: argparse.Namespace) -> Answer:
    """Takes samples until there are enough of them or an interrupt comes."""

    wanted = args.samples or (1 if args.json else None)
    samples: list[dict[str, Any]] = []
    with opened(args.board) as board:
        before: dict[str, Any] | None = None
        then = time.monotonic()
        try:
            while wanted is None or len(samples) < wanted:
                if before is not None:
                    time.sleep(args.interval)
                status, now = board.status(), time.monotonic()
                if not args.json:
                    _show(status, before, now - then, heading=len(samples) % 20 == 0)
                before, then = status, now
                samples = [*samples, status][-10_000:]
        except KeyboardInterrupt:
            if args.json:
                raise
    return Answer(text="", data={"samples": samples}, printed=not args.json)


def _show(status: dict[str, Any], before: dict[str, Any] | None, seconds: float, *, heading: bool) -> None:
    row: dict[str, Any] = {}
    for column, key, rate in _COLUMNS:
        row[column] = status[key]
        if rate:
            row[column] = None if before is None else round((status[key] - before[key]) / max(seconds, 1e-9))
    head, line, values = table([row]).split("\n")
    print("\n".join([head, line, values] if heading else [values]), file=sys.stdout, flush=True)
