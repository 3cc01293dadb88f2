"""firstspike diff: compares the weights of two deployments.

Tested by tests/host/cli/test_learn.py.
"""

import argparse
from pathlib import Path
from typing import Any, Final

from firstspike.cli.answer import Answer
from firstspike.cli.files import refuse_existing, whole_file
from firstspike.report import difference_picture, table

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Say which weights differ between two deployments, and by how much."
EXAMPLE: Final = """\
  firstspike diff build/mnist build/learnt --picture build/moved.png
  Prints one line for each layer: the number of changed weights, the mean and the largest change, and the number of
  changed signs. The picture shows where the weights changed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds A B [--picture FILE] [--force]."""
    add = parser.add_argument
    add("first", metavar="A", type=Path, help="a deployment directory")
    add("second", metavar="B", type=Path, help="a deployment directory of the same kernel, steps and sizes")
    add("--picture", type=Path, metavar="FILE", help="draw the changes (.png or .svg)")
    add("--force", action="store_true", help="overwrite an existing picture")


def run(args: argparse.Namespace) -> Answer:
    """Compares the deployments weight by weight. Raises FirstspikeError if their shapes differ."""
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
