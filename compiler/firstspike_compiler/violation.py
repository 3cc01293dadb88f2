"""What a broken rule says: the rule, where, what was found, what is needed, and what to do about it."""

from dataclasses import asdict, dataclass

__all__ = ["Violation"]


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One broken rule.

    rule:   the rule, as a sentence.
    node:   the node (layer, input, file) that breaks it.
    have:   the offending value.
    need:   what the rule allows.
    remedy: an example of a right one, or what to change.
    """

    rule: str
    node: str
    have: str
    need: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.node} has {self.have}, need {self.need}; {self.remedy}"

    def to_dict(self) -> dict[str, str]:
        """The five fields, for `--json`."""
        return asdict(self)
