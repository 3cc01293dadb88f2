"""Registers of a simulated core, as the driver reaches them (contract core.access)."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import FirstspikeError

from .library import Simulation

__all__ = ["SimulatedRegisters"]

_PAUSE: Final = 1000  # cycles between two looks at STATUS
_PAUSES: Final = 100  # before the core is given up


class SimulatedRegisters:
    """See RegisterAccess. Every access takes its cycles on the simulated bus."""

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
        """See RegisterAccess. Raises FirstspikeError."""
        if waited >= _PAUSES:
            raise FirstspikeError("the core does not become idle: STATUS.idle stays 0 after CONTROL.run was cleared")
        self._sim.wait(_PAUSE)

    def flush(self) -> float:
        """See RegisterAccess: nothing is ever on its way. The simulation has no clock in seconds."""
        return 0.0
