"""A board as a pupil: it learns on chip."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EventSet, LearnResults, LearnSettings, Network, check_core_learns
from firstspike_contract.core.stream_format import ResultFlag, unpack_result

from .pupil import PupilLost

if TYPE_CHECKING:
    from firstspike.board import Board

__all__ = ["BoardPupil"]


class BoardPupil:
    """A Pupil that is a board. board: already open; its core must have been built with learning."""

    def __init__(self, board: "Board") -> None:
        self.board, self._count = board, 0

    def load(self, network: Network, count: int) -> None:
        """See Pupil. Sends nothing if the board holds the network. Raises FirstspikeError if its core cannot learn."""
        from firstspike.board.fitting import plan_for
        from firstspike_contract.link.guarded import name_of_plan

        check_core_learns(network, self.board.config)
        name = name_of_plan(plan_for(network, self.board.config))
        self.board.load(network, name=name, if_needed=True)
        self._count = count

    def network(self) -> Network:
        """See Pupil. Raises PupilLost."""
        with _lost_is_lost():
            return self.board.learnt()

    def learn(self, events: EventSet, settings: LearnSettings) -> LearnResults:
        """See Pupil."""
        with _lost_is_lost():
            packets = self.board.learn(events, settings, self._count).packets
        self._count = (self._count + len(events)) % 2**32
        _, results = unpack_result(np.ascontiguousarray(packets).view("<u4"))
        return LearnResults(results=results, triggered=(packets["flags"] & ResultFlag.TRIGGERED) != 0)

    def classify(self, events: EventSet) -> NDArray[np.void]:
        """See Pupil."""
        return unpack_result(np.ascontiguousarray(self.board.run(events).packets).view("<u4"))[1]


@contextmanager
def _lost_is_lost() -> Iterator[None]:
    from firstspike.board import LearningLost

    try:
        yield
    except LearningLost as error:
        raise PupilLost(str(error)) from error
