"""A test of the tests: they find each fault that is planted in the link of a board. Each faulty board is built anew."""

from collections.abc import Callable

import pytest
from board_cases import SMALL, events
from rtl_boards import NET, PATIENCE, streamed

from firstspike.board import Board, BoardError
from firstspike.link.faults import Faults, FaultyLine
from firstspike.link.framed import FramedTransport
from firstspike.virtual.rtl_line import RtlLine
from firstspike_contract import FirstspikeError
from firstspike_sim.rtl import runs
from firstspike_sim.rtl.board import RtlBoard

MOST = 80_000_000  # cycles; a board without a fault needs a quarter of them


class Bounded(RtlLine):
    """A line that fails the test after MOST cycles instead of waiting for ever."""

    def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
        assert self.board.cycles < MOST, "the board hangs"
        return super().exchange(data, timeout)


def on_a_bad_line(device: RtlBoard) -> None:
    line = FaultyLine(
        Bounded(device, shortcut=False), Faults(flip=1e-4, drop=5e-5, double=5e-5), sleep=lambda seconds: None
    )
    board = Board(FramedTransport(line), timeout=0.2)
    board.load(NET)
    for seed in range(3):
        streamed(board, 60, seed=seed)
        streamed(board, 200, seed=seed, graded=True, spikes=False)  # long messages, short answers
    status = board.status()
    assert status["host"]["sessions"] == 1, "the bad line ended a session"
    assert status["messages_bad"] == 0


def with_a_host_that_goes(device: RtlBoard) -> None:
    board = Board(FramedTransport(Bounded(device)), timeout=0.2)
    board.load(NET)
    for n in range(8):
        session = board._transport._session
        source = board._transport.images.chunks(
            events(30, seed=n, graded=True), NET.addresses, flags=0, timeout=0.2, renew=board._renew
        )
        next(source)
        device.run(500 * n)
        device.unplug()
        session.open()
        board._transport.images.forget()
        streamed(board, 5)


def with_another_network_behind_its_back(device: RtlBoard) -> None:
    board = Board(FramedTransport(Bounded(device)), timeout=0.2)
    board.load(NET)
    board.write("STEPS", 32)
    said = ""
    try:
        board.run(events(3))
    except BoardError as error:
        said = str(error)
    assert "written to after it was found valid" in said, "the board classifies with a changed network"


def with_much_to_say(device: RtlBoard) -> None:
    board = Board(FramedTransport(Bounded(device)), timeout=0.2)
    board.load(NET)
    streamed(board, 60, graded=True)


CAUGHT_BY: dict[str, Callable[[RtlBoard], None]] = {
    "frame taken without its CRC": on_a_bad_line,
    "payload visible before it is judged": on_a_bad_line,
    "bytes that come too early are taken": on_a_bad_line,
    "sent again from the wrong byte": on_a_bad_line,
    "core not reset": with_a_host_that_goes,
    "guard forgets what changes": with_another_network_behind_its_back,
    "record seen by halves": with_much_to_say,
}


def board_of(fault: str | None) -> RtlBoard:
    from faults import LINK_FAULTS, planted

    from firstspike_hw.emit.verilog import emit_board

    if reason := runs():
        pytest.skip(reason)
    if fault is None:
        return RtlBoard(SMALL, patience=PATIENCE)
    with planted(LINK_FAULTS[fault]):
        text = emit_board(SMALL, divisor=4, patience=PATIENCE)
    return RtlBoard(SMALL, verilog=text)


@pytest.mark.long
@pytest.mark.parametrize("fault", CAUGHT_BY)
def test_a_board_with_a_fault_fails(fault: str) -> None:
    with board_of(fault) as device, pytest.raises((AssertionError, FirstspikeError)):
        CAUGHT_BY[fault](device)


@pytest.mark.long
@pytest.mark.parametrize("scenario", dict.fromkeys(CAUGHT_BY.values()))  # a set has no fixed order
def test_a_board_without_a_fault_passes(scenario: Callable[[RtlBoard], None]) -> None:
    with board_of(None) as device:
        scenario(device)
