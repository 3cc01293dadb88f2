#!/usr/bin/env python3
"""One course of learning from one start, and its figures as one JSON object (docs/learning.md; `make learning`).

    python benchmarks/learning.py scratch --seed 1
    python benchmarks/learning.py shuffled20 --seed 1 --held-out --p 0x4,1x2,2,3

A start with a base goes out from what that came to with the same seed (build/learning). Settings were chosen
with --held-out: learns from the first 55,000 training images, judged on the last 5,000. Without it the judge is the
test split, once.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["STARTS", "main"]

BUILD = Path("build/learning")
BIN = Path(sys.executable).parent
TRAIN, HELD = ("--first", "55000"), ("--last", "5000")
FEW = ("--first", "10000")
NEW = 9  # the class that new-class does not know at first


@dataclass(frozen=True, kw_only=True)
class Start:
    """What is learnt from, on what, how.

    base:   the start it goes out from; "" for random weights. damage: what learning_tasks.py does to its weights.
    images: what it does to the learning images. select: which of them. judged: likewise of those it is judged on.
    learn: options of `firstspike learn`. all_inputs: pixels that are dark in every training image are kept.
    """

    learn: tuple[str, ...]
    base: str = "scratch"
    damage: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    select: tuple[str, ...] = TRAIN
    judged: tuple[str, ...] = ()
    all_inputs: bool = False


LONG = ("--epochs", "20", "--p", "0x6,1x4,2x4,3x3,4x2,5", "--margin", "4", "--late", "26")
SHORT = ("--every", "1000")
FIVE = ("--epochs", "5", "--p", "0x3,1x3,2x3,3x3,4", "--late", "26", "--deform", "0.5", "--every", "5000")
STARTS = {
    "scratch": Start(base="", learn=(*LONG, "--deform", "0.8")),
    "scratch-strong": Start(base="", learn=(*LONG, "--deform", "1.2")),
    "scratch-shifts": Start(base="", learn=(*LONG, "--shift", "1")),
    "scratch-plain": Start(base="", learn=LONG),
    "all-inputs": Start(base="", learn=(*LONG, "--shift", "1"), all_inputs=True),
    "shuffled20": Start(
        damage=("shuffle", "--share", "0.2"),
        select=FEW,
        learn=(*SHORT, "--p", "0x4,1x2,2,3", "--margin", "3", "--late", "26"),
    ),
    "rotated15": Start(
        base="scratch-strong",
        images=("--rotate", "15"),
        select=FEW,
        learn=(*SHORT, "--p", "0x6,1x2,2,3", "--margin", "3", "--late", "20"),
    ),
    "shuffled20-x5": Start(damage=("shuffle", "--share", "0.2"), select=FEW, learn=(*FIVE, "--margin", "4")),
    "rotated15-x5": Start(base="scratch-strong", images=("--rotate", "15"), select=FEW, learn=(*FIVE, "--margin", "4")),
    "new-class-x5": Start(base="nine", select=FEW, learn=(*FIVE, "--margin", "3")),
    "permuted": Start(
        base="all-inputs",
        images=("--permute", "7"),
        learn=("--epochs", "5", "--p", "0x4,1x4,2x3,3x3,4", "--margin", "4", "--late", "26", "--every", "11000"),
        all_inputs=True,
    ),
    "nine": Start(base="", images=("--without", str(NEW)), learn=(*LONG, "--shift", "1")),
    "new-class": Start(base="nine", select=FEW, learn=(*SHORT, "--p", "0x8,1,2", "--margin", "3", "--late", "24")),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("start", choices=STARTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=32, help="time codes (default 32)")
    parser.add_argument("--held-out", action="store_true", help="judge on held-out training images")
    parser.add_argument("--picture", type=Path, help="draw accuracy over images")
    args, options = parser.parse_known_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    print(json.dumps(_learn(args, options)))
    return 0


def _learn(args: argparse.Namespace, options: list[str]) -> dict[str, Any]:
    """The course, from what its start is; options: more for `firstspike learn`, the later ones count."""
    start = STARTS[args.start]
    folder = _begin(args, start)
    name = f"{args.start}-{args.seed}"
    learning = _images("mnist:train", f"learning-{args.start}", (*start.images, *start.select))
    checks = _images("mnist:train", f"checks-{args.start}", (*start.images, *HELD))
    judged = checks if args.held_out else _images("mnist:test", f"test-{args.start}", start.images)
    picture = () if args.picture is None else ("--picture", str(args.picture))
    said = _run(
        *("learn", str(folder), "--data", str(learning), "--check", str(checks), "--test", str(judged)),
        *("--seed", str(args.seed), "-o", str(BUILD / name), "--nir", str(BUILD / f"{name}.nir"), "--force", "--json"),
        *(*start.learn, *picture, *options),
    )
    history = said.pop("history")
    course = {"accuracy_checks_before": _accuracy(folder, checks), "history": history}
    (BUILD / f"{name}.history.json").write_text(json.dumps(course))
    said |= {"start": args.start, "dataset": "mnist", "split": "held-out" if args.held_out else "test"}
    said |= {"seed": args.seed, "network": f"784-600-10 {args.start}", "steps": None}
    said["images_to_96"] = next((entry["images"] for entry in history if entry["accuracy"] >= 0.96), None)
    if args.start.startswith("new-class"):
        before, after = (said[f"accuracy_by_class{when}"] for when in ("_before", ""))
        said["accuracy_new_class"] = after[NEW]
        old = [k for k in range(10) if k != NEW]
        said["accuracy_old_lost"] = sum(before[k] - after[k] for k in old) / len(old)
    return {key: value for key, value in said.items() if key not in ("output", "nir", "picture")}


def _accuracy(folder: Path, images: Path) -> float:
    return float(_run("simulate", str(folder), "--data", str(images), "--json")["accuracy"])


def _begin(args: argparse.Namespace, start: Start) -> Path:
    """The deployment that learns, compiled."""
    nir, folder = BUILD / f"{args.start}-{args.seed}-start.nir", BUILD / f"{args.start}-{args.seed}-start"
    if start.base:
        base = BUILD / f"{start.base}-{args.seed}.nir"
        if not base.exists():
            raise SystemExit(f"error: {args.start} goes out from {start.base}; run that first, with the same seed")
        if start.damage:
            _task(start.damage[0], str(base), *start.damage[1:], "-o", str(nir), "--seed", str(args.seed))
        else:
            nir = base
    else:
        every = ("--all-inputs",) if start.all_inputs else ()
        _task("scratch", "-o", str(nir), "--seed", str(args.seed), "--steps", str(args.steps), *every)
    kept = ("--keep-inputs", "--target", "generic") if start.all_inputs else ()  # more than the boards' memories hold
    _run("compile", str(nir), "-o", str(folder), "--force", "--json", *kept)
    return folder


def _images(data: str, name: str, how: tuple[str, ...]) -> Path:
    path = BUILD / f"{name}.npz"
    _task("images", data, "-o", str(path), *how)
    return path


def _task(*words: str) -> None:
    command = [sys.executable, "scripts/learning_tasks.py", *words, "--force"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _run(*words: str) -> dict[str, Any]:
    done = subprocess.run([str(BIN / "firstspike"), *words], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
