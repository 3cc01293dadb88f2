"""Guard: its state in loads that succeed or fail in any way equals that of its model and of the host's model."""

import random
import zlib

import pytest
from unit_bench import check, strobe

from firstspike.virtual.guard_model import GuardModel
from firstspike_contract.core.register_map import offset_of, reconfigures, registers
from firstspike_contract.link.wire import Configuration
from firstspike_hw.link.guard import Guard

CONTROL = offset_of("CONTROL")
MESSAGES = [b"registers", b"weights and tables", b"control"]
CRC = zlib.crc32(b"".join(MESSAGES))

LOAD = [
    ("begin", None),
    ("passed", MESSAGES[0]),
    ("write", (offset_of("STEPS"), False, False)),
    ("passed", MESSAGES[1]),
    ("write", (offset_of("MEM_DATA"), True, False)),
    ("passed", MESSAGES[2]),
    ("write", (CONTROL, True, False)),
    ("expect", CRC),
    ("end", None),
]


def ran(operations) -> list[tuple[Configuration, int]]:
    """Returns (state, crc) after each operation, compared with the model."""
    unit = Guard()

    async def give(ctx, item):
        name, value = item
        if name == "passed":
            for byte in value:
                ctx.set(unit.passed.payload, byte)
                await strobe(ctx, unit.passed.valid)
        elif name == "write":
            for port, given in zip((unit.address, unit.running, unit.refused), value, strict=True):
                ctx.set(port, given)
            await strobe(ctx, unit.written)
        else:
            ctx.set(unit.expected, value or 0)
            await strobe(ctx, getattr(unit, name))
        return [(ctx.get(unit.state), ctx.get(unit.crc))]

    return check(unit, operations, give=give)


def final(operations) -> Configuration:
    """Returns the state at the end. Compares the state after every operation with the model."""
    return Configuration(ran(operations)[-1][0])


def test_a_whole_load_is_valid() -> None:
    assert final(LOAD) == Configuration.VALID


def test_a_core_that_has_loaded_itself_is_valid_until_a_load_begins() -> None:
    boot = ("booted", None)
    assert final([boot]) == Configuration.VALID
    assert final([boot, ("begin", None)]) == Configuration.LOADING
    assert final([boot, ("write", (CONTROL, False, False))]) == Configuration.HALTED
    assert final([boot, ("write", (offset_of("MEM_DATA"), False, False))]) == Configuration.CHANGED


@pytest.mark.parametrize("stop", range(len(LOAD)))
def test_a_load_that_stops_anywhere_is_not_valid(stop) -> None:
    """Such a load is not valid either if it is ended without the CRC-32 of the bytes that came."""
    assert final(LOAD[:stop] or [("expect", 0)]) == (Configuration.LOADING if stop else Configuration.EMPTY)
    if stop:
        ended = final([*LOAD[:stop], ("end", None)])
        assert (ended == Configuration.VALID) == (stop == len(LOAD) - 1)


@pytest.mark.parametrize("missing", range(1, len(LOAD) - 1))
def test_a_load_with_a_piece_missing_is_not_valid(missing) -> None:
    assert final(LOAD[:missing] + LOAD[missing + 1 :]) != Configuration.VALID or LOAD[missing][0] == "write"


def test_a_wrong_crc_is_damaged_and_a_refused_write_incomplete() -> None:
    assert final([*LOAD[:-2], ("expect", CRC ^ 1), ("end", None)]) == Configuration.DAMAGED
    refused = [*LOAD[:4], ("write", (offset_of("MEM_DATA"), False, True)), *LOAD[5:]]
    assert final(refused) == Configuration.INCOMPLETE
    assert final([*refused, *LOAD]) == Configuration.VALID  # the next load is a new one


def test_a_load_of_nothing_is_incomplete() -> None:
    assert final([("begin", None), ("expect", 0), ("end", None)]) == Configuration.INCOMPLETE
    assert final([*LOAD, ("begin", None), ("expect", 0), ("end", None)]) == Configuration.INCOMPLETE


def test_an_end_without_a_beginning_changes_nothing() -> None:
    assert final([("expect", 0), ("end", None)]) == Configuration.EMPTY
    assert final([*LOAD, ("expect", 1), ("end", None)]) == Configuration.VALID


def test_a_write_to_what_describes_the_network_is_a_change() -> None:
    operations, at = [], {}
    for address in range(0, 0x200, 4):
        operations += [*LOAD, ("write", (address, True, False)), ("write", (CONTROL, True, False))]
        at[address] = len(operations) - 1
    found = ran(operations)
    for address, place in at.items():
        assert found[place][0] == (Configuration.CHANGED if reconfigures(address) else Configuration.VALID)


def test_which_registers_describe_the_network() -> None:
    names = {name for offset, name, _, _ in registers(3, learns=True) if reconfigures(offset)}
    assert names == {"STEPS", "ADDRESSES", "ACTIVE", "MEM_DATA", "INPUTS", "CONSTANTS", "OUTPUTS", "ROWS"}


def test_halted_is_valid_and_not_running() -> None:
    halted = [*LOAD, ("write", (CONTROL, False, False))]
    assert final(halted) == Configuration.HALTED
    assert final([*halted, ("write", (CONTROL, True, False))]) == Configuration.VALID
    assert final([*halted, ("write", (offset_of("ROWS", 1), False, False))]) == Configuration.CHANGED


def test_random_operations_equal_the_model_and_the_hosts_guard() -> None:
    seen = set()
    for seed in range(8):
        operations = random_course(random.Random(seed))
        found = ran(operations)
        assert found == by_the_host(operations)
        seen |= {state for state, _ in found}
    assert seen == set(Configuration)


def random_course(chance: random.Random) -> list[tuple]:
    addresses = [CONTROL, offset_of("MEM_SELECT"), offset_of("MEM_DATA"), offset_of("INPUTS", 1)]
    operations = []
    for _ in range(60):
        operations += chance.choice(
            [
                LOAD,
                LOAD[:6],
                [("write", (chance.choice(addresses), chance.random() < 0.7, chance.random() < 0.1))],
                [("passed", chance.randbytes(3))],
                [chance.choice(LOAD)],
                [*LOAD[:4], ("write", (offset_of("MEM_DATA"), False, True)), ("end", None)],
                [*LOAD[:-2], ("expect", 5), ("end", None)],
            ]
        )
    return operations


def by_the_host(operations) -> list[tuple[Configuration, int]]:
    host, running, found = GuardModel(), False, []
    for name, value in operations:
        if name == "passed":
            host.passed(value)
        elif name == "begin":
            host.begin()
        elif name == "end":
            host.end(True)
        elif name == "expect":
            host.expected = value
        else:
            address, run, refused = value
            running = run if address == CONTROL else running
            host.wrote(address, 1, int(refused))
        found.append((host.now(running), host.crc))
    return found
