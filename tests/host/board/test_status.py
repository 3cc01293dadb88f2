"""The status of a board: each value stands under its own name."""

from collections.abc import Sequence
from typing import Any

import pytest

from firstspike.board.status import status_of
from firstspike_contract.core.register_map import GLOBAL, LINK, link_offset, offset_of
from firstspike_contract.link.wire import NAME, Configuration


class Transport:
    """Registers that each hold a value of their own: their number in the link's block, or 100 and up in the core."""

    name = "the board"

    def __init__(self, state: int) -> None:
        self.registers = self
        self._shown = {link_offset(register.name): n for n, register in enumerate(LINK)}
        self._shown |= {
            link_offset("CONFIG"): LINK["CONFIG"].shown.pack(state=state),
            link_offset("CONFIG_NAME0"): 0x89ABCDEF,
            link_offset("CONFIG_NAME1"): 0x01234567,
            link_offset("BUILD_ID"): 0xCAFE,
            offset_of("STATUS"): GLOBAL["STATUS"].pack(idle=1),
            offset_of("IMAGES"): 100,
            offset_of("BUSY"): 101,
        }

    def read(self, addresses: Sequence[int]) -> list[int]:
        return [self._shown[address] for address in addresses]

    def figures(self) -> dict[str, Any]:
        return {"sessions": 3}


@pytest.mark.parametrize(("state", "text"), [*((s, s.name.lower()) for s in Configuration), (7, "7")])
def test_the_state_of_the_configuration_in_words(state: int, text: str) -> None:
    transport: Any = Transport(state)
    assert status_of(transport)["configuration"] == text


def test_every_value_has_its_name() -> None:
    transport: Any = Transport(Configuration.VALID)
    found = status_of(transport)
    assert found["loaded"] == f"{NAME.pack(low=0x89ABCDEF, high=0x01234567):016x}" == "0123456789abcdef"
    assert (found["url"], found["idle"], found["host"]) == ("the board", True, {"sessions": 3})
    assert (found["images_answered"], found["busy_cycles"], found["build_id"]) == (100, 101, "0000cafe")
    own = {"CONFIG", "CONFIG_NAME0", "CONFIG_NAME1", "BUILD_ID"}
    for n, register in enumerate(LINK):
        if register.name not in own:
            assert found[register.name.lower()] == n
