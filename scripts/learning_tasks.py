#!/usr/bin/env python3
"""Networks and images to try learning with: random weights, damaged weights, turned, permuted or missing images.

python scripts/learning_tasks.py scratch -o build/scratch.nir --seed 1
python scripts/learning_tasks.py shuffle build/learnt.nir -o build/shuffled.nir --share 0.2
python scripts/learning_tasks.py images mnist:train -o build/turned.npz --rotate 15
"""

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from firstspike.datasets import Samples, encode, load, write_npz
from firstspike_compiler.formats.nir.reader import read_nir
from firstspike_compiler.formats.nir.writer import write_nir
from firstspike_compiler.integers import network_to_ir
from firstspike_compiler.ir import Encoding, NetworkIR
from firstspike_contract import FirstspikeError, Layer, Network, kernel_tables

__all__ = ["main", "permuted", "rotated", "scratch", "shuffled"]

SIDE = 28
HIDDEN = 600
# Initial weights, mean and standard deviation by layer; chosen on held-out training images (docs/learning.md).
FIRST, SECOND = (3.0, 40.0), (6.0, 20.0)
BRIGHT = 100  # pixels of a digit, about
ACTIVE = 0.2  # fraction of the hidden neurons that fire by T-1, before any learning


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = parser.add_subparsers(required=True)
    _add_scratch(tasks)
    _add_shuffle(tasks)
    _add_images(tasks)
    args = parser.parse_args()
    if args.output.exists() and not args.force:
        print(f"error: {args.output} exists and is not overwritten; use another name, or --force", file=sys.stderr)
        return 1
    try:
        print(f"{args.output}: {args.make(args)}")
    except FirstspikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _task(tasks: Any, name: str, make: Callable[[argparse.Namespace], str], summary: str) -> Any:
    task = tasks.add_parser(name, help=summary)
    task.set_defaults(make=make)
    task.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    task.add_argument("--seed", type=int, default=1, help="same seed, same result (default 1)")
    task.add_argument("--force", action="store_true", help="overwrite an existing output")
    return task


def _add_scratch(tasks: Any) -> None:
    task = _task(tasks, "scratch", _scratch, "784-600-10 with random int8 weights")
    task.add_argument("--steps", type=int, default=32, metavar="T", help="time codes (default 32)")
    task.add_argument("--all-inputs", action="store_true", help="also those that are dark in every training image")


def _scratch(args: argparse.Namespace) -> str:
    lit = _samples("mnist:train").values.any(axis=0)
    seen = np.ones(SIDE * SIDE, bool) if args.all_inputs else lit
    write_nir(scratch(args.seed, args.steps, seen), args.output)
    return f"784-600-10, random weights, {seen.sum()} inputs, T = {args.steps}, seed {args.seed}"


def scratch(seed: int, steps: int, seen: np.ndarray) -> NetworkIR:
    """Random weights. seen: bool ``[784]``, inputs that have any; the others are dropped when it is compiled.

    Thresholds: a hidden neuron needs the slope that only the fraction ACTIVE of them have, to fire by T-1; an output
    neuron one standard deviation of the sum over as many hidden neurons, over 2/5 of the time.
    """
    rng = np.random.default_rng(seed)
    slope = FIRST[0] * BRIGHT + FIRST[1] * BRIGHT**0.5 * NormalDist().inv_cdf(1 - ACTIVE)
    spread = (ACTIVE * HIDDEN * (SECOND[0] ** 2 + SECOND[1] ** 2)) ** 0.5
    thetas = (int(slope * (steps - 1)), int(spread * (steps - 1) * 100 / 255))
    first = _weights(rng, FIRST, (SIDE * SIDE, HIDDEN)) * seen[:, None]
    layers = [
        _layer(w, theta, steps) for w, theta in zip((first, _weights(rng, SECOND, (HIDDEN, 10))), thetas, strict=True)
    ]
    network = Network(
        kernel="linear",
        steps=steps,
        input_map=np.arange(SIDE * SIDE),
        input_delays=np.zeros(SIDE * SIDE, np.int64),
        layers=tuple(layers),
    )
    ir = network_to_ir(network, encoding=Encoding(name="binary"))
    return dataclasses.replace(ir, record={"start": "scratch", "seed": seed})


def _weights(rng: np.random.Generator, start: tuple[float, float], shape: tuple[int, int]) -> np.ndarray:
    return np.clip(np.rint(rng.normal(*start, shape)), -127, 127).astype(np.int8)


def _layer(weights: np.ndarray, theta: int, steps: int) -> Layer:
    tables = kernel_tables("linear", steps=steps, tau_steps=1.0, theta=theta, fraction_bits=0)
    return Layer(
        weights=weights,
        a=tables.a,
        m=tables.m,
        th=tables.th,
        constant_times=np.zeros(0, np.int64),
        delays=np.zeros(weights.shape[1], np.int64),
        source_inputs=len(weights),
    )


def _add_shuffle(tasks: Any) -> None:
    task = _task(tasks, "shuffle", _shuffle, "a network with some of its weights permuted")
    task.add_argument("network", help="a .nir file")
    task.add_argument("--share", type=float, default=0.2, help="fraction of the weights of each layer (default 0.2)")


def _shuffle(args: argparse.Namespace) -> str:
    write_nir(shuffled(read_nir(args.network), args.share, args.seed), args.output)
    return f"{args.share:.0%} of the weights of each layer permuted, seed {args.seed}"


def shuffled(ir: NetworkIR, share: float, seed: int) -> NetworkIR:
    """A random `share` of each layer's weights change places among themselves; rows that are all zero stay."""
    rng = np.random.default_rng(seed)
    layers = []
    for layer in ir.layers:
        weights = layer.weights.copy()
        used = np.flatnonzero(weights.any(axis=1))
        flat = weights[used].ravel()
        chosen = rng.choice(len(flat), int(share * len(flat)), replace=False)
        flat[chosen] = flat[rng.permutation(chosen)]
        weights[used] = flat.reshape(len(used), -1)
        layers.append(dataclasses.replace(layer, weights=weights))
    return dataclasses.replace(ir, layers=tuple(layers))


def _add_images(tasks: Any) -> None:
    task = _task(tasks, "images", _images, "MNIST changed, as events")
    task.add_argument("data", help="mnist:train or mnist:test")
    task.add_argument("--rotate", type=float, default=0.0, metavar="DEGREES", help="turn every image")
    task.add_argument("--permute", type=int, metavar="SEED", help="permute the pixels, the same way in all images")
    task.add_argument("--without", type=int, metavar="CLASS", help="leave a class out")
    task.add_argument("--only", type=int, metavar="CLASS", help="leave all others out")
    task.add_argument("--first", type=int, metavar="N", help="of the first N images")
    task.add_argument("--last", type=int, metavar="N", help="of the last N images")


def _images(args: argparse.Namespace) -> str:
    samples = _samples(args.data)
    part = slice(-args.last, None) if args.last else slice(args.first)
    values, labels = samples.values[part], samples.labels[part]
    if args.without is not None:
        values, labels = values[labels != args.without], labels[labels != args.without]
    if args.only is not None:
        values, labels = values[labels == args.only], labels[labels == args.only]
    if args.rotate:
        values = rotated(values, args.rotate)
    if args.permute is not None:
        values = permuted(values, args.permute)
    write_npz(args.output, encode(values, "binary", steps=16, labels=labels), force=args.force)
    return f"{len(labels)} images"


def rotated(values: np.ndarray, degrees: float) -> np.ndarray:
    """Images uint8 ``[N, 784]`` turned anticlockwise about their middle, bilinear, dark outside, 0 or 255."""
    centre, angle = (SIDE - 1) / 2, np.deg2rad(degrees)
    y, x = np.mgrid[:SIDE, :SIDE] - centre
    down = np.cos(angle) * y + np.sin(angle) * x + centre
    right = np.cos(angle) * x - np.sin(angle) * y + centre
    top, left = np.floor(down).astype(int), np.floor(right).astype(int)
    total = np.zeros(values.shape, np.float64)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        r, c = top + row, left + column
        share = np.abs(1 - row - (down - top)) * np.abs(1 - column - (right - left))
        inside = (r >= 0) & (r < SIDE) & (c >= 0) & (c < SIDE)
        pixel = (np.clip(r, 0, SIDE - 1) * SIDE + np.clip(c, 0, SIDE - 1)).ravel()
        total += values[:, pixel] * (share * inside).ravel()
    return np.where(total > 127, 255, 0).astype(np.uint8)


def permuted(values: np.ndarray, seed: int) -> np.ndarray:
    """Pixels of all images in one other order."""
    return values[:, np.random.default_rng(seed).permutation(values.shape[1])]


def _samples(spec: str) -> Samples:
    found = load(spec)
    assert isinstance(found, Samples)
    return found


if __name__ == "__main__":
    sys.exit(main())
