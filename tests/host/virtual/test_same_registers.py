"""Every writable register keeps and returns the same bits in the model board and in the gateware."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from board_cases import SMALL
from rtl_boards import PATIENCE

from firstspike.board import Board
from firstspike.link.framed import FramedTransport
from firstspike.virtual import ModelBoard, VirtualLine
from firstspike.virtual.rtl_line import RtlLine
from firstspike_contract import CoreConfig
from firstspike_contract.core.register import Register
from firstspike_contract.core.register_map import LINK, registers
from firstspike_sim.rtl import runs
from firstspike_sim.rtl.board import RtlBoard

LEARNS = replace(SMALL, stages=tuple(replace(stage, learning=True) for stage in SMALL.stages))
WORDS = (0xFFFFFFFF, 0x00010005, 0xA5A5A5A5, 0)


@pytest.fixture(params=[SMALL, LEARNS], ids=["small", "learning"], scope="module")
def boards(request: pytest.FixtureRequest) -> Iterator[dict[str, Board]]:
    """Yields two boards with one core configuration: the model board and simulated gateware."""
    if reason := runs():
        pytest.skip(reason)
    with ExitStack() as stack:
        device = stack.enter_context(RtlBoard(request.param, patience=PATIENCE))
        lines = {"model": VirtualLine(ModelBoard(request.param), "model:"), "rtl": RtlLine(device)}
        yield {name: stack.enter_context(Board(FramedTransport(line))) for name, line in lines.items()}


def writable(config: CoreConfig) -> list[tuple[str, int | None, Register]]:
    found = [(name, k, one) for _, name, k, one in registers(len(config.stages), learns=config.learns) if one.writable]
    return found + [(one.name, None, one) for one in LINK if one.writable]


def everything(board: Board) -> dict[tuple[str, int | None], int]:
    """Returns the present value of every writable register."""
    return {(name, k): board.read(name, k) for name, k, _ in writable(board.config)}


def test_both_boards_begin_with_equal_registers(boards) -> None:
    assert everything(boards["rtl"]) == everything(boards["model"])


@pytest.mark.parametrize("word", WORDS, ids=hex)
def test_each_written_word_reads_back_equally_and_as_described(boards, word: int) -> None:
    for name, k, register in writable(boards["model"].config):
        found = {}
        for which, board in boards.items():
            board.write(name, word, k)
            found[which] = board.read(name, k)
        assert found["rtl"] == found["model"], f"{name} of stage {k} after {word:#x}"
        if name not in ("MEM_DATA", "CONFIG", "CONFIG_CRC"):  # a memory port, and registers of the guard
            assert found["model"] == register.after(word), f"{name} of stage {k} after {word:#x}"
    assert everything(boards["rtl"]) == everything(boards["model"]), "a write changed another register"
