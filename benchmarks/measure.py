#!/usr/bin/env python3
"""Run one of the programs that measure; it prints its figures as one JSON object and keeps no record.

    python benchmarks/measure.py learning scratch --seed 1
    python benchmarks/measure.py link_faults --help

benchmarks/run.py runs them with the arguments of the table and keeps the records.
"""

import importlib
import pkgutil
import sys

import measuring

from firstspike_contract import FirstspikeError

__all__ = ["main", "programs"]


def programs() -> tuple[str, ...]:
    """Returns the names of the programs: the modules of `measuring` that have a `main`."""
    names = sorted(module.name for module in pkgutil.iter_modules(measuring.__path__))
    return tuple(name for name in names if not name.startswith("_"))


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"{__doc__}\nPrograms: {', '.join(programs())}")
        return 0 if arguments else 2
    name, *rest = arguments
    if name not in programs():
        print(f"error: there is no program {name!r} that measures; one of {', '.join(programs())}", file=sys.stderr)
        return 2
    sys.argv[0] = f"measure.py {name}"  # the name that the program's own help and errors print
    try:
        code: int = importlib.import_module(f"measuring.{name}").main(rest)
    except FirstspikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
