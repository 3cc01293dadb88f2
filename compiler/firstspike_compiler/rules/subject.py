"""The argument of every rule, and the sentence that a rule's name stands for.

Tested by tests/compiler/test_rules.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from firstspike_compiler.ir import NetworkIR
from firstspike_compiler.targets import Target
from firstspike_compiler.violation import Violation

__all__ = ["Rule", "Subject", "sentence"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """The network and target that a rule judges.

    ir:          network.
    target:      target to compile for.
    steps:       T to compile for.
    keep_inputs: inputs without weights keep their rows.
    """

    ir: NetworkIR
    target: Target
    steps: int
    keep_inputs: bool = False


Rule = Callable[[Subject], Iterator[Violation]]


def sentence(rule: Rule) -> str:
    """Returns the rule as a sentence, for printing."""
    return rule.__name__.replace("_", " ")
