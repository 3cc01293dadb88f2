#!/usr/bin/env python3
"""Write docs/results.md, its pictures, and the figures of README.md from benchmarks/results (`make results-page`).

    python benchmarks/publish.py

Measures nothing. A test compares what this writes with what is in the repository.
"""

import json
import sys
from pathlib import Path

from publishing.pages import pages
from publishing.pictures import accuracy_picture, accuracy_points, course_curves, courses_picture
from records import RESULTS, TOPICS, load

__all__ = ["histories", "main"]

ROOT = Path(__file__).resolve().parents[1]


def main(root: Path = ROOT) -> int:
    results = {topic: load(topic) for topic in TOPICS}
    texts = pages(results, (root / "README.md").read_text())
    for name, text in texts.items():
        (root / name).write_text(text)
    written = list(texts)
    if points := accuracy_points(results["mnist"]):
        written.append("docs/results-mnist.svg")
        accuracy_picture(points, root / written[-1])
    if curves := course_curves(histories()):
        written.append("docs/learning.png")
        courses_picture(curves, root / written[-1])
    print("\n".join(written))
    return 0


def histories(folder: Path = RESULTS / "learning") -> dict[str, list[dict[str, float]]]:
    """Returns the kept histories of courses, by the label of the course's record."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


if __name__ == "__main__":
    sys.exit(main())
