"""Results of images: the RESULT, the compared set of spike times, the rows looked up; and figures over many images."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.common.errors import FirstspikeError

from .network import Network

__all__ = ["RESULT", "Batch", "figures"]

# One image's answer. Spikes are counted by step, up to and including the decision step D (T-1 if silent).
RESULT: Final = np.dtype(
    [
        ("class", "<u2"),  # the resolved class: the answer
        ("step", "<u2"),  # D
        ("silent", "?"),  # no output fired by T-1
        ("tie", "?"),  # two or more outputs first fired at D
        ("exact_tie", "?"),  # the largest excess V - th is shared too
        ("spikes_input", "<u4"),
        ("spikes_hidden", "<u4"),
        ("spikes_output", "<u4"),
        ("spikes_constant", "<u4"),
        ("events_dropped", "<u4"),  # events of dropped inputs, in the whole image
        ("events_refused", "<u4"),  # events out of range, or of an input that had one, in the whole image
    ]
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """The answers to N images.

    results: RESULT ``[N]``.
    times:   int16 ``[N, n]`` each, recorded spike times, delays included: times[0] of the inputs by external address,
             times[k] of layer k - 1. NO_SPIKE stands where no spike was recorded by the decision step.
    rows:    int32 ``[N, L]``, weight rows of each layer that the decision depended on (constant inputs included).
    """

    results: NDArray[np.void]
    times: tuple[NDArray[np.int16], ...]
    rows: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.results)


def figures(network: Network, batch: Batch, labels: NDArray[np.int64] | None) -> dict[str, Any]:
    """Returns mean figures over a batch under the names of the CLI's ``--json``, as plain Python numbers.

    labels: int64 ``[N]`` or None (then both accuracies are None).

    Rates are fractions of the images. Spikes, events and `steps` (the decision step) are means per image. `lookups`
    lists, for each layer, the mean fraction of the source network's weight rows that the decision depended on.

    Raises FirstspikeError if N is 0 or the number of labels is not N.
    """
    results = batch.results
    if len(results) == 0:
        raise FirstspikeError("figures need at least one image; this set has none")
    if labels is not None and len(labels) != len(results):
        raise FirstspikeError(f"{len(results)} images but {len(labels)} labels; every image needs exactly one label")
    right = None if labels is None else results["class"] == labels

    def mean(field: str) -> float:
        return float(results[field].mean(dtype=np.float64))

    spikes_input, spikes_hidden = mean("spikes_input"), mean("spikes_hidden")
    rows = batch.rows.mean(axis=0, dtype=np.float64)
    return {
        "accuracy": None if right is None else float(right.mean()),
        "accuracy_spiking": None if right is None else float((right & ~results["silent"]).mean()),
        "tie_rate": mean("tie"),
        "exact_tie_rate": mean("exact_tie"),
        "silent_rate": mean("silent"),
        "spikes_input": spikes_input,
        "spikes_hidden": spikes_hidden,
        "spikes_total": spikes_input + spikes_hidden,
        "spikes_output": mean("spikes_output"),
        "spikes_constant": mean("spikes_constant"),
        "events_dropped": mean("events_dropped"),
        "events_refused": mean("events_refused"),
        "steps": mean("step"),
        "lookups": [
            float(read) / (layer.source_inputs + layer.constants)
            for read, layer in zip(rows, network.layers, strict=True)
        ],
        "images": len(results),
    }
