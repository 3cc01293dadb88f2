"""Gives the driver access to the registers of a simulated core (contract core.access)."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import FirstspikeError

from .library import Simulation

__all__ = ["SimulatedRegisters"]

_PAUSE: Final = 1000  # cycles between two reads of STATUS
_PAUSES: Final = 100  # number of pauses after which waiting fails


class SimulatedRegisters:
    """The registers of a simulated core; see RegisterAccess. Every access takes cycles on the simulated bus."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def write(self, address: int, words: NDArray[np.uint32]) -> None:
        """See RegisterAccess. Raises FirstspikeError if the core refuses."""
        self._sim.write_array(address, words)

    def read(self, addresses: Sequence[int]) -> list[int]:
        """See RegisterAccess. Raises FirstspikeError if the core refuses."""
        return [self._sim.read(address) for address in addresses]

    def read_words(self, address: int, count: int) -> NDArray[np.uint32]:
        """See RegisterAccess. Raises FirstspikeError if the core refuses."""
        return self._sim.read_array(address, count)

    def scan(self, address: int, count: int) -> None:
        """See RegisterAccess. Raises FirstspikeError if the core refuses."""
        self._sim.read_array(address, count)

    def wait(self, waited: int) -> None:
        """See RegisterAccess. Raises FirstspikeError after _PAUSES pauses."""
        if waited >= _PAUSES:
            raise FirstspikeError("the core does not become idle: STATUS.idle stays 0 after CONTROL.run was cleared")
        self._sim.wait(_PAUSE)

    def flush(self) -> float:
        """See RegisterAccess. Returns 0.0: accesses arrive at once, and the simulation has no time in seconds."""
        return 0.0
