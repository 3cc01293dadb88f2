"""The common parts of the commands that use a board: its option, its figures, the errors of its link."""

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

BOARD_HELP: Final = (
    "URL of the board: serial:///dev/ttyUSB0?baudrate=3000000, socket://HOST:PORT, sim: (the model) "
    "or rtl: (simulated gateware); firstspike devices lists what is connected"
)
# Counters of a status that count errors of the link that were mended.
_ERRORS: Final = ("frames_bad", "frames_again", "frames_ahead", "repeats", "line_errors", "watchdogs")


def add_board(parser: argparse.ArgumentParser) -> None:
    """Adds the option --board URL."""
    parser.add_argument("--board", required=True, metavar="URL", help=BOARD_HELP)


@contextmanager
def opened(url: str, *, timeout: float = 5.0) -> Iterator["Board"]:
    """Opens the board at a URL until the end of the block. Shows progress while simulated gateware is built."""
    import firstspike

    with ProgressLine("building the simulation (only the first time)") as progress:
        board = firstspike.open(url, timeout=timeout, progress=progress)
    with board:
        yield board


def core_name(board: "Board") -> str:
    """Returns the name of the shipped core with the board's configuration, or `own` if there is none."""
    from firstspike_contract import CONFIGS

    return next((name for name, config in CONFIGS.items() if config == board.config), "own")


def link_errors(status: dict[str, Any]) -> dict[str, int]:
    """Returns the numbers of errors of the link that were mended, from both ends, by name."""
    host = status["host"]
    found = {name: status[name] for name in _ERRORS} | {
        "damaged_here": host["damaged"],
        "repeats_here": host["repeats"],
        "reconnects": host["reconnects"],
        "sessions": host["sessions"],
    }
    return {name: int(value) for name, value in found.items()}


def answer_figures(network: Network, events: EventSet, answers: "Answers") -> dict[str, Any]:
    """Returns the figures of `firstspike simulate`, and those that the core counts.

    Without spikes in the answers, `lookups` is left out. A model counts no cycles, so its core has no figures.
    """
    batch, packets = answers.batch, answers.packets
    if batch is None:
        _, results = unpack_result(np.ascontiguousarray(packets).view("<u4"))
        rows = np.zeros((len(packets), len(network.layers)), np.int32)
        found = figures(network, Batch(results=results, times=(), rows=rows), events.labels)
        del found["lookups"]  # computing it needs the spikes
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
