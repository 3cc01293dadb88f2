"""firstspike stream: classifies a data set on a board.

Tested by tests/host/cli/test_board_commands.py.
"""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firstspike.cli.answer import Answer, facts
from firstspike.cli.compare import differing
from firstspike.cli.deployments import described, encoding_of
from firstspike.cli.events_for import events_for, load_limited
from firstspike.cli.on_board import add_board, answer_figures, core_name, link_errors, opened
from firstspike.cli.options import at_least, number
from firstspike.report import ProgressLine
from firstspike_contract import Batch, EventSet, Network

if TYPE_CHECKING:
    from firstspike.board import Answers, Board

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Classify a data set on a board."
EXAMPLE: Final = """\
  firstspike stream build/demo --board serial:///dev/ttyUSB0 --data mnist:test --limit 1000
  Loads the deployment if the board does not hold it yet, and shows progress and the accuracy so far. At the end, prints
  the accuracy, the images per second and the link errors that were mended. With --compare, every spike is compared with
  the model, and the exit status is 1 if one differs."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds DIR --board URL --data DATA [--limit N] [--spikes] [--compare] [--timeout S]."""
    add = parser.add_argument
    add("deployment", metavar="DIR", type=Path, help="a deployment directory, from firstspike compile")
    add_board(parser)
    add(
        "--data",
        required=True,
        help="data set: mnist:test, yinyang:test, FOLDER:test with IDX files, or an .npz file of events",
    )
    add("--limit", type=at_least(1), metavar="N", help="use the first N images")
    add("--spikes", action="store_true", help="let the board send every spike, which adds look-ups to the figures")
    add("--compare", action="store_true", help="compare every spike with the model (implies --spikes)")
    add("--timeout", type=number("5"), default=5.0, metavar="S", help="seconds without a result to wait (default 5)")


def run(args: argparse.Namespace) -> Answer:
    """Loads the deployment if needed, streams the images, and compares the spikes if asked to."""
    from firstspike_compiler.deployment import read_deployment

    deployment = read_deployment(args.deployment)
    data = load_limited(args.data, args.limit)
    events = events_for(data, deployment.network, encoding_of(deployment))
    with opened(args.board, timeout=args.timeout or 5.0) as board:
        found: dict[str, Any] = {
            **described(deployment, data, args.data, "board"),
            "board": board.name,
            "core": core_name(board),
        }
        with ProgressLine("load") as progress:
            found["loaded"] = board.load(deployment, if_needed=True, progress=progress)
        start = time.perf_counter()
        answers = _streamed(board, events, spikes=args.spikes or args.compare)
        seconds = time.perf_counter() - start
        found |= answer_figures(deployment.network, events, answers)
        found["images_per_second"] = len(events) / seconds
        found["link"] = link_errors(board.status())
    wrong = []
    if args.compare:
        assert answers.batch is not None
        wrong = differing(answers.batch, _expected(deployment.network, events))
        found["mismatches"] = len(wrong)
        found["first_mismatch"] = wrong[0] if wrong else None
    return Answer(text=facts(found), data=found, code=int(bool(wrong)))


def _streamed(board: "Board", events: EventSet, *, spikes: bool) -> "Answers":
    """Streams all images, and shows the accuracy so far in the progress line."""
    with ProgressLine("stream") as progress:

        def note(done: int, total: int, right: int) -> None:
            if events.labels is not None and done:
                progress.label = f"stream, {100 * right / done:.2f} % right"
            progress(done, total)

        return board.run(events, spikes=spikes, note=note)


def _expected(network: Network, events: EventSet) -> Batch:
    """Returns the model's answers."""
    from firstspike_sim import FastModel

    with ProgressLine("model") as progress:
        progress.waiting()
        return FastModel(network).run(events)
