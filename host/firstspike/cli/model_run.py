"""Runs a deployment on the bit-true model: computes figures, checks recorded answers, draws a picture.

Tested by tests/host/cli/test_commands.py.
"""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firstspike.report import ProgressLine, decision_picture
from firstspike_contract import Batch, EventSet, Network, evaluate, evaluate_set, figures
from firstspike_contract.common.errors import FirstspikeError

from .compare import differing

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment
    from firstspike_sim import FastModel

__all__ = ["check_golden", "draw", "measured"]

PLAIN_IMAGES: Final = 50  # images for the plain path, which takes milliseconds for each
REPEATS: Final = 5  # repetitions of the timed run; their median is reported


def measured(deployment: "Deployment", events: EventSet) -> tuple[Batch, dict[str, Any]]:
    """Returns the answers to all images, and the figures by the names that `--json` uses.

    Raises FirstspikeError if the model does not give the answers recorded for the golden images.
    """
    from firstspike_sim import FastModel, measure

    network = deployment.network
    model = FastModel(network)
    with ProgressLine("preparing the fast model (compiled once, then kept)") as progress:
        progress.waiting()
        check_golden(model, deployment)
    with ProgressLine("simulate") as progress:
        batch = model.run(events, progress)
    found = figures(network, batch, events.labels)
    found["images_per_second"] = measure(model, events, REPEATS)
    few = events.head(PLAIN_IMAGES)
    with ProgressLine("plain path") as progress:
        start = time.perf_counter()
        plain = evaluate_set(network, few, progress)
        seconds = time.perf_counter() - start
    found["images_per_second_plain"] = len(few) / seconds
    found["images_plain"] = len(few)
    found["images_golden"] = len(deployment.golden.events)
    found["mismatches"] = len(differing(model.run(few), plain))
    return batch, found


def check_golden(model: "FastModel", deployment: "Deployment") -> None:
    """Raises FirstspikeError if an answer differs from the recorded one. The message names the first such image."""
    golden = deployment.golden
    wrong = differing(model.run(golden.events), golden.batch)
    if wrong:
        raise FirstspikeError(
            f"{deployment.path}: the model's answers differ from the recorded ones for {len(wrong)} of "
            f"{len(golden.events)} golden images, the first of which is image {wrong[0]}; compile again"
        )


def draw(network: Network, events: EventSet, batch: Batch, image: int, path: Path) -> None:
    """Draws the decision on one image, with the histograms of the whole set."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # keeps matplotlib's notes on fonts off stderr
    label = None if events.labels is None else int(events.labels[image])
    decision_picture(network, evaluate(network, events.image(image)), batch, path, label=label)
