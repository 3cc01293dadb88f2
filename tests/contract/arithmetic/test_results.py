"""Figures of given batches: means, fractions of the source network, and sets without a mean."""

import json

import numpy as np
import pytest
from networks import layer_of, network_of

from firstspike_contract import RESULT, Batch, FirstspikeError, figures

# The source network has four inputs, one constant input and two hidden neurons.
NETWORK = network_of(
    layer_of(np.ones((3, 2)), theta=3, constant_times=(0,), source_inputs=4), layer_of(np.ones((2, 2)), theta=3)
)


def batch(*classes: int) -> Batch:
    count = len(classes)
    results = np.zeros(count, RESULT)
    results["class"], results["step"] = classes, np.arange(count)
    results["silent"][:1] = True
    results["spikes_input"], results["spikes_hidden"] = 3, 2
    return Batch(results=results, times=(), rows=np.tile(np.array([2, 1], np.int32), (count, 1)))


def test_rates_are_fractions_and_counts_are_means() -> None:
    found = figures(NETWORK, batch(1, 0, 1, 1), np.array([1, 0, 0, 1]))
    assert (found["accuracy"], found["accuracy_spiking"], found["silent_rate"]) == (0.75, 0.5, 0.25)
    assert (found["steps"], found["spikes_input"], found["spikes_total"]) == (1.5, 3.0, 5.0)
    assert found["lookups"] == [2 / 5, 1 / 2]
    assert found["images"] == 4
    json.dumps(found)  # plain Python numbers only


def test_without_labels_there_is_no_accuracy() -> None:
    found = figures(NETWORK, batch(1), None)
    assert (found["accuracy"], found["accuracy_spiking"]) == (None, None)


def test_counts_may_be_large() -> None:
    large = batch(0, 0, 0)
    large.results["events_dropped"] = 2**32 - 1
    assert figures(NETWORK, large, None)["events_dropped"] == 2**32 - 1


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (0, None, "figures need at least one image; this set has none"),
        (0, 0, "figures need at least one image; this set has none"),
        (2, 1, "2 images but 1 labels; every image needs exactly one label"),
        (2, 3, "2 images but 3 labels; every image needs exactly one label"),
    ],
)
def test_a_set_without_figures_is_refused(images: int, labels: int | None, message: str) -> None:
    with pytest.raises(FirstspikeError) as error:
        figures(NETWORK, batch(*[0] * images), None if labels is None else np.zeros(labels, np.int64))
    assert str(error.value) == message
