"""The command line: one file per command, `app` finds and runs them."""

import sys

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own) and return the exit status; see `app`."""
    try:
        from .app import main as run  # here, where an interrupt of these imports is caught

        return run(argv)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
