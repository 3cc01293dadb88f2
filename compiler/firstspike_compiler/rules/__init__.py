"""The rules that a network must keep for a target. Each rule is a function named as a sentence; `check` runs them."""

from typing import Final

from firstspike_compiler.ir import NetworkIR
from firstspike_compiler.targets import Target
from firstspike_compiler.violation import Violation
from firstspike_contract.arithmetic.tables import STEPS

from .network import NETWORK_RULES
from .subject import Rule, Subject, sentence
from .target import DEEP_RULES, TARGET_RULES

__all__ = ["DEEP_RULES", "NETWORK_RULES", "RULES", "TARGET_RULES", "Rule", "Subject", "Violation", "check", "sentence"]

RULES: Final = (*NETWORK_RULES, *TARGET_RULES, *DEEP_RULES)


def check(ir: NetworkIR, target: Target, *, steps: int | None = None, keep_inputs: bool = False) -> list[Violation]:
    """Returns every violation of every rule, in the order of RULES; an empty list if the network can be compiled.

    steps: T to compile for; the network's own by default.

    DEEP_RULES compute with the weights and times of the network, so they run only if it breaks none of NETWORK_RULES
    and T is one of STEPS.
    """
    subject = Subject(ir=ir, target=target, steps=ir.steps if steps is None else steps, keep_inputs=keep_inputs)
    violations = [violation for rule in NETWORK_RULES for violation in rule(subject)]
    sound = not violations
    violations += [violation for rule in TARGET_RULES for violation in rule(subject)]
    if sound and subject.steps in STEPS:
        violations += [violation for rule in DEEP_RULES for violation in rule(subject)]
    return violations
