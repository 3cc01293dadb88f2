"""Pass: measures on images what quantisation and the time grid changed, and refuses layers that became silent."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firstspike_compiler.ir import NetworkIR
from firstspike_contract import EventSet, Network
from firstspike_contract.arithmetic.evaluate import evaluate_set
from firstspike_contract.arithmetic.results import Batch
from firstspike_contract.common.errors import FirstspikeError
from firstspike_contract.common.progress import Progress, unheard

from .float_model import FloatLayer, float_class, input_times, layer_spikes

__all__ = ["IMAGES", "FloatAnswers", "float_answers", "measure", "refuse_silent_layers"]

IMAGES: Final = 500  # largest number of images: the reference model and the float model take milliseconds an image
_ORDERED_IMAGES: Final = 50  # images on which order flips are counted; counting looks at every pair of spikes


class FloatAnswers:
    """The answers of the float network to N images.

    classes: int64 ``[N]``.
    times:   for each layer, float64 ``[N, n]`` spike times in time units, inf for a neuron that does not spike.
    """

    def __init__(self, images: int, sizes: tuple[int, ...]) -> None:
        self.classes = np.zeros(images, np.int64)
        self.times = tuple(np.full((images, size), np.inf) for size in sizes)


def float_answers(ir: NetworkIR, events: EventSet, steps: int, progress: Progress = unheard) -> FloatAnswers:
    """Runs the float network on every image; the events are on a grid of `steps`."""
    answers = FloatAnswers(len(events), tuple(layer.weights.shape[1] for layer in ir.layers))
    for n in range(len(events)):
        spikes, excess = input_times(ir, events, n, steps), np.zeros(0)
        for k, layer in enumerate(ir.layers):
            layer_in_float = FloatLayer(
                weights=layer.weights,
                threshold=layer.threshold,
                constant_times=layer.constant_times,
                delays=layer.delays,
            )
            spikes, excess = layer_spikes(ir, layer_in_float, spikes)
            answers.times[k][n] = spikes
        answers.classes[n] = float_class(spikes, excess)
        progress(n + 1, len(events))
    return answers


def measure(
    network: Network, events: EventSet, floats: FloatAnswers, progress: Progress = unheard
) -> tuple[Batch, dict[str, Any]]:
    """Runs the integer network on the images, and compares it with the float network.

    Returns the batch, and a report with these entries:

    images:            number of images.
    decisions_changed: fraction of the images with another class than in float.
    silent_rate:       fraction of silent images.
    layers:            for each layer, {dead_neurons, dead_in_float, order_flips}.
    accuracy_float:    accuracy of the float network; only with labels.
    accuracy_int:      accuracy of the integer network; only with labels.

    A neuron is dead if it spikes in no image by the decision (in float: by t_max). `order_flips` is the fraction of
    the pairs of spikes, present in both networks by the decision, that have the opposite order in the other network.
    """
    batch = evaluate_set(network, events, progress)
    classes = batch.results["class"].astype(np.int64)
    report: dict[str, Any] = {
        "images": len(events),
        "decisions_changed": float((classes != floats.classes).mean()),
        "silent_rate": float(batch.results["silent"].mean()),
        "layers": [
            {
                "dead_neurons": int((~(times >= 0).any(axis=0)).sum()),
                "dead_in_float": int((~np.isfinite(wanted).any(axis=0)).sum()),
                "order_flips": _order_flips(wanted, times),
            }
            for wanted, times in zip(floats.times, batch.times[1:], strict=True)
        ],
    }
    if events.labels is not None:
        report["accuracy_float"] = float((floats.classes == events.labels).mean())
        report["accuracy_int"] = float((classes == events.labels).mean())
    return batch, report


def refuse_silent_layers(ir: NetworkIR, batch: Batch, floats: FloatAnswers, *, own_data: bool) -> None:
    """Raises FirstspikeError if a layer spikes on no image although the float layer does, or the images are the user's.

    own_data: the images are the user's. On generated images, a good network may well be silent.
    """
    for layer, wanted, times in zip(ir.layers, floats.times, batch.times[1:], strict=True):
        spikes_in_float = int(np.isfinite(wanted).sum())
        if (times >= 0).any() or not (spikes_in_float or own_data):
            continue
        raise FirstspikeError(
            f"layer {layer.name} has gone silent: 0 spikes in {len(batch)} images, {spikes_in_float} in float; "
            "use more time steps (--steps 256), calibrate with data like the training data, or train it quantised"
        )


def _order_flips(wanted: NDArray[np.float64], got: NDArray[np.int16]) -> float:
    """Returns the fraction of pairs of spikes, present in both networks, whose order is strictly opposite."""
    pairs = flips = 0
    for a, b in zip(wanted[:_ORDERED_IMAGES], got[:_ORDERED_IMAGES], strict=True):
        both = np.isfinite(a) & (b >= 0)
        first = a[both][:, None] < a[both][None, :]
        pairs += int(first.sum())
        flips += int((first & (b[both][:, None] > b[both][None, :])).sum())
    return flips / pairs if pairs else 0.0
