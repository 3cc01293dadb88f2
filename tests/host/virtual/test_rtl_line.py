"""The host software works with simulated gateware behind its serial line, whatever faults the line has."""

import itertools
import random

import numpy as np
import pytest
from board_cases import events
from rtl_boards import NET, At, simulated, streamed

from firstspike.board import Board, BoardError
from firstspike.link.faults import Faults, FaultyLine
from firstspike.link.framed import FramedTransport
from firstspike.virtual.rtl_line import RtlLine
from firstspike_contract.core.register_map import link_offset
from firstspike_sim.rtl.board import RtlBoard


def faulty(board: RtlBoard, faults: Faults) -> FaultyLine:
    """Returns a line with faults in both directions; its pauses take simulated time."""

    def sleep(seconds: float) -> None:
        board.run(round(seconds * board.clock))

    return FaultyLine(RtlLine(board, shortcut=False), faults, sleep=sleep)


def test_a_network_is_loaded_and_images_come_back_spike_for_spike() -> None:
    with simulated() as device:
        board = Board(FramedTransport(RtlLine(device)))
        assert board.status()["configuration"] == "empty"
        board.load(NET, name=0x1122334455667788)
        streamed(board, 60)
        streamed(board, 40, graded=True)
        streamed(board, 60, spikes=False)
        board.verify()
        status = board.status()
        assert (status["configuration"], status["loaded"], status["images_taken"]) == (
            "valid",
            "1122334455667788",
            160,
        )
        assert [status[name] for name in ("frames_bad", "frames_again", "frames_ahead", "repeats")] == [0] * 4
        assert [status["host"][name] for name in ("damaged", "frames_again", "repeats", "timeouts")] == [0] * 4
        assert (device.broken, status["line_errors"]) == (0, 0)


def test_damage_in_a_memory_of_the_board_is_found() -> None:
    with simulated() as device:
        board = Board(FramedTransport(RtlLine(device)))
        board.load(NET)
        board.write("MEM_SELECT", 0)
        board.write("MEM_ADDRESS", 5)
        board.write("CONTROL", 0)
        board.write("MEM_DATA", 0x12345678)
        board.write("MEM_DATA", 0x12345678)
        with pytest.raises(BoardError, match=r"memory WEIGHTS of stage 0: 1 words differ, the first is word 5$"):
            board.verify()
        board.write("CONTROL", 1)
        with pytest.raises(BoardError, match="written to after it was found valid"):
            board.run(events(3))
        board.load(NET)
        streamed(board, 5)


FAULTS = {
    "flips": Faults(flip=1e-5),
    "many flips": Faults(flip=1e-4),
    "lost": Faults(drop=1e-4),
    "doubled": Faults(double=1e-4),
    "swapped": Faults(swap=1e-4),
    "cut": Faults(cut=0.03),
    "stalls": Faults(stall=0.05, pause=0.001),
    "unplugged": Faults(unplug=0.02),
    "all": Faults(flip=2e-5, drop=5e-5, double=5e-5, swap=5e-5, cut=0.01, stall=0.01, pause=0.001, unplug=0.01),
}


# Faults that run by default. The other single faults are also part of "all" and run with the slow tests.
QUICK = ("flips", "many flips", "cut", "unplugged", "all")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FAULTS]
)
def test_no_answer_is_lost_doubled_or_changed_by_faults_of_the_line(name: str) -> None:
    with simulated() as device:
        line = faulty(device, FAULTS[name])
        board = Board(FramedTransport(line))
        board.load(NET)
        streamed(board, 40)
        streamed(board, 120, spikes=False, graded=True)  # long messages, short answers
        hurts = sum(line.out.hurts.values()) + sum(line.back.hurts.values()) + line.stalls + line.breaks
        assert hurts > 0


class BadStops(RtlLine):
    """A line on which some bytes reach the board without a stop bit, which may spoil the next byte, too."""

    def __init__(self, board: RtlBoard, chance: float) -> None:
        super().__init__(board, shortcut=False)
        self.random, self.chance, self.count = np.random.default_rng(1), chance, 0
        feed = board.feed

        def broken(data: bytes, *, by_port: bool) -> None:
            marks = self.random.random(len(data)) < self.chance
            self.count += int(marks.sum())
            feed(data, marks)

        board.feed = broken  # type: ignore[method-assign,assignment]


def test_missing_stop_bits_are_counted_and_repaired() -> None:
    with simulated() as device:
        line = BadStops(device, 1e-3)
        board = Board(FramedTransport(line))
        board.load(NET)
        streamed(board, 80)
        assert line.count > 5
        assert line.count <= board.status()["line_errors"] < 5 * line.count  # bytes after such a byte are misread, too


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 6))])
def test_a_board_that_is_reset_repeatedly_loses_no_answer(seed: int) -> None:
    """Resets the board three times at random cycles: while loading, while streaming, or between streams."""
    chance = random.Random(seed)
    with simulated() as device:
        gaps = itertools.chain((chance.randrange(20_000, 900_000) for _ in range(3)), itertools.repeat(1 << 60))
        line = At(RtlLine(device), gaps, device.reset)
        board = Board(FramedTransport(line))
        board.load(NET)
        streamed(board, 80)
        streamed(board, 40, graded=True)
        for _ in range(20):  # until the third reset has happened
            streamed(board, 40)
            if line.done == 3:
                break
        assert line.done == 3


def test_a_board_reset_after_it_received_all_images_still_answers_them() -> None:
    """After such a reset no byte is unacknowledged, so the host must notice the lost session by asking."""
    with simulated() as device:
        line = RtlLine(device)
        board = Board(FramedTransport(line))
        board.load(NET)
        images = events(40)
        answers = board.stream(images, spikes=True)
        first = next(answers)
        while board._transport._session._endpoint.unacknowledged:
            board._transport._session.step()
        device.reset()
        rest = list(answers)
        assert [answer.image for answer in [first, *rest]] == list(range(40))
        assert board.status()["host"]["sessions"] == 2


def test_a_host_that_disappears_does_not_disturb_the_next_one() -> None:
    """A program stops in the middle of a load or of a stream, and the next one opens the line."""
    chance = random.Random(5)
    with simulated() as device:
        for n in range(6):
            line = RtlLine(device)
            board = Board(FramedTransport(line))
            if n % 2:
                board.load(NET)
                source = board.stream(events(30, seed=n), spikes=True)
                for _ in range(chance.randrange(1, 5)):
                    next(source)
            else:
                with pytest.raises(KeyboardInterrupt):
                    board.load(NET, progress=stopping(chance.randrange(1, 6)))
                assert board.status()["configuration"] == "loading"
                with pytest.raises(BoardError, match="a load began and did not end"):
                    Board(FramedTransport(RtlLine(device))).run(events(1)) if board.network is None else board.run(
                        events(1)
                    )
            device.run(chance.randrange(3000))
            device.unplug()
        board = Board(FramedTransport(RtlLine(device)))
        board.load(NET)
        streamed(board, 20)


def stopping(pieces: int):
    """Returns a progress function whose call number `pieces` raises KeyboardInterrupt, as an interrupt would."""

    def progress(done: int, total: int) -> None:
        nonlocal pieces
        pieces -= 1
        if pieces <= 0:
            raise KeyboardInterrupt

    return progress


def test_the_watchdog_resets_a_core_that_does_not_answer() -> None:
    with simulated() as device:
        board = Board(FramedTransport(RtlLine(device)))
        board.load(NET)
        board.write("WATCHDOG", 5000)
        streamed(board, 10)  # a working core answers in time
        assert board.read("WATCHDOGS") == 0
        board.write("CONFIG", 1)
        board.write("STEPS", 0)  # with no steps the first stage never ends
        board.write("CONFIG_CRC", board.read("CONFIG_CRC"))
        board.write("CONFIG", 2)
        assert board.status()["configuration"] == "valid"
        with pytest.raises(BoardError) as error:
            board.run(events(2))
        assert str(error.value) == "the board at rtl: lost the session 10 times without a result in between"
        assert board.read("WATCHDOGS") > 9
        assert board.read("STATUS") & 1  # the core is idle again
        board.load(NET)
        streamed(board, 10)


def test_the_link_counts_frames_and_sessions() -> None:
    with simulated() as device:
        board = Board(FramedTransport(RtlLine(device)))
        before = board.status()
        board.read("ID")
        after = board.status()
        assert after["frames"] > before["frames"]
        assert board.read("SESSIONS") == 1
        assert board._transport.registers.read([link_offset("CLOCK"), link_offset("DIVISOR")]) == [
            device.clock,
            device.divisor,
        ]


def test_a_load_through_the_byte_port_is_faster_and_as_exact() -> None:
    with simulated() as device:
        line = RtlLine(device)
        board = Board(FramedTransport(line))
        start = device.cycles
        board.load(NET)
        quick = device.cycles - start
        streamed(board, 40)
        line_only = Board(FramedTransport(RtlLine(device, shortcut=False)))
        start = device.cycles
        line_only.load(NET)
        assert quick < (device.cycles - start) / 3
        streamed(line_only, 40)
