"""The command line. Each command has its own file; `app` finds the command and runs it."""

import sys

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Runs the command line `argv` (default: that of the process) and returns the exit status; see `app`."""
    try:
        from .app import main as run  # imported here, so that an interrupt during the import is caught

        return run(argv)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
