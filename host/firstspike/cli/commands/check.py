"""firstspike check: lists every rule that a network breaks, before anything is built.

Tested by tests/host/cli/test_commands.py and tests/host/cli/test_bad_networks.py.
"""

import argparse
from pathlib import Path
from typing import Any, Final

from firstspike.cli.answer import Answer
from firstspike.cli.network_file import add_network_options, read_network
from firstspike.cli.options import time_steps
from firstspike_compiler.targets import DEFAULT_TARGET
from firstspike_contract.common.errors import RuleViolations

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "List every rule that a network breaks on a target."
EXAMPLE: Final = """\
  firstspike check examples/mnist-784-600-10.nir --target ulx3s-85f
  The exit status is 0 if the network can be compiled, else 1. Each broken rule is printed on one line: the rule, the
  node that breaks it, what the network has, what it needs, and a remedy."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds NET [--target T] [--steps T] [--keep-inputs], and the options for a file without metadata."""
    parser.add_argument("network", metavar="NET", type=Path, help="network file (.nir)")
    parser.add_argument(
        "--target", default=DEFAULT_TARGET, help=f"a target from firstspike targets (default {DEFAULT_TARGET})"
    )
    parser.add_argument(
        "--steps", type=time_steps, metavar="T", help="number of time steps to compile for (default: the network's own)"
    )
    parser.add_argument("--keep-inputs", action="store_true", help="keep inputs whose weights are all zero")
    add_network_options(parser)


def run(args: argparse.Namespace) -> Answer:
    """Lists the violations of the rules on the graph's form. If there are none, lists those of all other rules."""
    from firstspike_compiler.rules import check
    from firstspike_compiler.targets import load_target

    target = load_target(args.target)
    violations: list[Any]
    try:
        ir = read_network(args, args.network)
        violations = list(check(ir, target, steps=args.steps, keep_inputs=args.keep_inputs))
    except RuleViolations as error:
        violations = list(error.violations)
    data = {
        "network": args.network,
        "target": args.target,
        "ok": not violations,
        "violations": [violation.to_dict() for violation in violations],
    }
    lines = [str(violation) for violation in violations]
    lines.append(
        f"{args.network} on {args.target}: {len(violations) or 'no'} rule violation{'s' * (len(violations) != 1)}"
    )
    return Answer(text="\n".join(lines), data=data, code=int(bool(violations)))
