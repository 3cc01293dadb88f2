"""Load a network through the simulated UART of a simulated board, classify digits, and print one JSON object.

    python benchmarks/measure.py link_upload build/link --images 100

Every byte goes bit by bit, in the clock cycles of a real line. Exit status 1 unless every spike equals the model's.
"""

import argparse
import json
from pathlib import Path

from derived.images import samples

from firstspike.board import Board
from firstspike.cli.compare import differing
from firstspike.datasets import encode
from firstspike.link.framed import FramedTransport
from firstspike.virtual.rtl_line import RtlLine
from firstspike_compiler.deployment import read_deployment
from firstspike_contract import CONFIGS
from firstspike_contract.link.timing import BITS_PER_BYTE
from firstspike_sim import FastModel
from firstspike_sim.rtl.board import RtlBoard

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deployment", type=Path)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--core", default="fast")
    args = parser.parse_args(arguments)
    deployment = read_deployment(args.deployment)
    network, digits = deployment.network, samples("mnist:test")
    events = encode(digits.values[: args.images], "binary", steps=network.steps, labels=digits.labels[: args.images])
    want = FastModel(network).run(events)
    with RtlBoard(CONFIGS[args.core]) as device:
        board = Board(FramedTransport(RtlLine(device, shortcut=False)))
        start, sent = device.cycles, board.sent_bytes
        board.load(deployment)
        loading, carried = device.cycles - start, board.sent_bytes - sent
        start = device.cycles
        answers = board.run(events, spikes=True)
        streaming = device.cycles - start
        board.verify()
        errors = board.status()
        divisor = device.divisor
    assert answers.batch is not None
    found = {
        **{"network": (deployment.manifest.get("source") or {}).get("file"), "target": deployment.manifest["target"]},
        **{"dataset": "mnist", "split": "test", "kernel": network.kernel, "images": len(events)},
        **{"backend": "rtl", "core": args.core, "cycles_per_bit": divisor},
        "upload_bytes": carried,
        "upload_cycles": loading,
        "upload_share_of_line": BITS_PER_BYTE * divisor * carried / loading,
        "stream_cycles": streaming,
        "mismatches": len(differing(answers.batch, want)),
        **{name: errors[name] for name in ("frames_bad", "frames_again", "repeats")},
    }
    print(json.dumps(found))
    return int(found["mismatches"] > 0)
