"""Run a command beside a virtual board; {board} in the command becomes the board's URL.

    python benchmarks/measure.py with_board --baudrate 12000000 --pace -- firstspike bench DIR --board {board} --json

The words before `--` are options of `firstspike board`, which listens at a pseudo-terminal. The words after it are the
command; `firstspike` in it is the one of this Python.
"""

import subprocess
import sys

from measuring._firstspike import FIRSTSPIKE, virtual_board

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    if "--" not in arguments[:-1]:
        print(__doc__, file=sys.stderr)
        return 2
    cut = arguments.index("--")
    settings, (program, *words) = arguments[:cut], arguments[cut + 1 :]
    command = FIRSTSPIKE if program == "firstspike" else (program,)
    query = f"?baudrate={settings[settings.index('--baudrate') + 1]}" if "--baudrate" in settings else ""
    with virtual_board(*settings) as (name, _):
        url = f"serial://{name}{query}"
        given = [word.replace("{board}", url) for word in words]
        return subprocess.run([*command, *given], check=False).returncode
