"""Whoever learns: the bit-true model in this process, or a board. The course sees no difference."""

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EventSet, FirstspikeError, LearnResults, LearnSettings, Network

if TYPE_CHECKING:
    from firstspike_sim import Learner

__all__ = ["ModelPupil", "Pupil", "PupilLost"]


class PupilLost(FirstspikeError):
    """The pupil does not have the weights any more that its images gave it: load the last ones known, and repeat."""


class Pupil(Protocol):
    """A network that can learn. Its weights, and its count of learning images, are all that it remembers."""

    def load(self, network: Network, count: int) -> None:
        """Puts a network in place of the one there. count: learning images behind it.

        Raises FirstspikeError if it cannot learn.
        """
        ...

    def network(self) -> Network:
        """The network with its weights of now."""
        ...

    def learn(self, events: EventSet, settings: LearnSettings) -> LearnResults:
        """Images with labels, each of which may change the weights. Raises PupilLost if they are in doubt."""
        ...

    def classify(self, events: EventSet) -> NDArray[np.void]:
        """RESULT ``[N]`` of images that change nothing."""
        ...


class ModelPupil:
    """The compiled bit-true model (sim.Learner)."""

    def __init__(self) -> None:
        self._learner: Learner | None = None

    def load(self, network: Network, count: int) -> None:
        """See Pupil. Raises FirstspikeError if 64 bits do not hold its potentials with all weights at +-127."""
        from firstspike_sim import Learner

        quiet = LearnSettings(margin=0, late=0, chances=(0,) * len(network.layers))  # until there are others
        self._learner = Learner(network, quiet, count)

    def network(self) -> Network:
        """See Pupil."""
        return self._loaded().network

    def learn(self, events: EventSet, settings: LearnSettings) -> LearnResults:
        """See Pupil."""
        learner = self._loaded()
        learner.settings = settings
        return learner.run(events)

    def classify(self, events: EventSet) -> NDArray[np.void]:
        """See Pupil."""
        from firstspike_sim import FastModel

        return FastModel(self.network()).run(events).results

    def _loaded(self) -> "Learner":
        if self._learner is None:
            raise FirstspikeError("no network is loaded; call load(network, count) first")
        return self._learner
