#!/usr/bin/env python3
"""Images through a virtual board over a bad line: what is wrong, lost or doubled, as one JSON object.

    python benchmarks/link_faults.py build/link flip-1e-4 --images 20000 --seed 1
    python benchmarks/link_faults.py build/link flip-1e-4 --images 300 --backend rtl

The model is at a pseudo-terminal, in real time; the gateware in this process, with its UART, on the simulation's clock.

Both directions are made bad at the host's end. The deployment is loaded anew after every 5,000 images, on the same
line. The time to recover from a fault is the longest pause between results in the 50 ms after it, or the pause that it
falls into. Exit status 1 unless all results are right.
"""

import argparse
import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from with_board import virtual_board

from firstspike.board import Board
from firstspike.cli.on_board import link_errors
from firstspike.datasets import encode, load
from firstspike.link.faults import Faults, FaultyLine, parse_faults
from firstspike.link.framed import FramedTransport
from firstspike.link.serial_line import SerialLine
from firstspike.virtual.rtl_line import RtlLine
from firstspike_compiler.deployment import read_deployment
from firstspike_contract import CONFIGS, EventSet
from firstspike_sim import FastModel
from firstspike_sim.rtl.board import RtlBoard

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
PIECE: Final = 5000  # images between two loads
NEAR: Final = 0.05  # seconds after a fault in which what it causes is looked for
RESETS: Final = {"model": 1000, "rtl": 60}  # images between two resets of the board, on average
# Where every microsecond is simulated, what is waited for is a tenth.
RTL_FAULTS: Final = {**FAULTS, "stall": "stall=0.05,pause=0.005"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deployment", type=Path)
    parser.add_argument("fault", choices=FAULTS)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backend", choices=("model", "rtl"), default="model")
    parser.add_argument("--core", default="fast")
    args = parser.parse_args()
    deployment = read_deployment(args.deployment)
    digits = load("mnist:test")
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
    """A bad line to a board, and its reset button."""
    if backend == "rtl":
        with RtlBoard(CONFIGS[core]) as board:
            yield FaultyLine(RtlLine(board), faults, sleep=lambda s: board.run(round(s * board.clock))), board.reset
        return
    with virtual_board("--core", core) as (name, process):
        yield FaultyLine(SerialLine(name), faults), lambda: os.kill(process, signal.SIGUSR1)


def measured(
    line: FaultyLine, reset: Callable[[], None], deployment: Any, events: EventSet, args: argparse.Namespace
) -> dict[str, Any]:
    """Streams until the images are used up. Counts each result against the model's."""
    board, chance = Board(FramedTransport(line), timeout=20), random.Random(args.seed)
    want = FastModel(deployment.network).run(events).results
    wrong = done = seen = loads = resets = 0
    recovered = np.zeros(0)
    start, next_reset = line.now(), chance.expovariate(1 / RESETS[args.backend])  # the latter in images
    while done < args.images:
        board.load(deployment)
        loads += 1
        line.when.clear()  # what went wrong while it was loaded is got over
        piece = events.head(min(PIECE, args.images - done))
        answered, arrivals = set(), []
        for result in board.stream(piece):
            now = line.now()
            arrivals.append(now)
            seen += 1
            row = want[result.image]
            right = (result.answer, result.step, result.silent, result.tie, result.exact_tie) == tuple(row.tolist())[:5]
            right &= all(result.counts[name] == row[name] for name in result.counts)
            wrong += (not right) + (result.image in answered)
            answered.add(result.image)
            if args.fault == "reset" and seen > next_reset:
                reset()
                line.when.append(now)
                resets += 1
                next_reset = seen + chance.expovariate(1 / RESETS[args.backend])
        wrong += len(piece) - len(answered)  # lost
        done += len(piece)
        recovered = np.append(recovered, recovery(np.array(arrivals), np.array(line.when)))
    seconds = line.now() - start
    errors = link_errors(board.status())
    recover = np.append(recovered, [0.0] * (not len(recovered))) * 1000
    return {
        "transactions": seen,
        "wrong_lost_duplicated": wrong,
        "loads": loads,
        "faults": sum(line.out.hurts.values()) + sum(line.back.hurts.values()) + line.stalls + line.breaks + resets,
        "recover_ms": {
            "p50": float(np.median(recover)),
            "p99": float(np.percentile(recover, 99)),
            "max": float(recover.max()),
        },
        "seconds": seconds,
        "images_per_second": seen / seconds,
        "sessions": errors["sessions"],
        "reconnects": errors["reconnects"],
    }


def recovery(arrivals: np.ndarray, faults: np.ndarray) -> np.ndarray:
    """Longest pause between two results, seconds, of those that end within NEAR of each fault, or the first after it.

    Without faults: the same at regular times, to compare with.
    """
    found = []
    for when in faults if len(faults) else np.arange(arrivals[0], arrivals[-1], NEAR):
        first, last = np.searchsorted(arrivals, [when, when + NEAR])
        pauses = np.diff(arrivals[max(first, 1) - 1 : max(last, first + 1)])
        found.append(float(pauses.max()) if len(pauses) else 0.0)
    return np.array(found)


if __name__ == "__main__":
    raise SystemExit(main())
