"""Tests the driver on a mock core of registers and memories: what it writes, finds and refuses."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from core_configs import small_config
from networks import random_network

from firstspike_contract import FirstspikeError, load_plan
from firstspike_contract.core import driver
from firstspike_contract.core.access import perform
from firstspike_contract.core.config import MAX_STAGES
from firstspike_contract.core.register_map import CORE_ID, CORE_VERSION, GLOBAL, Memory, offset_of
from firstspike_contract.core.unloading import identity, memory_beats

CONFIG = small_config()
NETWORK = random_network(4, sizes=(12, 7, 3))
PLAN = load_plan(NETWORK, CONFIG)


class Core:
    """A mock core: registers that keep written words, and memories behind MEM_DATA with their CRC-32.

    busy:  number of reads of STATUS that still show a busy core.
    flips: word that is XORed to the CRC-32 that the core shows.
    """

    def __init__(self) -> None:
        shown = {offset_of(name, k): value for (name, k), value in identity(CONFIG).items()}
        self.words = shown | {offset_of("ID"): CORE_ID, offset_of("VERSION"): CORE_VERSION}
        self.memories = {key: np.zeros(beats, np.uint32) for key, beats in memory_beats(CONFIG).items()}
        self.busy = self.flips = self.at = self.crc = 0
        self.waits: list[int] = []
        self.read_from: list[tuple[Memory, int]] = []
        self.writes = 0

    @property
    def selected(self) -> tuple[Memory, int]:
        fields = GLOBAL["MEM_SELECT"].unpack(self.words[offset_of("MEM_SELECT")])
        return Memory(fields["kind"]), fields["stage"]

    def write(self, address: int, words: Any) -> None:
        for word in words.tolist():
            self.writes += 1
            if address == offset_of("MEM_DATA"):
                self.memories[self.selected][self.at] = word
                self.at += 1
                self.crc = zlib.crc32(np.array(word, "<u4").tobytes(), self.crc)
            else:
                self.words[address] = word
            if address == offset_of("MEM_ADDRESS"):
                self.at, self.crc = word, 0

    def read(self, addresses: Sequence[int]) -> list[int]:
        return [self._shown(address) for address in addresses]

    def _shown(self, address: int) -> int:
        if address == offset_of("STATUS"):
            self.busy -= self.busy > 0
            return GLOBAL["STATUS"].pack(idle=int(not self.busy and not self.words.get(offset_of("CONTROL"))))
        if address == offset_of("MEM_CRC"):
            return self.crc ^ self.flips
        return int(self.words.get(address, 0))

    def scan(self, address: int, count: int) -> None:
        self.crc = zlib.crc32(self.memories[self.selected][self.at : self.at + count].astype("<u4").tobytes())

    def read_words(self, address: int, count: int) -> Any:
        self.read_from.append(self.selected)
        self.scan(address, count)
        return self.memories[self.selected][self.at : self.at + count].copy()

    def wait(self, waited: int) -> None:
        self.waits.append(waited)

    def flush(self) -> float:
        return 0.0

    @property
    def runs(self) -> bool:
        return self.words.get(offset_of("CONTROL")) == 1


def loaded() -> Core:
    core = Core()
    perform(driver.load(PLAN), core)
    return core


def message(task: Any, core: Core) -> str:
    with pytest.raises(FirstspikeError) as error:
        perform(task, core)
    return str(error.value)


def test_another_device_is_refused() -> None:
    core = Core()
    perform(driver.identify(), core)
    core.words[offset_of("VERSION")] = CORE_VERSION + 1
    assert message(driver.identify(), core) == (
        f"this is no event core of version {CORE_VERSION}: ID and VERSION read {(CORE_ID, CORE_VERSION + 1)}"
    )


def test_the_configuration_comes_from_the_registers() -> None:
    core = Core()
    assert perform(driver.configuration_of(), core) == CONFIG
    build = offset_of("BUILD")
    core.words[build] = GLOBAL["BUILD"].pack(**GLOBAL["BUILD"].unpack(core.words[build]) | {"stages": MAX_STAGES + 1})
    assert message(driver.configuration_of(), core) == "a core has 1..32 stages; this one says that it has 33"


@pytest.mark.parametrize("busy", [0, 1, 2, 4])
def test_halting_waits_until_the_core_is_idle(busy: int) -> None:
    core = loaded()
    core.busy = busy
    perform(driver.halt(), core)
    assert not core.runs
    assert core.waits == list(range(max(0, busy - 1)))
    perform(driver.resume(), core)
    assert core.runs


def test_a_load_writes_everything_and_starts_the_core() -> None:
    core, reports = Core(), []
    perform(driver.load(PLAN, lambda done, total, what="": reports.append((done, total))), core)
    assert core.runs
    for address, word in PLAN.registers:
        assert core.words[address] == word
    for block in PLAN.memories:
        np.testing.assert_array_equal(core.memories[block.kind, block.stage][: len(block.beats)], block.beats)
    total = sum(len(block.beats) for block in PLAN.memories)
    assert reports[-1] == (total, total)
    assert reports == sorted(reports)


def test_a_load_whose_words_arrive_damaged_is_refused() -> None:
    core = Core()
    core.flips = 1
    want = zlib.crc32(PLAN.memories[0].beats.astype("<u4").tobytes())
    assert message(driver.load(PLAN), core) == (
        f"memory INPUT_MAP of stage 0: CRC-32 of the beats written is {want:08x}, the core says {want ^ 1:08x}"
    )
    assert not core.runs, "a core that is not loaded must not run"
    perform(driver.write_plan(PLAN, check=False), core)
    assert core.runs


def test_no_damage_is_found_without_reading_any_memory() -> None:
    core, reports = loaded(), []
    found = perform(driver.find_damage(CONFIG, PLAN, lambda done, total, what="": reports.append((done, total))), core)
    assert (found, core.read_from, core.runs) == ([], [], True)
    count = len(PLAN.memories)
    assert reports == [(n, count) for n in range(1, count + 1)]


def test_damage_is_found_by_word() -> None:
    """Two beats of one word of tables are one word; tables have four beats a word."""
    core = loaded()
    stage = PLAN.stages[0]
    core.memories[Memory.TABLES, stage][[9, 10, 21]] ^= 1
    (damage,) = perform(driver.find_damage(CONFIG, PLAN), core)
    assert damage == driver.Damage(kind=Memory.TABLES, stage=stage, words=2, first=2)
    assert str(damage) == f"memory TABLES of stage {stage}: 2 words differ, the first is word 2"
    assert core.read_from == [(Memory.TABLES, stage)], "only memories that differ must be transferred"
    assert core.runs


def test_reading_back_names_the_first_difference() -> None:
    core = loaded()
    perform(driver.read_back(PLAN), core)
    assert core.runs
    core.memories[Memory.WEIGHTS, PLAN.stages[0]][3] ^= 1
    assert message(driver.read_back(PLAN), core) == (
        f"memory WEIGHTS of stage {PLAN.stages[0]}: beat 3 does not read back as written"
    )
    assert not core.runs


def test_a_network_comes_back() -> None:
    core = loaded()
    found = perform(driver.unload(CONFIG), core)
    assert core.runs
    for mine, own in zip(found.layers, NETWORK.layers, strict=True):
        for name in ("weights", "a", "m", "th"):
            order = np.argsort(own.constant_times, kind="stable")
            wanted = getattr(own, name)
            if name == "weights":
                wanted = np.concatenate([wanted[: own.inputs], wanted[own.inputs :][order]])
            np.testing.assert_array_equal(getattr(mine, name), wanted, err_msg=name)


def test_learnt_weights_come_back_and_nothing_else_is_read() -> None:
    core = loaded()
    changed = replace(NETWORK, layers=tuple(replace(layer, weights=-np.abs(layer.weights)) for layer in NETWORK.layers))
    for block in load_plan(changed, CONFIG).memories:
        core.memories[block.kind, block.stage][: len(block.beats)] = block.beats
    found = perform(driver.learnt(NETWORK, CONFIG, PLAN), core)
    for mine, own in zip(found.layers, changed.layers, strict=True):
        np.testing.assert_array_equal(mine.weights, own.weights)
    assert core.read_from == [(Memory.WEIGHTS, stage) for stage in PLAN.stages]
    core.flips = 1
    assert message(driver.learnt(NETWORK, CONFIG, PLAN), core).startswith(
        f"memory WEIGHTS of stage {PLAN.stages[0]}: CRC-32 of the beats read is "
    )
