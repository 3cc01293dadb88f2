"""The violation of a rule: which rule, where, what was found, what is needed, and how to cure it.

Tested by tests/compiler/test_rules.py.
"""

from dataclasses import asdict, dataclass

__all__ = ["Violation"]


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One broken rule.

    rule:   the rule, as a sentence.
    node:   the node (layer, input, file) that breaks the rule.
    have:   the offending value.
    need:   the values that the rule allows.
    remedy: an example of a right value, or the change to make.
    """

    rule: str
    node: str
    have: str
    need: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.node} has {self.have}, need {self.need}; {self.remedy}"

    def to_dict(self) -> dict[str, str]:
        """Returns the five fields, for `--json`."""
        return asdict(self)
