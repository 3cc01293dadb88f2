"""firstspike targets: what a network can be compiled for."""

import argparse
from dataclasses import asdict
from typing import Any, Final

from firstspike.cli.answer import Answer
from firstspike.report import table

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "list what a network can be compiled for"
EXAMPLE: Final = """\
  firstspike targets
  One line each with its limits; the first word is what --target takes, and cores what firstspike build makes for it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(args: argparse.Namespace) -> Answer:
    """Every target that ships."""
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
