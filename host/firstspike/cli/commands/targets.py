"""firstspike targets: lists the targets that a network can be compiled for.

Tested by tests/host/cli/test_commands.py.
"""

import argparse
from dataclasses import asdict
from typing import Any, Final

from firstspike.cli.answer import Answer
from firstspike.report import table

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "List the targets that a network can be compiled for."
EXAMPLE: Final = """\
  firstspike targets
  Prints one line for each target with its limits. The first word is the name for --target. The column cores lists the
  cores that firstspike build makes for the target."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds no arguments."""


def run(args: argparse.Namespace) -> Answer:
    """Lists every shipped target."""
    from firstspike_compiler.targets import list_targets, load_target

    targets = [load_target(name) for name in list_targets()]
    rows: list[dict[str, Any]] = [
        {
            "target": target.name,
            "steps": target.steps,
            "layers": target.stages,
            "inputs": target.addresses,
            "kernels": ", ".join(target.lanes),
            "cores": ", ".join(target.device.cores if target.device else target.verilog_cores) or None,
            "description": target.description,
        }
        for target in targets
    ]
    return Answer(text=table(rows), data={"targets": [asdict(target) for target in targets]})
