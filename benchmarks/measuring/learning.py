"""Let a network learn one course from one start, and print its figures as one JSON object (docs/learning.md).

    python benchmarks/measure.py learning scratch --seed 1
    python benchmarks/measure.py learning shuffled20 --seed 1 --held-out --p 0x4,1x2,2,3

A start with a base begins with the network that the base learnt with the same seed (build/learning). Options that are
not listed here go to `firstspike learn`; they win over those of the start. With --held-out the course is judged on the
last 5,000 training images, which it does not learn from: settings were chosen that way. Without it, the course is
judged once, on the test split.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from derived.images import Selection, changed, samples
from derived.networks import scratch, shuffled

from firstspike.datasets import write_npz
from firstspike_compiler.formats.nir.reader import read_nir
from firstspike_compiler.formats.nir.writer import write_nir
from firstspike_contract import UsageError
from measuring._firstspike import answer

__all__ = ["STARTS", "Start", "main"]

BUILD = Path("build/learning")
HELD = 5000  # training images that no course with --held-out learns from
TRAIN = 60_000 - HELD
FEW = 10_000
NEW = 9  # the class that `new-class` does not know at first


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a course begins with, which images it learns from, and how.

    learn:      options of `firstspike learn`.
    base:       the start whose learnt network this one begins with; "" for random weights.
    shuffle:    fraction of the base's weights that is permuted before the course.
    without:    a class left out of all images of the course.
    rotate:     degrees by which all images of the course are turned.
    permute:    seed of a permutation of the pixels of all images of the course.
    first:      number of training images to learn from.
    all_inputs: keeps the pixels that are dark in every training image.
    """

    learn: tuple[str, ...]
    base: str = "scratch"
    shuffle: float = 0.0
    without: int | None = None
    rotate: float = 0.0
    permute: int | None = None
    first: int = TRAIN
    all_inputs: bool = False

    def images(self, *, first: int | None = None, last: int | None = None) -> Selection:
        """Returns the selection of images changed as this start asks for."""
        return Selection(first=first, last=last, without=self.without, rotate=self.rotate, permute=self.permute)


LONG = ("--epochs", "20", "--p", "0x6,1x4,2x4,3x3,4x2,5", "--margin", "4", "--late", "26")
SHORT = ("--every", "1000")
FIVE = ("--epochs", "5", "--p", "0x3,1x3,2x3,3x3,4", "--late", "26", "--deform", "0.5", "--every", "5000")
SHIFTED = (*LONG, "--shift", "1")
STARTS = {
    "scratch": Start(base="", learn=(*LONG, "--deform", "0.8")),
    "scratch-strong": Start(base="", learn=(*LONG, "--deform", "1.2")),
    "scratch-shifts": Start(base="", learn=SHIFTED),
    "scratch-plain": Start(base="", learn=LONG),
    "all-inputs": Start(base="", learn=SHIFTED, all_inputs=True),
    "nine": Start(base="", without=NEW, learn=SHIFTED),
    "shuffled20": Start(shuffle=0.2, first=FEW, learn=(*SHORT, "--p", "0x4,1x2,2,3", "--margin", "3", "--late", "26")),
    "shuffled20-x5": Start(shuffle=0.2, first=FEW, learn=(*FIVE, "--margin", "4")),
    "rotated15": Start(
        base="scratch-strong",
        rotate=15,
        first=FEW,
        learn=(*SHORT, "--p", "0x6,1x2,2,3", "--margin", "3", "--late", "20"),
    ),
    "rotated15-x5": Start(base="scratch-strong", rotate=15, first=FEW, learn=(*FIVE, "--margin", "4")),
    "new-class": Start(base="nine", first=FEW, learn=(*SHORT, "--p", "0x8,1,2", "--margin", "3", "--late", "24")),
    "new-class-x5": Start(base="nine", first=FEW, learn=(*FIVE, "--margin", "3")),
    "permuted": Start(
        base="all-inputs",
        permute=7,
        learn=("--epochs", "5", "--p", "0x4,1x4,2x3,3x3,4", "--margin", "4", "--late", "26", "--every", "11000"),
        all_inputs=True,
    ),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("start", choices=STARTS)
    parser.add_argument("--seed", type=int, default=1, help="seed of weights, damage and course (default 1)")
    parser.add_argument("--steps", type=int, default=32, help="time codes (default 32)")
    parser.add_argument("--held-out", action="store_true", help="judge on held-out training images")
    args, options = parser.parse_known_args(arguments)
    BUILD.mkdir(parents=True, exist_ok=True)
    print(json.dumps(_learn(args, options)))
    return 0


def _learn(args: argparse.Namespace, options: list[str]) -> dict[str, Any]:
    """Runs the course; returns its figures. Writes the learnt network and the history of the course under BUILD."""
    start, name = STARTS[args.start], f"{args.start}-{args.seed}"
    folder = _begin(args, start)
    learning = _written(f"learning-{args.start}", "mnist:train", start.images(first=start.first))
    checks = _written(f"checks-{args.start}", "mnist:train", start.images(last=HELD))
    judged = checks if args.held_out else _written(f"test-{args.start}", "mnist:test", start.images())
    said = answer(
        *("learn", str(folder), "--data", str(learning), "--check", str(checks), "--test", str(judged)),
        *("--seed", str(args.seed), "-o", str(BUILD / name), "--nir", str(BUILD / f"{name}.nir"), "--force"),
        *(*start.learn, *options),
    )
    history = said.pop("history")
    before = answer("simulate", str(folder), "--data", str(checks))["accuracy"]
    (BUILD / f"{name}.history.json").write_text(_history(before, history))
    said |= {"start": args.start, "dataset": "mnist", "split": "held-out" if args.held_out else "test"}
    said |= {"seed": args.seed, "network": f"784-600-10 {args.start}", "steps": None}
    said["images_to_96"] = next((entry["images"] for entry in history if entry["accuracy"] >= 0.96), None)
    if args.start.startswith("new-class"):
        said |= _of_the_new_class(said["accuracy_by_class_before"], said["accuracy_by_class"])
    return {key: value for key, value in said.items() if key not in ("output", "nir", "picture")}


def _of_the_new_class(before: list[float], after: list[float]) -> dict[str, float]:
    """Returns the accuracy on the new class, and what the other classes lost on average."""
    old = [k for k in range(10) if k != NEW]
    return {"accuracy_new_class": after[NEW], "accuracy_old_lost": sum(before[k] - after[k] for k in old) / len(old)}


def _history(before: float, entries: list[dict[str, Any]]) -> str:
    """Returns the course as JSON: images learnt and accuracy on the check images, one point a line."""
    points = [(0, before), *((entry["images"], entry["accuracy"]) for entry in entries)]
    lines = ",\n".join(f'  {{"images": {images}, "accuracy": {accuracy}}}' for images, accuracy in points)
    return f"[\n{lines}\n]\n"


def _begin(args: argparse.Namespace, start: Start) -> Path:
    """Compiles the deployment that the course begins with; returns its folder."""
    folder = BUILD / f"{args.start}-{args.seed}-start"
    nir = folder.with_suffix(".nir")
    if not start.base:
        lit = np.any(samples("mnist:train").values, axis=0) | start.all_inputs
        write_nir(scratch(args.seed, args.steps, lit), nir)
    else:
        base = BUILD / f"{start.base}-{args.seed}.nir"
        if not base.exists():
            raise UsageError(
                f"the course {args.start} begins with the network that {start.base} learnt, and {base} is missing; "
                f"first run: python benchmarks/measure.py learning {start.base} --seed {args.seed}"
            )
        if start.shuffle:
            write_nir(shuffled(read_nir(str(base)), start.shuffle, args.seed), nir)
        else:
            nir = base
    kept = ("--keep-inputs", "--target", "generic") if start.all_inputs else ()  # more than the boards' memories hold
    answer("compile", str(nir), "-o", str(folder), "--force", *kept)
    return folder


def _written(name: str, data: str, selection: Selection) -> Path:
    """Writes the selected images as an event file; returns its path."""
    path = BUILD / f"{name}.npz"
    write_npz(path, changed(data, selection), force=True)
    return path
