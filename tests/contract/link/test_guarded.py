"""Loading with a guard: the order of the commands, the CRC-32 that the guard is given, and names of networks."""

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from core_configs import small_config
from networks import random_network

from firstspike_contract import LoadPlan, load_plan
from firstspike_contract.core.access import Flush, Read, Write
from firstspike_contract.core.register_map import GLOBAL, LINK, ConfigCommand, link_offset, offset_of, write_of
from firstspike_contract.link import guarded
from firstspike_contract.link.messages import write_messages
from firstspike_contract.link.wire import Configuration

PLAN = load_plan(random_network(4, sizes=(12, 7, 3)), small_config())
LARGEST = 2**64 - 1


class Guard:
    """A mock guard that answers the accesses of a task and records them in `accesses`; each flush takes a second."""

    def __init__(self, state: int, name: int = 0) -> None:
        self.accesses: list[Any] = []
        low, high = name % 2**32, name // 2**32
        self._shown = {
            offset_of("STATUS"): GLOBAL["STATUS"].pack(idle=1),
            link_offset("CONFIG"): LINK["CONFIG"].shown.pack(state=state),
            link_offset("CONFIG_NAME0"): low,
            link_offset("CONFIG_NAME1"): high,
        }

    def run(self, task: Any) -> Any:
        answer: Any = None
        while True:
            try:
                access = task.send(answer)
            except StopIteration as done:
                return done.value
            self.accesses.append(access)
            answer = None
            if isinstance(access, Read):
                answer = [self._shown[address] for address in access.addresses]
            elif isinstance(access, Flush):
                answer = float(sum(isinstance(one, Flush) for one in self.accesses))

    def written(self, name: str) -> list[int]:
        return [
            int(one.words[0]) for one in self.accesses if isinstance(one, Write) and one.address == link_offset(name)
        ]


@pytest.mark.parametrize("state", [Configuration.VALID, Configuration.DAMAGED])
def test_a_load_is_announced_checked_and_ended(state: Configuration) -> None:
    guard = Guard(state)
    loaded = guard.run(guarded.load(PLAN, LARGEST))
    assert loaded == guarded.Loaded(state=state, seconds=1.0)
    assert guard.written("CONFIG") == [
        LINK["CONFIG"].pack(command=command) for command in (ConfigCommand.BEGIN, ConfigCommand.END)
    ]
    assert (guard.written("CONFIG_NAME0"), guard.written("CONFIG_NAME1")) == ([2**32 - 1], [2**32 - 1])
    begin, end = (
        n for n, one in enumerate(guard.accesses) if isinstance(one, Write) and one.address == link_offset("CONFIG")
    )
    halted, running = guard.accesses[:2]
    assert (halted.address, int(halted.words[0])) == write_of("CONTROL", run=0)
    assert running.addresses == (offset_of("STATUS"),), "images in flight are finished first"
    core = [one for one in guard.accesses[begin:end] if isinstance(one, Write) and one.address < link_offset("CONFIG")]
    core = [one for one in core if one.address not in map(link_offset, ("CONFIG_NAME0", "CONFIG_NAME1", "CONFIG_CRC"))]
    assert {one.address for one in core} >= {address for address, _ in PLAN.registers}
    crc = 0
    for one in core:
        for message in write_messages(one.address, one.words):
            crc = zlib.crc32(message, crc)
    assert guard.written("CONFIG_CRC") == [crc]
    assert not any(isinstance(one, Read) for one in guard.accesses[begin:end]), "nothing must be read back"


@pytest.mark.parametrize("name", [0, 1, 2**32, LARGEST])
def test_only_a_valid_configuration_has_a_name(name: int) -> None:
    assert Guard(Configuration.VALID, name).run(guarded.loaded_name()) == name
    for state in Configuration:
        if state != Configuration.VALID:
            assert Guard(state, name).run(guarded.loaded_name()) is None


def test_the_name_of_a_plan_is_that_of_its_contents() -> None:
    name = guarded.name_of_plan(PLAN)
    assert 0 < name <= LARGEST
    assert guarded.name_of_plan(replace(PLAN)) == name
    address, word = PLAN.registers[0]
    block = PLAN.memories[1]
    beats = block.beats.copy()
    beats[-1] ^= 1
    others = [
        replace(PLAN, registers=((address, word + 1), *PLAN.registers[1:])),
        replace(PLAN, memories=(PLAN.memories[0], replace(block, beats=beats), *PLAN.memories[2:])),
        replace(PLAN, memories=(PLAN.memories[0], replace(block, stage=block.stage + 1), *PLAN.memories[2:])),
        replace(PLAN, memories=PLAN.memories[:-1]),
    ]
    assert len({name, *map(guarded.name_of_plan, others)}) == len(others) + 1
    assert guarded.name_of_plan(LoadPlan(registers=(), memories=(), stages=())) != 0
    assert np.all([guarded.name_of_plan(plan) % 2 == 1 for plan in others]), "names must be odd, so that none is 0"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (0, "nothing was loaded since reset; load it again: board.load(deployment), or firstspike load DIR"),
        (5, "the configuration is valid, but CONTROL.run is 0; write 1 to CONTROL"),
        (99, "state 99; load it again: board.load(deployment), or firstspike load DIR"),
    ],
)
def test_a_state_is_explained_with_its_remedy(state: int, text: str) -> None:
    assert guarded.explained(state) == text
