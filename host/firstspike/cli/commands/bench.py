"""firstspike bench: measures the link to a board, and the board's core.

Tested by tests/host/cli/test_board_commands.py.
"""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from firstspike.cli.answer import Answer, facts
from firstspike.cli.deployments import encoding_of
from firstspike.cli.events_for import events_for, load_limited
from firstspike.cli.on_board import add_board, answer_figures, core_name, link_errors, opened
from firstspike.cli.options import at_least
from firstspike.report import ProgressLine

if TYPE_CHECKING:
    from firstspike.board import Board

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "measured", "run"]

SUMMARY: Final = "Measure the link to a board, and the board's core."
EXAMPLE: Final = """\
  firstspike bench build/demo --board serial:///dev/ttyUSB0?baudrate=3000000 --json
  Measures the round trip, the time to load the deployment, and the images per second. Loading and streaming are also
  given as a share of the rate that the line can carry at most, and the bytes that the protocol adds are counted. On
  gateware, the images per second that the core could reach without the link are given as well."""

_PINGS: Final = 200  # register reads for the round trip
_WARM: Final = 100  # images streamed before the measured ones
_BITS: Final = 10  # bits on the line for each byte


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds DIR --board URL [--data DATA] [--images N]."""
    add = parser.add_argument
    add("deployment", metavar="DIR", type=Path, help="a deployment directory, from firstspike compile")
    add_board(parser)
    add("--data", default="mnist:test", help="data set to stream (default mnist:test)")
    add("--images", type=at_least(1), default=10_000, metavar="N", help="stream the first N images (default 10000)")


def run(args: argparse.Namespace) -> Answer:
    """Measures everything once. The rate of the line follows from the board's registers CLOCK and DIVISOR."""
    from firstspike_compiler.deployment import read_deployment

    deployment = read_deployment(args.deployment)
    data = load_limited(args.data, args.images)
    events = events_for(data, deployment.network, encoding_of(deployment))
    with opened(args.board) as board:
        found: dict[str, Any] = {"board": board.name, "core": core_name(board)}
        status = board.status()
        line = status["clock"] / status["divisor"] / _BITS if status["divisor"] else None
        found["line_bytes_per_second"] = line
        found |= measured(board, deployment, events, line)
        found["link"] = link_errors(board.status())
    return Answer(text=facts(found), data=found)


def measured(board: "Board", deployment: Any, events: Any, line: float | None) -> dict[str, Any]:
    """Returns the figures of one board. line: bytes per second that its line can carry, or None if unknown."""
    found: dict[str, Any] = {}
    board.load(deployment)  # not measured, because a model board compiles its model for the first network
    board.run(events.head(_WARM))
    trips = []
    for _ in range(_PINGS):
        start = time.perf_counter()
        board.read("PROTOCOL")
        trips.append(time.perf_counter() - start)
    found["round_trip_us"] = {"p50": float(np.median(trips)) * 1e6, "p99": float(np.percentile(trips, 99)) * 1e6}

    before = board.sent_bytes
    with ProgressLine("load") as progress:
        board.load(deployment, progress=progress)
    seconds, written = board.upload_seconds or 0.0, 4 * board.words_to_load
    found |= {"upload_bytes": written, "upload_seconds": seconds}
    found["upload_overhead"] = (board.sent_bytes - before) / written - 1
    if line and seconds:
        found["upload_share_of_line"] = written / seconds / line

    start, before = time.perf_counter(), board.sent_bytes
    with ProgressLine("stream") as progress:
        answers = board.run(events, progress=progress)
    seconds = time.perf_counter() - start
    image_bytes = -(-deployment.network.addresses // 8)
    per_image = (board.sent_bytes - before) / len(events)
    found |= {
        "images": len(events),
        "images_per_second": len(events) / seconds,
        "bitmap_bytes": image_bytes,
        "sent_bytes_per_image": per_image,
        "overhead_per_image": per_image / image_bytes - 1,
    }
    if line:
        found["share_of_line"] = len(events) / seconds * image_bytes / line
    figures = answer_figures(deployment.network, events, answers)
    found |= {name: figures[name] for name in ("accuracy", "cycles", "latency") if name in figures}
    if "cycles" in found:
        found["core_images_per_second"] = board.clock / found["cycles"]["mean"]
    return found
