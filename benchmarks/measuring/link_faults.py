"""Stream images through a virtual board over a bad line; print what was wrong, lost or doubled as one JSON object.

    python benchmarks/measure.py link_faults build/link flip-1e-4 --images 20000 --seed 1
    python benchmarks/measure.py link_faults build/link flip-1e-4 --images 300 --backend rtl

The model's board is a process at a pseudo-terminal, in real time. The gateware's board is simulated in this process,
with its UART, on the simulation's clock. Both directions of the line are made bad at the host's end. The deployment is
loaded again after every 5,000 images, over the same line.

The time to recover from a fault is the longest pause between two results in the 50 ms after the fault, or the pause
that contains the fault. Exit status 1 unless all results are right.
"""

import argparse
import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from derived.images import samples

from firstspike.board import Board
from firstspike.cli.on_board import link_errors
from firstspike.datasets import encode
from firstspike.link.faults import Faults, FaultyLine, parse_faults
from firstspike.link.framed import FramedTransport
from firstspike.link.serial_line import SerialLine
from firstspike.virtual.rtl_line import RtlLine
from firstspike_compiler.deployment import Deployment, read_deployment
from firstspike_contract import CONFIGS, EventSet
from firstspike_sim import FastModel
from firstspike_sim.rtl.board import RtlBoard
from measuring._firstspike import virtual_board

__all__ = ["FAULTS", "main", "recovery"]

FAULTS: Final = {
    "none": "seed=1",
    "flip-1e-5": "flip=1e-5",
    "flip-1e-4": "flip=1e-4",
    "drop": "drop=1e-4",
    "double": "double=1e-4",
    "reorder": "swap=1e-4",
    "truncate": "cut=0.05",
    "stall": "stall=0.05,pause=0.05",
    "disconnect": "unplug=0.05",
    "reset": "seed=1",
    "all": "flip=1e-5,drop=1e-5,double=1e-5,swap=1e-5,cut=0.003,stall=0.002,unplug=0.001",
}
# Pauses are a tenth as long where every microsecond is simulated.
RTL_FAULTS: Final = {**FAULTS, "stall": "stall=0.05,pause=0.005"}
PIECE: Final = 5000  # images between two loads
NEAR: Final = 0.05  # seconds after a fault in which its effect is looked for
RESETS: Final = {"model": 1000, "rtl": 60}  # images between two resets of the board, on average


@dataclass
class Tally:
    """Counts of one run; `recover` has one entry for each fault, seconds."""

    seen: int = 0
    wrong: int = 0
    loads: int = 0
    resets: int = 0
    recover: list[float] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deployment", type=Path)
    parser.add_argument("fault", choices=FAULTS)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backend", choices=("model", "rtl"), default="model")
    parser.add_argument("--core", default="fast")
    args = parser.parse_args(arguments)
    deployment = read_deployment(args.deployment)
    digits = samples("mnist:test")
    events = encode(digits.values, "binary", steps=deployment.network.steps, labels=digits.labels)
    rate = (RTL_FAULTS if args.backend == "rtl" else FAULTS)[args.fault]
    faults = parse_faults(f"{rate},seed={args.seed}")
    with far_end(args.backend, args.core, faults) as (line, reset):
        found = measured(line, reset, deployment, events, args)
    found = {"fault": args.fault, "rate": rate, "backend": args.backend, "core": args.core, **found}
    about = {"network": (deployment.manifest.get("source") or {}).get("file"), "target": deployment.manifest["target"]}
    about |= {"dataset": "mnist", "split": "test", "kernel": deployment.network.kernel, "images": args.images}
    print(json.dumps({**about, **found}))
    return int(found["wrong_lost_duplicated"] > 0)


@contextmanager
def far_end(backend: str, core: str, faults: Faults) -> Iterator[tuple[FaultyLine, Callable[[], None]]]:
    """Yields a bad line to a board, and a function that resets the board."""
    if backend == "rtl":
        with RtlBoard(CONFIGS[core]) as board:

            def sleep(seconds: float) -> None:
                board.run(round(seconds * board.clock))

            yield FaultyLine(RtlLine(board), faults, sleep=sleep), board.reset
        return
    with virtual_board("--core", core) as (name, process):
        yield FaultyLine(SerialLine(name), faults), lambda: os.kill(process, signal.SIGUSR1)


def measured(
    line: FaultyLine, reset: Callable[[], None], deployment: Deployment, events: EventSet, args: argparse.Namespace
) -> dict[str, Any]:
    """Loads and streams until `args.images` images are sent; returns the figures of the run."""
    board, tally = Board(FramedTransport(line), timeout=20), Tally()
    want = FastModel(deployment.network).run(events).results
    button = _button(line, reset, tally, args)
    start, done = line.now(), 0
    while done < args.images:
        board.load(deployment)
        tally.loads += 1
        line.when.clear()  # faults during the load have had their effect
        piece = events.head(min(PIECE, args.images - done))
        _stream(board, line, piece, want, tally, button)
        done += len(piece)
    seconds = line.now() - start
    errors = link_errors(board.status())
    recover = 1000 * np.array(tally.recover or [0.0])
    hurts = sum(line.out.hurts.values()) + sum(line.back.hurts.values())
    return {
        "transactions": tally.seen,
        "wrong_lost_duplicated": tally.wrong,
        "loads": tally.loads,
        "faults": hurts + line.stalls + line.breaks + tally.resets,
        "recover_ms": {
            "p50": float(np.median(recover)),
            "p99": float(np.percentile(recover, 99)),
            "max": float(recover.max()),
        },
        "seconds": seconds,
        "images_per_second": tally.seen / seconds,
        "sessions": errors["sessions"],
        "reconnects": errors["reconnects"],
    }


def _button(
    line: FaultyLine, reset: Callable[[], None], tally: Tally, args: argparse.Namespace
) -> Callable[[float], None]:
    """Returns a function that is called after each result, with its time; it resets the board at random intervals.

    The board is reset only if the fault is `reset`.
    """
    chance, mean = random.Random(args.seed), RESETS[args.backend]
    following = chance.expovariate(1 / mean)  # number of results after which the next reset is due

    def after_result(now: float) -> None:
        nonlocal following
        if args.fault == "reset" and tally.seen > following:
            reset()
            line.when.append(now)
            tally.resets += 1
            following = tally.seen + chance.expovariate(1 / mean)

    return after_result


def _stream(
    board: Board, line: FaultyLine, piece: EventSet, want: np.ndarray, tally: Tally, button: Callable[[float], None]
) -> None:
    """Streams one piece of the images and compares every result with the model's.

    want: the model's results, a structured array with one row for each image.
    """
    answered: set[int] = set()
    arrivals = []
    for result in board.stream(piece):
        now = line.now()
        arrivals.append(now)
        tally.seen += 1
        row = want[result.image]
        right = (result.answer, result.step, result.silent, result.tie, result.exact_tie) == tuple(row.tolist())[:5]
        right &= all(result.counts[name] == row[name] for name in result.counts)
        tally.wrong += (not right) + (result.image in answered)
        answered.add(result.image)
        button(now)
    tally.wrong += len(piece) - len(answered)  # lost
    tally.recover += recovery(np.array(arrivals), np.array(line.when)).tolist()


def recovery(arrivals: np.ndarray, faults: np.ndarray) -> np.ndarray:
    """Returns the longest pause between two results near each fault, seconds, one entry for each fault.

    arrivals: times of the results, seconds. faults: times of the faults, seconds. A pause counts if it ends within NEAR
    after the fault, or if it is the first that ends after the fault. Without faults the pauses are taken at regular
    times, for comparison.
    """
    found = []
    for when in faults if len(faults) else np.arange(arrivals[0], arrivals[-1], NEAR):
        first, last = np.searchsorted(arrivals, [when, when + NEAR])
        pauses = np.diff(arrivals[max(first, 1) - 1 : max(last, first + 1)])
        found.append(float(pauses.max()) if len(pauses) else 0.0)
    return np.array(found)
