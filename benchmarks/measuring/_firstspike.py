"""Commands of `firstspike` that the programs here run: one that answers in JSON, and a virtual board beside a block."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from firstspike_contract import FirstspikeError

__all__ = ["FIRSTSPIKE", "answer", "virtual_board"]

FIRSTSPIKE = (sys.executable, "-m", "firstspike")


def answer(*words: object) -> dict[str, Any]:
    """Returns the JSON answer of a firstspike command. Raises FirstspikeError if the command fails."""
    command = [*FIRSTSPIKE, *map(str, words), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise FirstspikeError(f"firstspike {words[0]} exited with {done.returncode}; its own message stands above")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@contextmanager
def virtual_board(*words: str) -> Iterator[tuple[str, int]]:
    """Runs a virtual board at a pseudo-terminal for the time of the block; yields its path and its process id.

    words: further arguments of `firstspike board`. Raises FirstspikeError if the board does not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        name = f"{folder}/board"
        command = [*FIRSTSPIKE, "board", "--listen", f"pty:{name}", *words]
        board = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert board.stdout is not None
            if not board.stdout.readline():
                raise FirstspikeError(f"firstspike board exited with {board.wait()}; its own message stands above")
            yield name, board.pid
        finally:
            board.terminate()
            board.wait()
