"""What the rules look at, and how a rule's name becomes its sentence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from firstspike_compiler.ir import NetworkIR
from firstspike_compiler.targets import Target
from firstspike_compiler.violation import Violation

__all__ = ["Rule", "Subject", "sentence"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """steps: T to compile for. keep_inputs: inputs without weights keep their rows."""

    ir: NetworkIR
    target: Target
    steps: int
    keep_inputs: bool = False


Rule = Callable[[Subject], Iterator[Violation]]


def sentence(rule: Rule) -> str:
    """The rule as it is printed."""
    return rule.__name__.replace("_", " ")
