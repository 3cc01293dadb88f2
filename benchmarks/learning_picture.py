#!/usr/bin/env python3
"""Draw accuracy over images learnt, of the courses in build/learning (`make learning`), as docs/learning.png."""

import argparse
import json
import sys
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["main"]

BUILD = Path("build/learning")
SHOWN = ("scratch", "permuted", "shuffled20", "rotated15", "new-class")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/learning.png"))
    args = parser.parse_args()
    figure = Figure(figsize=(12, 2.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, start in zip(figure.subplots(1, len(SHOWN)), SHOWN, strict=True):
        for path in sorted(BUILD.glob(f"{start}-?.history.json")):
            history = json.loads(path.read_text())
            images = [0, *(entry["images"] for entry in history["history"])]
            accuracy = [history["accuracy_checks_before"], *(entry["accuracy"] for entry in history["history"])]
            axes.plot([n / 1000 for n in images], [100 * a for a in accuracy], lw=1.2, label=f"seed {path.name[-14]}")
        axes.set_title(start, fontsize=9)
        axes.set_xlabel("1,000 images", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
        axes.set_ylim(88, 99)
    figure.axes[0].set_ylabel("accuracy, held out, %", fontsize=8)
    figure.axes[0].legend(fontsize=7)
    figure.savefig(args.output, dpi=110)
    return 0


if __name__ == "__main__":
    sys.exit(main())
