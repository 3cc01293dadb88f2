"""firstspike load: loads a deployment into a board, and checks that the board computes the recorded answers.

Tested by tests/host/cli/test_board_commands.py.
"""

import argparse
import time
from pathlib import Path
from typing import Final

from firstspike.cli.answer import Answer, facts
from firstspike.cli.compare import differing
from firstspike.cli.on_board import add_board, core_name, link_errors, opened
from firstspike.report import ProgressLine

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Load a deployment into a board and check the board's answers."
EXAMPLE: Final = """\
  firstspike load build/demo --board serial:///dev/ttyUSB0?baudrate=3000000
  Writes weights and tables, lets the board classify the deployment's golden images, and compares every spike. The exit
  status is 1 if one differs. firstspike load build/demo --board sim: tries this with a virtual board."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds DIR --board URL [--verify]."""
    add = parser.add_argument
    add("deployment", metavar="DIR", type=Path, help="a deployment directory, from firstspike compile")
    add_board(parser)
    add("--verify", action="store_true", help="load nothing; only compare the board's memories with the deployment")


def run(args: argparse.Namespace) -> Answer:
    """Loads the deployment and runs its golden images, or only compares the memories."""
    from firstspike_compiler.deployment import read_deployment
    from firstspike_sim.rtl.compare import difference

    deployment = read_deployment(args.deployment)
    with opened(args.board) as board:
        found = {"deployment": args.deployment, "board": board.name, "core": core_name(board)}
        start = time.perf_counter()
        with ProgressLine("verify" if args.verify else "load") as progress:
            if args.verify:
                board.assume(deployment)
                board.verify(progress)
            else:
                board.load(deployment, progress=progress)
        found |= {"action": "verified" if args.verify else "loaded", "seconds": time.perf_counter() - start}
        wrong = []
        if not args.verify:
            golden = deployment.golden
            with ProgressLine("golden images") as progress:
                answers = board.run(golden.events, spikes=True, progress=progress)
            assert answers.batch is not None
            wrong = differing(answers.batch, golden.batch)
            found |= {"golden_images": len(golden.events), "mismatches": len(wrong)}
            if wrong:
                found["first_mismatch"] = f"image {wrong[0]}: {difference(answers.batch, golden.batch, wrong[0])}"
        found["link"] = link_errors(board.status())
    return Answer(text=facts(found), data=found, code=int(bool(wrong)))
