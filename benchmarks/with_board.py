#!/usr/bin/env python3
"""Run a command beside a virtual board; {board} in it becomes the board's URL.

    python benchmarks/with_board.py --baudrate 12000000 --pace -- firstspike bench build/link --board {board} --json

What comes before `--` is for `firstspike board`, which listens at a pseudo-terminal.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["main", "virtual_board"]


@contextmanager
def virtual_board(*words: str) -> Iterator[tuple[str, int]]:
    """URL and process of a virtual board for the time of the block. words: more arguments of `firstspike board`."""
    with tempfile.TemporaryDirectory() as folder:
        name = f"{folder}/board"
        command = [sys.executable, "-m", "firstspike", "board", "--listen", f"pty:{name}", *words]
        board = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert board.stdout is not None
            if not board.stdout.readline():
                raise SystemExit(board.wait() or 1)
            yield name, board.pid
        finally:
            board.terminate()
            board.wait()


def main(words: list[str]) -> int:
    if "--" not in words:
        print(__doc__, file=sys.stderr)
        return 2
    cut = words.index("--")
    settings = words[:cut]
    query = f"?baudrate={settings[settings.index('--baudrate') + 1]}" if "--baudrate" in settings else ""
    with virtual_board(*settings) as (name, _):
        url = f"serial://{name}{query}"
        return subprocess.run([word.replace("{board}", url) for word in words[cut + 1 :]], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
