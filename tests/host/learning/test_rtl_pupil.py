"""Simulated gateware behind its serial line learns what the model learns."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from learning_cases import images, network, plan

from firstspike.board import Board
from firstspike.learning import BoardPupil, ModelPupil, learn_course
from firstspike.link.faults import Faults, FaultyLine
from firstspike.link.framed import FramedTransport
from firstspike.virtual.rtl_line import RtlLine
from firstspike_contract import CONFIGS
from firstspike_sim.rtl import runs
from firstspike_sim.rtl.board import RtlBoard

SMALL = CONFIGS["small"]
LEARNS = replace(SMALL, stages=tuple(replace(stage, learning=True) for stage in SMALL.stages))
pytestmark = pytest.mark.long  # because it builds a simulation of its own
PATIENCE = 400_000  # cycles, see helpers/rtl_boards.py
CHOSEN = plan(epochs=2, every=70, shift=1)


@pytest.fixture(scope="module")
def device():
    if reason := runs():
        pytest.skip(reason)
    with RtlBoard(LEARNS, patience=PATIENCE) as board:
        yield board


@pytest.fixture(scope="module")
def expected():
    return learn_course(ModelPupil(), network(), images(100), CHOSEN, check=images(60, seed=2))


@pytest.mark.parametrize("faults", [None, Faults(flip=1e-5, drop=1e-5, seed=3)], ids=["good", "bad"])
def test_simulated_gateware_learns_what_the_model_learns(device, expected, faults) -> None:
    line: Any = RtlLine(device)
    if faults is not None:
        line = FaultyLine(line, faults, sleep=lambda seconds: None)
    board = Board(FramedTransport(line))
    course = learn_course(BoardPupil(board), network(), images(100), CHOSEN, check=images(60, seed=2))
    assert course.history == expected.history
    for have, want in zip(course.network.layers, expected.network.layers, strict=True):
        np.testing.assert_array_equal(have.weights, want.weights)
    assert board.read("LEARN_COUNT") == 200
    assert board.read("LEARN_CYCLES") > 0
    board.verify()


def test_a_reset_in_the_middle_changes_nothing(device, expected) -> None:
    line, resets = RtlLine(device), [40_000, 900_000]
    begun = device.cycles
    exchange = line.exchange

    def exchanged(data: bytes, timeout: float) -> tuple[int, bytes]:
        if resets and device.cycles - begun > resets[0]:
            resets.pop(0)
            device.reset()
        return exchange(data, timeout)

    line.exchange = exchanged  # type: ignore[method-assign]
    board = Board(FramedTransport(line))
    course = learn_course(BoardPupil(board), network(), images(100), CHOSEN, check=images(60, seed=2))
    assert not resets, device.cycles - begun
    assert course.history == expected.history
    board.verify()
