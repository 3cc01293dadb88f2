"""Errors that a user may meet. Each message names the rule, the offending value and an example of a right one.

Tested by tests/contract/arithmetic/test_tables_validation.py.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

__all__ = ["FirstspikeError", "RuleViolations", "UsageError"]


class FirstspikeError(Exception):
    """The user's input or request cannot be used. The CLI prints ``error: {message}`` and exits with `exit_code`."""

    exit_code: ClassVar[int] = 1


class UsageError(FirstspikeError):
    """The request itself is malformed: an unknown name, a wrong option, a missing extra."""

    exit_code: ClassVar[int] = 2


class RuleViolations(FirstspikeError):
    """Violations of one or more rules. The message lists all of them, one a line.

    violations: objects whose ``str()`` is the message of one violation.
    """

    def __init__(self, violations: Sequence[Any]) -> None:
        self.violations = tuple(violations)
        super().__init__("\n".join(str(violation) for violation in self.violations))
