"""The interface of a pupil, which learns in a course: the bit-true model in this process, or a board.

Tested by tests/host/learning/test_course.py.
"""

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EventSet, FirstspikeError, LearnResults, LearnSettings, Network

if TYPE_CHECKING:
    from firstspike_sim import Learner

__all__ = ["ModelPupil", "Pupil", "PupilLost"]


class PupilLost(FirstspikeError):
    """The pupil has lost learnt weights: load the last known weights, and repeat the images since then."""


class Pupil(Protocol):
    """A network that can learn. Its whole state is its weights and its count of learning images."""

    def load(self, network: Network, count: int) -> None:
        """Replaces the pupil's network. count: number of learning images so far.

        Raises FirstspikeError if the network cannot learn.
        """
        ...

    def network(self) -> Network:
        """Returns the network with its present weights."""
        ...

    def learn(self, events: EventSet, settings: LearnSettings) -> LearnResults:
        """Learns from labelled images; each may change the weights. Raises PupilLost if the weights are uncertain."""
        ...

    def classify(self, events: EventSet) -> NDArray[np.void]:
        """Returns RESULT ``[N]`` of images, without learning from them."""
        ...


class ModelPupil:
    """A Pupil that is the compiled bit-true model (sim.Learner)."""

    def __init__(self) -> None:
        self._learner: Learner | None = None

    def load(self, network: Network, count: int) -> None:
        """See Pupil. Raises FirstspikeError if, with all weights at +-127, a potential does not fit 64 bits."""
        from firstspike_sim import Learner

        quiet = LearnSettings(margin=0, late=0, chances=(0,) * len(network.layers))  # `learn` replaces these
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
