"""firstspike diff: which weights moved between two deployments, and how far."""

import argparse
from pathlib import Path
from typing import Any, Final

from firstspike.cli.answer import Answer
from firstspike.cli.files import refuse_existing, whole_file
from firstspike.report import difference_picture, table

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "say which weights moved between two deployments, and how far"
EXAMPLE: Final = """\
  firstspike diff build/mnist build/learnt --picture build/moved.png
  A line a layer: weights changed, mean and largest move, signs changed; the picture shows where."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A B [--picture FILE]."""
    add = parser.add_argument
    add("first", metavar="A", type=Path, help="a deployment directory")
    add("second", metavar="B", type=Path, help="another one of the same shape")
    add("--picture", type=Path, metavar="FILE", help="draw what moved (.png or .svg)")
    add("--force", action="store_true", help="overwrite an existing picture")


def run(args: argparse.Namespace) -> Answer:
    """Compare weight by weight. Raises FirstspikeError if the two are not of one shape."""
    from firstspike.learning.difference import differences
    from firstspike_compiler.deployment import read_deployment

    if args.picture is not None:
        refuse_existing(args.picture, force=args.force)
    layers = differences(read_deployment(args.first).network, read_deployment(args.second).network)
    rows = [{"layer": k, **layer.figures()} for k, layer in enumerate(layers)]
    found: dict[str, Any] = {
        "first": args.first,
        "second": args.second,
        "changed": sum(row["changed"] for row in rows),
        "weights": sum(row["weights"] for row in rows),
        "layers": rows,
    }
    if args.picture is not None:
        with whole_file(args.picture, force=args.force) as draft:
            difference_picture(layers, draft)
        found["picture"] = args.picture
    heading = f"{found['changed']:,} of {found['weights']:,} weights differ"
    return Answer(text=f"{heading}\n\n{table(rows)}", data=found)
