"""firstspike check: every rule that a network breaks, before anything is built."""

import argparse
from pathlib import Path
from typing import Any, Final

from firstspike.cli.answer import Answer
from firstspike.cli.network_file import add_network_options, read_network
from firstspike.cli.options import time_steps
from firstspike_compiler.targets import DEFAULT_TARGET
from firstspike_contract.common.errors import RuleViolations

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "list every rule that a network breaks on a target"
EXAMPLE: Final = """\
  firstspike check examples/mnist-784-600-10.nir --target ulx3s-85f
  Exit 0 if the network can be compiled; else exit 1 and one line a violation: rule, node, have, need, remedy."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NET [--target T]."""
    parser.add_argument("network", metavar="NET", type=Path, help="a .nir file")
    parser.add_argument("--target", default=DEFAULT_TARGET, help=f"see firstspike targets (default {DEFAULT_TARGET})")
    parser.add_argument("--steps", type=time_steps, metavar="T", help="time codes to compile for (the network's own)")
    parser.add_argument("--keep-inputs", action="store_true", help="keep inputs whose weights are all zero")
    add_network_options(parser)


def run(args: argparse.Namespace) -> Answer:
    """All violations of the graph's form, or, if it has the right form, all of the target's rules."""
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
