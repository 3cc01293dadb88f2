"""Shows the spikes of every image: python examples/live_raster.py URL DEPLOYMENT [DATA] [--save FILE.gif].

A window shows one image after the other as the board answers. With --save, an animation of the first 20 images is
written instead. This script needs the extra `report`.
"""

import argparse
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation

import firstspike
from firstspike.board import Result
from firstspike.datasets import encode, load
from firstspike_compiler.deployment import Deployment, read_deployment
from firstspike_contract import EventSet

SAVED = 20  # images in a saved animation
PAUSE = 0.3  # seconds for which an image is shown


def results(url: str, deployment: Deployment, events: EventSet) -> Iterator[Result]:
    with firstspike.open(url) as board:
        board.load(deployment, if_needed=True)
        yield from board.stream(events, spikes=True)


def layers(events: EventSet, result: Result) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns the spikes up to the decision as (times, neurons), for the input and for every layer."""
    image = events.image(result.image)
    sent = image[image["t"] <= result.step]
    found = [(sent["t"], sent["x"])]
    for times in result.times or ():
        (neurons,) = np.nonzero(times >= 0)
        found.append((times[neurons], neurons))
    return found


def draw(axes: Any, deployment: Deployment, events: EventSet, result: Result) -> None:
    names = ["input", *(f"layer {k}" for k in range(1, len(deployment.network.layers))), "output"]
    for ax, name, (times, neurons) in zip(axes, names, layers(events, result), strict=True):
        ax.clear()
        ax.plot(times, neurons, "|", color="black", markersize=4)
        ax.axvline(result.step, color="tab:red", linewidth=1)
        ax.set_xlim(-0.5, deployment.network.steps - 0.5)
        ax.set_ylabel(name)
    for ax, size in zip(axes, deployment.network.sizes, strict=True):
        ax.set_ylim(-0.5, size - 0.5)
    verdict = {True: "right", False: f"wrong: {result.label}", None: ""}[result.right]
    axes[0].set_title(f"image {result.image}: {result.answer} at step {result.step}  {verdict}")
    axes[-1].set_xlabel("time step")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("deployment")
    parser.add_argument("data", nargs="?", default="mnist:test")
    parser.add_argument("--save", metavar="FILE.gif")
    args = parser.parse_args()
    deployment, data = read_deployment(args.deployment), load(args.data)
    coding, steps = deployment.manifest["encoding"], deployment.network.steps
    head = data.head(SAVED) if args.save else data
    events = encode(head.values, coding["name"], steps=steps, late=coding["late"], labels=head.labels)
    figure, axes = plt.subplots(len(deployment.network.sizes), sharex=True, figsize=(7, 7))
    stream = results(args.url, deployment, events)
    if args.save:
        show = FuncAnimation(
            figure, lambda result: draw(axes, deployment, events, result), list(stream), init_func=lambda: None
        )
        show.save(args.save, fps=1 / PAUSE)
        return
    for result in stream:  # while the window is being drawn, the board waits
        draw(axes, deployment, events, result)
        plt.pause(PAUSE)
        if not plt.fignum_exists(figure.number):
            break


if __name__ == "__main__":
    main()
