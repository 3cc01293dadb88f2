"""Classifies your own images on a board: python examples/own_data.py URL DEPLOYMENT IMAGES.npy.

IMAGES.npy holds an array [images, ...] of bytes, or of numbers in 0..1. An image has one value for each input of the
network.
"""

import sys
from pathlib import Path

import firstspike
from firstspike.datasets import encode, read_values
from firstspike_compiler.deployment import read_deployment


def main(url: str, folder: str, images: str) -> None:
    deployment = read_deployment(folder)
    coding = deployment.manifest["encoding"]
    steps = deployment.network.steps
    events = encode(read_values(Path(images)), coding["name"], steps=steps, late=coding["late"])
    with firstspike.open(url) as board:
        board.load(deployment, if_needed=True)
        for result in board.stream(events):
            print(result.image, result.answer, "silent" if result.silent else f"at step {result.step}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
