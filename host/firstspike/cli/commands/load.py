"""firstspike load: a deployment into a board, and the proof that it computes what it should."""

import argparse
import time
from pathlib import Path
from typing import Final

from firstspike.cli.answer import Answer, facts
from firstspike.cli.compare import differing
from firstspike.cli.on_board import add_board, core_name, link_errors, opened
from firstspike.report import ProgressLine

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "load a deployment into a board and check it"
EXAMPLE: Final = """\
  firstspike load build/demo --board serial:///dev/ttyUSB0?baudrate=3000000
  Writes weights and tables, lets the board classify the deployment's golden images, and compares every spike; exit 1
  if one differs. firstspike load build/demo --board sim: does the same without a board."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """DIR --board URL [--verify]."""
    add = parser.add_argument
    add("deployment", metavar="DIR", type=Path, help="a deployment directory, from firstspike compile")
    add_board(parser)
    add("--verify", action="store_true", help="only read the board's memories back and compare; load nothing")


def run(args: argparse.Namespace) -> Answer:
    """Load, then golden images; or only the comparison of memories."""
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
