"""Checks that refuse, up front and with the value named, the faults that the models only count or do not check."""

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.common.errors import FirstspikeError

from .events import EVENT, EventSet
from .network import DROPPED, Layer, Network
from .tables import STEPS

__all__ = ["check_event_arrays", "check_events", "check_labels", "check_network"]


def check_event_arrays(events: EventSet) -> None:
    """Checks that the arrays of a set belong together: types and offsets as in EventSet, one label per image if any.

    Raises FirstspikeError otherwise. The check is cheap: it looks at offsets, never at single events.
    """
    offsets = events.offsets
    if events.events.dtype != EVENT or events.events.ndim != 1:
        raise FirstspikeError(f"events must be one array of (t: uint16, x: uint16), not {events.events.dtype}")
    if offsets.ndim != 1 or len(offsets) == 0 or not np.issubdtype(offsets.dtype, np.integer):
        raise FirstspikeError(
            "offsets must be a list of integers, one more than there are images; for example [0, 3, 5]"
        )
    if offsets[0] != 0 or offsets[-1] != len(events.events) or (np.diff(offsets) < 0).any():
        raise FirstspikeError(
            f"offsets must rise from 0 to the number of events, {len(events.events)}, without falling; "
            f"these go from {int(offsets[0])} to {int(offsets[-1])}"
        )
    if events.labels is not None and len(events.labels) != len(events):
        raise FirstspikeError(
            f"{len(events)} images but {len(events.labels)} labels; every image needs exactly one label"
        )


def check_events(events: EventSet, network: Network) -> None:
    """Checks that every event is in range, that no input spikes twice in an image, and that labels are classes.

    Raises FirstspikeError naming the first offender by image and event index, its value and the allowed range.
    """
    check_event_arrays(events)
    t, x = events.events["t"], events.events["x"]
    _refuse_event(events, t >= network.steps, t, "time code", network.steps)
    _refuse_event(events, x >= network.addresses, x, "address", network.addresses)
    image = np.repeat(np.arange(len(events)), np.diff(events.offsets))
    key = image * network.addresses + x
    order = np.argsort(key, kind="stable")
    again = np.zeros(len(key), bool)
    again[order[1:]] = key[order[1:]] == key[order[:-1]]
    if again.any():
        n, k, value = _locate(events, int(again.argmax()), x)
        raise FirstspikeError(
            f"image {n}, event {k}: input {value} spikes a second time; an input spikes at most once per image"
        )
    check_labels(events, network)


def check_labels(events: EventSet, network: Network) -> None:
    """Checks that labels, if any, are classes of the network. Raises FirstspikeError naming the first that is not."""
    if events.labels is not None:
        wrong = (events.labels < 0) | (events.labels >= network.classes)
        if wrong.any():
            n = int(wrong.argmax())
            raise FirstspikeError(
                f"image {n}: label {int(events.labels[n])} is out of range; "
                f"this network has classes 0..{network.classes - 1}"
            )


def _refuse_event(
    events: EventSet, wrong: NDArray[np.bool_], values: NDArray[np.uint16], what: str, limit: int
) -> None:
    if wrong.any():
        n, k, value = _locate(events, int(wrong.argmax()), values)
        raise FirstspikeError(
            f"image {n}, event {k}: {what} {value} is out of range; this network takes 0..{limit - 1}"
        )


def _locate(events: EventSet, index: int, values: NDArray[np.uint16]) -> tuple[int, int, int]:
    """Returns image, index within the image, and value of the event with this index in the set."""
    n = int(np.searchsorted(events.offsets, index, side="right")) - 1
    return n, index - int(events.offsets[n]), int(values[index])


def check_network(network: Network) -> None:
    """Checks that the arrays of a network are as Network and Layer describe, so that no model can index out of range.

    Raises FirstspikeError naming the layer and the property. Accumulator widths are not checked here; see
    `bounds.worst_case`.
    """
    _require(network.steps in STEPS, "network", f"steps must be a power of two in 16..256, not {network.steps}")
    _require(len(network.layers) > 0, "network", "needs at least one layer")
    inputs = network.layers[0].inputs
    _require(network.input_delays.shape == (inputs,), "network", f"needs one input delay for each of its {inputs} rows")
    _require(not (network.input_delays < 0).any(), "network", "input delays must be >= 0")
    rows = network.input_map[network.input_map != DROPPED]
    _require(not ((rows < 0) | (rows >= inputs)).any(), "network", f"input map must lead to rows 0..{inputs - 1}")
    _require(len(np.unique(rows)) == len(rows), "network", "input map must not lead two addresses to one row")
    for k, layer in enumerate(network.layers):
        _check_layer(layer, f"layer {k}", network.steps)
        _require(layer.inputs == inputs, f"layer {k}", f"has rows for {layer.inputs} inputs, its source has {inputs}")
        inputs = layer.outputs
    _require(not network.layers[-1].delays.any(), f"layer {len(network.layers) - 1}", "output delays must be 0")


def _check_layer(layer: Layer, name: str, steps: int) -> None:
    _require(layer.weights.dtype == np.int8 and layer.weights.ndim == 2, name, "weights must be a matrix of int8")
    _require(layer.outputs > 0 and layer.inputs >= 0, name, "needs at least one neuron and a row per constant input")
    for table in ("a", "m", "th"):
        _require(getattr(layer, table).shape == (steps,), name, f"table {table} must have {steps} entries")
    _require(not (layer.a < 0).any(), name, "table a must be >= 0")
    _require(layer.m[0] >= 0 and not (np.diff(layer.m) < 0).any(), name, "table m must be >= 0 and not fall")
    _require(not (layer.th <= 0).any(), name, "table th must be > 0")
    times = layer.constant_times
    _require(not ((times < 0) | (times >= steps)).any(), name, f"constant inputs must spike at 0..{steps - 1}")
    _require(layer.delays.shape == (layer.outputs,), name, f"needs one delay for each of its {layer.outputs} neurons")
    _require(not (layer.delays < 0).any(), name, "delays must be >= 0")


def _require(holds: bool, where: str, rule: str) -> None:
    if not holds:
        raise FirstspikeError(f"{where}: {rule}")
