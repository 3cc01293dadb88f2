"""The learning half of the core's model: reads the settings from registers and learns from images."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import RESULT, Batch, CoreConfig, EventSet, LearnSettings, Network, learn, load_plan
from firstspike_contract.arithmetic.random_bits import CHANCE_MAX
from firstspike_contract.core.loading import place
from firstspike_contract.core.register_map import GLOBAL, STAGE, Memory, offset_of

if TYPE_CHECKING:
    from firstspike_sim import Learner

__all__ = ["LearningModel", "settings_in", "weights_into"]


class LearningModel:
    """A network whose weights change with the images given to `learn`. count: learning images so far, modulo 2^32."""

    def __init__(self, network: Network, settings: LearnSettings, count: int) -> None:
        self.settings, self.count = settings, count
        self._network, self._learner = network, _learner(network, settings, count)

    @property
    def network(self) -> Network:
        """The network with its present weights."""
        return self._network if self._learner is None else self._learner.network

    def learn(self, events: EventSet, *, times: bool) -> tuple[Batch, NDArray[np.bool_]]:
        """Learns from labelled images, in order. Returns their answers, and bool ``[N]``: whether an image triggered.

        times: whether the answers need spike times. If so, the plain path computes them; the answers of the fast path
        have no spike times, and 0 rows.
        """
        if self._learner is not None and not times:
            self._learner.settings, self._learner.count = self.settings, self.count
            learnt = self._learner.run(events)
            self.count = self._learner.count
            rows = np.zeros((len(events), len(self._network.layers)), np.int32)
            return Batch(results=learnt.results, times=(), rows=rows), learnt.triggered
        plain = self._plain(events)
        self._learner = _learner(self._network, self.settings, self.count)
        return plain

    def _plain(self, events: EventSet) -> tuple[Batch, NDArray[np.bool_]]:
        network, n = self.network, len(events)
        results, triggered = np.zeros(n, RESULT), np.zeros(n, bool)
        times = tuple(np.full((n, size), -1, np.int16) for size in network.sizes)
        rows = np.zeros((n, len(network.layers)), np.int32)
        assert events.labels is not None
        for i in range(n):
            given = learn(network, events.image(i), int(events.labels[i]), self.settings, self.count)
            network, self.count = given.network, (self.count + 1) % 2**32
            results[i], triggered[i] = given.evaluation.result, given.triggered
            rows[i] = given.evaluation.rows
            for layer, found in zip(times, given.evaluation.times, strict=True):
                layer[i] = found
        self._network = network
        return Batch(results=results, times=times, rows=rows), triggered


def settings_in(registers: Mapping[int, int], config: CoreConfig, network: Network) -> tuple[LearnSettings, int]:
    """Returns the settings that the learning registers hold for the loaded network, and LEARN_COUNT."""
    times = GLOBAL["LEARN"].unpack(registers[offset_of("LEARN")])
    chances = (STAGE["CHANCE"].unpack(registers[offset_of("CHANCE", k)])["p"] for k in place(network, config))
    settings = LearnSettings(
        margin=times["margin"],
        late=times["late"],
        chances=tuple(min(p, CHANCE_MAX) for p in chances),
        seed=registers[offset_of("LEARN_SEED")],
    )
    return settings, registers[offset_of("LEARN_COUNT")]


def weights_into(memories: dict[tuple[Memory, int], NDArray[np.uint32]], network: Network, config: CoreConfig) -> None:
    """Writes the network's weights to the places where a load would write them."""
    for block in load_plan(network, config).memories:
        if block.kind == Memory.WEIGHTS:
            memories[block.kind, block.stage][: len(block.beats)] = block.beats


def _learner(network: Network, settings: LearnSettings, count: int) -> "Learner | None":
    """Returns the fast path if numba is installed, else None."""
    try:
        import numba as _  # noqa: F401
    except ModuleNotFoundError:
        return None
    from firstspike_sim import Learner

    return Learner(network, settings, count)
