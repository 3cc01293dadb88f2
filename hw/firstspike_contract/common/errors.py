"""Errors that a user may meet: a message with the rule, the offending value and an example of a right one."""

from collections.abc import Sequence
from typing import Any, ClassVar

__all__ = ["FirstspikeError", "RuleViolations", "UsageError"]


class FirstspikeError(Exception):
    """What the user gave or asked for cannot be done. The CLI prints ``error: {message}`` and exits `exit_code`."""

    exit_code: ClassVar[int] = 1


class UsageError(FirstspikeError):
    """The request itself is malformed: an unknown name, a wrong option, a missing extra."""

    exit_code: ClassVar[int] = 2


class RuleViolations(FirstspikeError):
    """Several rules are violated at once; all of them are listed, one a line.

    violations: objects whose ``str()`` is the message of one violation.
    """

    def __init__(self, violations: Sequence[Any]) -> None:
        self.violations = tuple(violations)
        super().__init__("\n".join(str(violation) for violation in self.violations))
