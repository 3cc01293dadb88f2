"""What the commands that talk to a board share: its option, its figures, a link's errors in a line."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from firstspike.report import ProgressLine
from firstspike_contract import EventSet, Network, figures
from firstspike_contract.arithmetic.results import Batch
from firstspike_contract.core.stream_format import unpack_result

if TYPE_CHECKING:
    from firstspike.board import Answers, Board

__all__ = ["BOARD_HELP", "add_board", "answer_figures", "core_name", "link_errors", "opened"]

BOARD_HELP: Final = "serial:///dev/ttyUSB0?baudrate=3000000, socket://HOST:PORT, sim:, rtl:; see firstspike devices"
# Counters of a status that say that something went wrong on the way, and was mended.
_ERRORS: Final = ("frames_bad", "frames_again", "frames_ahead", "repeats", "line_errors", "watchdogs")


def add_board(parser: argparse.ArgumentParser) -> None:
    """--board URL."""
    parser.add_argument("--board", required=True, metavar="URL", help=BOARD_HELP)


@contextmanager
def opened(url: str, *, timeout: float = 5.0) -> Iterator["Board"]:
    """The board of a URL, open until the end of the block; building a simulated one shows its progress."""
    import firstspike

    with ProgressLine("building the simulation (once, then kept)") as progress:
        board = firstspike.open(url, timeout=timeout, progress=progress)
    with board:
        yield board


def core_name(board: "Board") -> str:
    """Name of the shipped core that the board was built as, or `own`."""
    from firstspike_contract import CONFIGS

    return next((name for name, config in CONFIGS.items() if config == board.config), "own")


def link_errors(status: dict[str, Any]) -> dict[str, int]:
    """Errors of the link that were mended, both ends together, by name."""
    host = status["host"]
    found = {name: status[name] for name in _ERRORS} | {
        "damaged_here": host["damaged"],
        "repeats_here": host["repeats"],
        "reconnects": host["reconnects"],
        "sessions": host["sessions"],
    }
    return {name: int(value) for name, value in found.items()}


def answer_figures(network: Network, events: EventSet, answers: "Answers") -> dict[str, Any]:
    """The figures of `firstspike simulate` as far as answers without spikes tell, and the core's own."""
    batch, packets = answers.batch, answers.packets
    if batch is None:
        _, results = unpack_result(np.ascontiguousarray(packets).view("<u4"))
        rows = np.zeros((len(packets), len(network.layers)), np.int32)
        found = figures(network, Batch(results=results, times=(), rows=rows), events.labels)
        del found["lookups"]  # only the spikes tell
    else:
        found = figures(network, batch, events.labels)
    if packets["cycles"].any():
        found["cycles"] = _spread(packets["cycles"])
        found["latency"] = _spread(packets["latency"])
        found["rows_read"] = float(packets["rows_read"].mean())
    return found


def _spread(values: np.ndarray) -> dict[str, float]:
    p50, p99 = np.percentile(values, (50, 99))
    return {"mean": float(values.mean()), "p50": float(p50), "p99": float(p99)}
