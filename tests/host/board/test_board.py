"""Loading, streaming, verifying and unloading are exact on a model board, and no fault of the line loses anything."""

from typing import Any

import numpy as np
import pytest
from board_cases import SMALL, At, events, expected, network, open_small

from firstspike.board import Board, BoardError
from firstspike.link import LineLost
from firstspike.link.faults import Faults
from firstspike.link.framed import FramedTransport
from firstspike.virtual import ModelBoard, VirtualLine
from firstspike_contract import CONFIGS, EVENT, Batch, EventSet, FirstspikeError, load_plan
from firstspike_contract.core.register_map import Memory
from firstspike_contract.link.wire import HOST_BUFFER

NET = network()


def equal(batch: Batch | None, want: Batch) -> bool:
    assert batch is not None
    same = (batch.results == want.results).all() and (batch.rows == want.rows).all()
    return bool(same and all((a == b).all() for a, b in zip(batch.times, want.times, strict=True)))


@pytest.mark.parametrize("graded", [False, True])
def test_every_spike_equals_that_of_the_model(graded: bool) -> None:
    board, _ = open_small()
    images = events(150, graded=graded)
    want = expected(NET, images)
    board.load(NET)
    assert equal(board.run(images, spikes=True).batch, want)
    for result in board.stream(images, spikes=True):
        row = want.results[result.image]
        assert (result.answer, result.step, result.tie) == (row["class"], row["step"], row["tie"])
        assert result.counts["spikes_hidden"] == row["spikes_hidden"]
        assert result.times is not None
        assert all((a == b[result.image]).all() for a, b in zip(result.times, want.times[1:], strict=True))


def test_without_spikes_the_answers_are_the_same() -> None:
    board, _ = open_small()
    images = events(40)
    board.load(NET)
    answers = board.run(images)
    assert answers.batch is None
    assert (answers.packets["class"] == expected(NET, images).results["class"]).all()


def test_invalid_events_are_refused_and_counted_as_in_the_model() -> None:
    image = np.array([(0, 3), (300, 5), (0, 3), (2, 60000), (15, 7)], EVENT)
    images = EventSet(events=np.concatenate([image, image[:0]]), offsets=np.array([0, 5, 5]))
    board, _ = open_small()
    board.load(NET)
    assert equal(board.run(images, spikes=True).batch, expected(NET, images))


def test_the_board_knows_its_network_and_is_loaded_only_if_needed() -> None:
    board, device = open_small()
    assert board.load(NET, name=77) is True
    assert board.load(NET, name=77, if_needed=True) is False
    assert board.load(NET, name=78, if_needed=True) is True
    assert (board.status()["configuration"], board.status()["loaded"]) == ("valid", f"{78:016x}")
    again = Board(FramedTransport(VirtualLine(device, "sim:small")))  # a second program, later
    assert again.load(NET, name=78, if_needed=True) is False
    assert len(list(again.stream(events(3)))) == 3


def test_unloading_gives_the_network_back() -> None:
    board, device = open_small()
    board.load(NET)
    device.core.memories[Memory.WEIGHTS, 0][5] ^= 0x01
    plan, there = load_plan(board.unload(), SMALL), load_plan(NET, SMALL)
    differ = [
        block.kind for block, own in zip(plan.memories, there.memories, strict=True) if (block.beats != own.beats).any()
    ]
    assert differ == [Memory.WEIGHTS]
    assert board.run(events(2)).packets is not None  # the board still classifies afterwards


def test_wrong_weights_in_the_boards_memory_are_found() -> None:
    board, device = open_small()
    board.load(NET)
    board.verify()
    device.core.memories[Memory.WEIGHTS, 0][7] ^= 0x10000
    device.core.memories[Memory.WEIGHTS, 0][31] ^= 0x1
    device.core.memories[Memory.TABLES, 1][9] ^= 0x8
    with pytest.raises(BoardError) as found:
        board.verify()
    last = len(SMALL.stages) - 1
    assert str(found.value) == (
        "the board's memories differ from what was loaded; load it again\n"
        "memory WEIGHTS of stage 0: 2 words differ, the first is word 3\n"
        f"memory TABLES of stage {last}: 1 words differ, the first is word 2"
    )
    board.load(NET)
    board.verify()


REFUSALS = {
    "halted": "the board refuses to classify: the configuration is valid, but CONTROL.run is 0; write 1 to CONTROL",
    "loading": "the board refuses to classify: a load began and did not end; load it again: board.load(deployment), or "
    "firstspike load DIR",
}


class Gone(Exception):
    """Stands for the end of the program that was loading."""


def leave() -> None:
    raise Gone


@pytest.mark.parametrize("after", range(0, 2600, 37))
def test_a_load_interrupted_at_any_byte_leaves_a_board_that_refuses_and_says_why(after: int) -> None:
    device = ModelBoard(SMALL)
    Board(FramedTransport(VirtualLine(device, "sim:small"))).load(network(7), name=7)  # another network is loaded
    with pytest.raises(Gone):
        Board(FramedTransport(At(VirtualLine(device, "sim:small", baudrate=12_000_000), after, leave))).load(
            NET, name=9
        )
    later = Board(FramedTransport(VirtualLine(device, "sim:small")))
    later.assume(NET)
    status = later.status()
    if status["configuration"] == "valid":  # the load had not begun, and the other network is whole
        assert status["loaded"] == f"{7:016x}"
        later.assume(network(7))
        assert equal(later.run(events(5), spikes=True).batch, expected(network(7), events(5)))
        return
    with pytest.raises(BoardError) as refused:
        later.run(events(1))
    assert str(refused.value) == REFUSALS[status["configuration"]]


def test_a_board_that_holds_nothing_refuses() -> None:
    board, _ = open_small()
    with pytest.raises(
        BoardError, match=r"^no network was loaded by this program; call board\.load\(deployment\) first$"
    ):
        list(board.stream(events(1)))
    board.assume(NET)
    with pytest.raises(BoardError) as refused:
        list(board.stream(events(1)))
    assert str(refused.value) == (
        "the board refuses to classify: nothing was loaded since reset; load it again: board.load(deployment), "
        "or firstspike load DIR"
    )
    assert board.status()["images_refused"] == 1
    board.load(NET)  # the board does not wait for the refused image
    assert (board.run(events(70)).packets["class"] == expected(NET, events(70)).results["class"]).all()


def test_a_board_refuses_to_classify_after_a_register_write() -> None:
    board, _ = open_small()
    board.load(NET)
    board.write("STEPS", 16)
    with pytest.raises(
        BoardError, match=r"^the board refuses to classify: the network was written to after it was found valid; load"
    ):
        board.run(events(1))


def test_a_network_changed_on_the_way_is_not_accepted() -> None:
    board, device = open_small()
    passed = device.dispatcher.guard.passed
    device.dispatcher.guard.passed = lambda data: passed(bytes(byte ^ 1 for byte in data))
    with pytest.raises(BoardError, match=r"^the board does not accept what was loaded: the bytes that arrived differ"):
        board.load(NET)


def test_a_network_that_does_not_fit_is_refused_before_anything_is_sent() -> None:
    board, _ = open_small()
    with pytest.raises(FirstspikeError) as refused:
        board.load(network(hidden=400))
    assert str(refused.value) == (
        "layers of 40 x 400, 400 x 5 do not fit the stages of the core: 8 lanes x 16 rows, 4096 words, "
        "8 lanes x 4 rows, 512 words; it fits a board with the core 'fast', for example sim:fast"
    )
    assert board.status()["configuration"] == "empty"


FAULTS = {
    "flip 1e-5": Faults(flip=1e-5),
    "flip 1e-4": Faults(flip=1e-4),
    "drop": Faults(drop=1e-4),
    "double": Faults(double=1e-4),
    "swap": Faults(swap=1e-4),
    "cut": Faults(cut=0.02),
    "stall": Faults(stall=0.01),
    "unplug": Faults(unplug=0.02),
    "all": Faults(flip=1e-5, drop=1e-5, double=1e-5, swap=1e-5, cut=0.005, stall=0.01, unplug=0.005),
}


@pytest.mark.parametrize("name", FAULTS)
def test_no_result_is_wrong_lost_or_doubled_on_a_bad_line(name: str) -> None:
    board, _ = open_small(faults=FAULTS[name])
    images = events(600)
    want = expected(NET, images)
    board.load(NET)
    assert equal(board.run(images, spikes=True).batch, want)
    answers = [(result.image, result.answer) for result in board.stream(images)]
    assert answers == list(enumerate(want.results["class"]))


@pytest.mark.parametrize("after", [300, 1000, 2000, 2600, 3300, 4100, 6000])
def test_a_board_reset_in_mid_load_or_mid_stream_is_loaded_again_and_nothing_is_lost(after: int) -> None:
    device = ModelBoard(SMALL)
    line = At(VirtualLine(device, "sim:small", baudrate=12_000_000), after, device.reset)
    board = Board(FramedTransport(line))
    images = events(800)
    board.load(NET, name=5)
    assert equal(board.run(images, spikes=True).batch, expected(NET, images))
    assert line.done
    assert board.status()["host"]["sessions"] == 2


def test_a_line_that_stays_away_is_reported() -> None:
    class Pulled(VirtualLine):
        pulled = False

        def exchange(self, data: bytes, timeout: float) -> tuple[int, bytes]:
            if self.pulled:
                raise LineLost("the connection to sim:small is lost (the device is gone)")
            return super().exchange(data, timeout)

        def reopen(self) -> None:
            if self.pulled:
                raise BoardError("there is no such port")

    line = Pulled(ModelBoard(SMALL), "sim:small")
    board = Board(FramedTransport(line))
    board.load(NET)
    results = board.stream(events(500))
    next(results)
    line.pulled = True
    with pytest.raises(BoardError, match=r"is lost \(the device is gone\); it did not come back within 2 s$"):
        list(results)


def test_a_core_that_does_not_answer_is_reported() -> None:
    board, device = open_small()
    board.load(NET)
    device.dispatcher._classify = lambda: None  # type: ignore[method-assign]
    with pytest.raises(BoardError) as slow:
        board.run(events(3), timeout=0.5)
    assert str(slow.value) == (
        "the board at sim:small gave no result for 0.5 s, 3 images are in flight; reset it, or give it longer: "
        "timeout=1"
    )


def test_a_stream_left_in_the_middle_does_not_disturb_the_next() -> None:
    board, _ = open_small()
    board.load(NET)
    images = events(300)
    want = expected(NET, images).results["class"]
    for stop in (1, 7, 40):
        stream = board.stream(images)
        got = [next(stream).answer for _ in range(stop)]
        stream.close()
        assert got == want[:stop].tolist()
    assert (board.run(images).packets["class"] == want).all()


def test_the_board_takes_few_images_while_the_reader_waits() -> None:
    board, device = open_small()
    board.load(NET)
    stream = board.stream(events(5000))
    next(stream)
    taken = board.sent_bytes
    assert taken < 4 * HOST_BUFFER
    assert device.dispatcher.counters["IMAGES_TAKEN"] < 4000
    assert sum(1 for _ in stream) == 4999


def test_the_status_describes_board_and_host() -> None:
    board, _ = open_small()
    status = board.status()
    assert {"configuration": "empty", "protocol": 1, "clock": 48_000_000}.items() <= status.items()
    assert status["host"]["sessions"] == 1
    assert board.read("LANES", 0) == SMALL.stages[0].lanes
    assert board.config == SMALL == CONFIGS["small"]


def test_an_unknown_register_is_an_error() -> None:
    board, _ = open_small()
    with pytest.raises(KeyError):
        board.read("NOTHING")
    with pytest.raises(
        BoardError, match=r"^the board refused to read register 0x0FFC \(1 accesses\): the core is busy, or has"
    ):
        board._transport.registers.read([0xFFC])


def test_labels_come_back_with_the_results() -> None:
    board, _ = open_small()
    images = events(5)
    labels = np.array([0, 1, 2, 3, 4])
    board.load(NET)
    labelled = EventSet(events=images.events, offsets=images.offsets, labels=labels)
    results: list[Any] = list(board.stream(labelled))
    assert [result.label for result in results] == labels.tolist()
    assert [result.right for result in results] == (expected(NET, images).results["class"] == labels).tolist()
