"""The core's model behind its registers: memories beat by beat, their CRC-32, and words that do not exist."""

import zlib

import numpy as np
import pytest
from networks import random_images, random_network, set_of

from firstspike.virtual.core_model import CoreModel
from firstspike_contract import CONFIGS, FirstspikeError, load_plan
from firstspike_contract.core import driver
from firstspike_contract.core.access import perform
from firstspike_contract.core.register_map import GLOBAL, Memory, offset_of

CORE = CONFIGS["small"]
NETWORK = random_network(4, sizes=(12, 7, 3))
DATA = offset_of("MEM_DATA")


def words(*values: int) -> np.ndarray:
    return np.array(values, np.uint32)


def crc(*values: int) -> int:
    return zlib.crc32(words(*values).astype("<u4").tobytes())


class Registers:
    """Accesses of the driver. A refused one is an error."""

    def __init__(self, core: CoreModel) -> None:
        self.core = core

    def write(self, address: int, data: np.ndarray) -> None:
        assert self.core.write(address, data) == 0

    def read(self, addresses: tuple[int, ...]) -> list[int]:
        return [int(self.read_words(address, 1)[0]) for address in addresses]

    def read_words(self, address: int, count: int) -> np.ndarray:
        found, refused = self.core.read(address, count)
        assert refused == 0
        return found

    def scan(self, address: int, count: int) -> None:
        self.read_words(address, count)


def read(core: CoreModel, name: str) -> int:
    (value,), refused = core.read(offset_of(name), 1)
    assert refused == 0
    return int(value)


def select(core: CoreModel, kind: int, stage: int, address: int = 0) -> None:
    core.write(offset_of("MEM_SELECT"), words(GLOBAL["MEM_SELECT"].pack(kind=kind, stage=stage)))
    core.write(offset_of("MEM_ADDRESS"), words(address))


def test_a_memory_is_written_and_read_beat_by_beat() -> None:
    """A word of weights of 8 lanes has two beats, one of tables four."""
    core = CoreModel(CORE)
    select(core, Memory.WEIGHTS, 0, 3)
    core.write(DATA, words(1, 2))
    core.write(DATA, words(3))
    assert read(core, "MEM_ADDRESS") == 4
    assert read(core, "MEM_CRC") == crc(1, 2, 3)
    assert core.memories[Memory.WEIGHTS, 0][5:10].tolist() == [0, 1, 2, 3, 0]
    select(core, Memory.WEIGHTS, 0, 3)
    assert read(core, "MEM_CRC") == 0, "an address begins anew"
    assert core.read(DATA, 4)[0].tolist() == [1, 2, 3, 0]
    assert read(core, "MEM_CRC") == crc(1, 2, 3, 0)
    select(core, Memory.TABLES, 1, 0)
    core.write(DATA, words(*range(9)))
    assert read(core, "MEM_ADDRESS") == 2


@pytest.mark.parametrize(("kind", "stage"), [(Memory.CONSTANTS, 7), (15, 0)])
def test_a_memory_that_the_core_lacks_reads_as_0(kind: int, stage: int) -> None:
    core = CoreModel(CORE)
    select(core, kind, stage)
    assert core.write(DATA, words(5, 6)) == 0
    select(core, kind, stage)
    assert core.read(DATA, 2)[0].tolist() == [0, 0]


def test_beyond_its_end_a_memory_reads_as_0() -> None:
    core = CoreModel(CORE)
    memory = core.memories[Memory.CONSTANTS, 0]
    select(core, Memory.CONSTANTS, 0, len(memory) - 1)
    core.write(DATA, words(7, 8, 9))
    assert memory[-1] == 7
    select(core, Memory.CONSTANTS, 0, len(memory) - 1)
    assert core.read(DATA, 3)[0].tolist() == [7, 0, 0]


def test_registers_that_do_not_exist_refuse() -> None:
    core = CoreModel(CORE)
    assert core.write(0xFFC, words(1, 2)) == 2
    assert core.write(offset_of("ID"), words(1)) == 1, "a register that is only read"
    assert core.write(offset_of("STEPS"), words()) == 0
    found, refused = core.read(0xFFC, 3)
    assert (found.tolist(), refused) == ([0, 0, 0], 3)


def test_a_network_is_the_one_that_was_loaded_last() -> None:
    core = CoreModel(CORE)
    with pytest.raises(FirstspikeError):
        core.classify(set_of(random_images(NETWORK, 1, 2)))
    plan = load_plan(NETWORK, CORE)
    perform(driver.load(plan), Registers(core))  # type: ignore[arg-type]
    assert core.running
    images = set_of(random_images(NETWORK, 1, 5))
    before = core.classify(images).results
    assert (read(core, "IMAGES"), core.images) == (5, 5)
    core.write(offset_of("ADDRESSES"), words(1))
    after = core.classify(images).results
    assert (after["events_refused"] >= before["events_refused"]).all()
    assert (after["events_refused"] > before["events_refused"]).any()
    core.reset()
    assert (core.running, core.images, read(core, "STEPS")) == (False, 0, 0)
    assert core.memories[Memory.WEIGHTS, 0].any(), "a reset keeps the memories"
