"""Accesses of the driver become accesses on the simulated bus; a core that stays busy is given up."""

from typing import Any

import numpy as np
import pytest

from firstspike_contract import FirstspikeError
from firstspike_sim.rtl.registers import SimulatedRegisters


class Bus:
    """Notes every call. Register n holds n + 1."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def write_array(self, address: int, words: Any) -> None:
        self.calls.append(("write", address, words.tolist()))

    def read(self, address: int) -> int:
        self.calls.append(("read", address))
        return address + 1

    def read_array(self, address: int, count: int) -> Any:
        self.calls.append(("read", address, count))
        return np.arange(count, dtype=np.uint32)

    def wait(self, cycles: int) -> None:
        self.calls.append(("wait", cycles))


def test_every_access_reaches_the_bus() -> None:
    bus: Any = Bus()
    registers = SimulatedRegisters(bus)
    registers.write(8, np.array([1, 2], np.uint32))
    assert registers.read((4, 12)) == [5, 13]
    assert registers.read([]) == []
    assert registers.read_words(16, 3).tolist() == [0, 1, 2]
    registers.scan(16, 5)
    assert registers.flush() == 0.0
    assert bus.calls == [("write", 8, [1, 2]), ("read", 4), ("read", 12), ("read", 16, 3), ("read", 16, 5)]


def test_waiting_passes_cycles_and_ends() -> None:
    bus: Any = Bus()
    registers = SimulatedRegisters(bus)
    for waited in range(100):
        registers.wait(waited)
    assert bus.calls == [("wait", 1000)] * 100
    with pytest.raises(FirstspikeError) as error:
        registers.wait(100)
    assert str(error.value) == ("the core does not become idle: STATUS.idle stays 0 after CONTROL.run was cleared")
