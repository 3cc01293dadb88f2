"""The fast bit-true model of learning, compiled by numba; its weights equal those of `contract.learn`."""

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import (
    RESULT,
    EventSet,
    FirstspikeError,
    LearnResults,
    LearnSettings,
    Network,
    check_event_arrays,
    check_labels,
    check_network,
    check_settings,
)
from firstspike_contract.arithmetic.learn import row_numbers
from firstspike_contract.arithmetic.random_bits import row_key
from firstspike_contract.common.progress import Progress, unheard

from .layout import ModelPlan, accumulators, plan_of, scratch_for

__all__ = ["Learner"]

_CHUNK: Final = 1000  # images between two reports of progress


class LearnNotes(NamedTuple):
    """The memory that a learning image needs beside Scratch.

    fired_at: int64 ``[classes]``, step of each output's spike; T if it has none.
    plus:     uint64, one bit for each neuron in the order of the accumulators: its delta is +1, to fire sooner.
    minus:    uint64, one bit for each neuron: its delta is -1, to fire later.
    keys:     uint64 ``[weight rows of all layers, 2]``, row_key of every weight row.
    keys_at:  int64 ``[L]``, place in `keys` of each layer's first weight row.
    """

    fired_at: NDArray[np.int64]
    plus: NDArray[np.uint64]
    minus: NDArray[np.uint64]
    keys: NDArray[np.uint64]
    keys_at: NDArray[np.int64]


class Settings(NamedTuple):
    """The settings in the form that the kernel takes; see LearnSettings.

    images: number of learning images so far.
    """

    margin: int
    late: int
    chances: NDArray[np.int64]
    seed: np.uint64
    images: int


class Learner:
    """A network whose weights change with learning images. Only one thread may run it at a time.

    network:  network with its current weights.
    settings: settings of learning; they may be replaced between runs.
    count:    number of learning images so far, modulo 2^32.

    Raises FirstspikeError if the network's arrays do not fit together, if they need more than 64 bits with all weights
    at +-127, or if the settings are out of range.
    """

    def __init__(self, network: Network, settings: LearnSettings, count: int = 0) -> None:
        check_network(network)
        check_settings(network, settings)
        self.settings, self.count = settings, count
        self._network = network
        self.slope_dtype, self.potential_dtype, fired_v = accumulators(network, learning=True)
        self._plan = plan_of(network, self.potential_dtype, fired_v)
        self._scratch = scratch_for(network, self._plan, self.slope_dtype, self.potential_dtype)
        self._notes = _notes_for(network, self._plan)

    def run(
        self,
        events: EventSet,
        learning: NDArray[np.bool_] | None = None,
        progress: Progress = unheard,
    ) -> LearnResults:
        """Computes all images, in order, and changes the weights after each learning image that triggers.

        learning: bool ``[N]``, true for learning images; all images are if it is not given.
        progress: called as progress(done, total) every 1000 images.

        Raises FirstspikeError if the set has no labels, a label is out of range, or the arrays do not belong together.
        """
        from .learn_kernel import learn_images

        check_event_arrays(events)
        if events.labels is None:
            raise FirstspikeError("learning needs a label for every image; this set has none")
        check_labels(events, self._network)
        check_settings(self._network, self.settings)
        n = len(events)
        learns = np.ones(n, bool) if learning is None else np.ascontiguousarray(learning, bool)
        results, triggered, ends = np.empty(n, RESULT), np.empty(n, bool), np.empty(n, np.uint16)
        pairs = np.ascontiguousarray(events.events).view(np.uint32)
        offsets = np.ascontiguousarray(events.offsets, np.int64)
        labels = np.ascontiguousarray(events.labels, np.int64)
        times = np.empty((1, sum(self._network.sizes)), np.int16)
        read = np.empty((1, len(self._network.layers)), np.int32)
        for lo in range(0, n, _CHUNK):
            hi = min(n, lo + _CHUNK)
            self.count = learn_images(
                self._plan,
                self._scratch,
                self._notes,
                self._settings(),
                pairs,
                offsets[lo : hi + 1],
                labels[lo:hi],
                learns[lo:hi],
                times,
                read,
                results[lo:hi],
                triggered[lo:hi],
                ends[lo:hi],
            )
            self.count %= 2**32
            progress(hi, n)
        return LearnResults(results=results, triggered=triggered, steps=ends)

    @property
    def network(self) -> Network:
        """The network with its current weights."""
        layers = tuple(replace(layer, weights=_weights(self._plan, k)) for k, layer in enumerate(self._network.layers))
        return replace(self._network, layers=layers)

    def _settings(self) -> Settings:
        return Settings(
            margin=self.settings.margin,
            late=self.settings.late,
            chances=np.array(self.settings.chances, np.int64),
            seed=np.uint64(self.settings.seed),
            images=self.count,
        )


def _weights(plan: ModelPlan, layer: int) -> NDArray[np.int8]:
    """Returns a copy of the current weights of a layer, int8 ``[n_in + P, n_out]``."""
    lo, rows, width, outputs = (int(plan.layers[layer][name]) for name in ("weights_at", "rows", "width", "outputs"))
    return plan.weights[lo : lo + rows * width].reshape(rows, width)[:, :outputs].copy()


def _notes_for(network: Network, plan: ModelPlan) -> LearnNotes:
    keys = [row_key(k, int(i)) for k, layer in enumerate(network.layers) for i in row_numbers(layer)]
    rows = np.array([len(layer.weights) for layer in network.layers], np.int64)
    words = len(plan.delays) // 64
    return LearnNotes(
        fired_at=np.zeros(network.classes, np.int64),
        plus=np.zeros(words, np.uint64),
        minus=np.zeros(words, np.uint64),
        keys=np.array(keys, np.uint64).reshape(-1, 2),
        keys_at=np.cumsum(rows) - rows,
    )
