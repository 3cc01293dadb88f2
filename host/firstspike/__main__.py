"""`python -m firstspike` runs the command line.

Tested by tests/host/cli/test_app.py.
"""

import sys

from .cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
