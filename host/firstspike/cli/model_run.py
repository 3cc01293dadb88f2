"""A deployment through the bit-true model: figures, checks against what was recorded, a picture."""

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

PLAIN_IMAGES: Final = 50  # the plain path takes milliseconds an image
REPEATS: Final = 5  # of the timed run; the median counts


def measured(deployment: "Deployment", events: EventSet) -> tuple[Batch, dict[str, Any]]:
    """Answers to all images, and the figures under the names of `--json`.

    Raises FirstspikeError if the model here does not give the deployment's golden answers.
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
    """Raises FirstspikeError naming the first image whose answer is not the recorded one."""
    golden = deployment.golden
    wrong = differing(model.run(golden.events), golden.batch)
    if wrong:
        raise FirstspikeError(
            f"{deployment.path}: the model does not give the recorded answers: {len(wrong)} of {len(golden.events)} "
            f"golden images differ, the first is image {wrong[0]}; compile again"
        )


def draw(network: Network, events: EventSet, batch: Batch, image: int, path: Path) -> None:
    """The picture of one image's decision, with the histograms of the whole set."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it announces its font cache on stderr
    label = None if events.labels is None else int(events.labels[image])
    decision_picture(network, evaluate(network, events.image(image)), batch, path, label=label)
