"""The network that ships, into the simulated board with the fast core through its UART, and digits through it."""

from pathlib import Path

import numpy as np
import pytest

from firstspike.board import Board
from firstspike.cli import main
from firstspike.datasets import encode, load
from firstspike.examples import example
from firstspike.virtual.rtl_line import RtlLine
from firstspike_compiler.deployment import read_deployment
from firstspike_hw.contract import CONFIGS
from firstspike_sim import FastModel
from firstspike_sim.rtl import runs
from firstspike_sim.rtl.board import RtlBoard

DIGITS = 100


@pytest.mark.slow
def test_a_whole_upload_and_a_hundred_digits_spike_for_spike(tmp_path: Path) -> None:
    if reason := runs():
        pytest.skip(reason)
    assert main(["compile", str(example("mnist-784-600-10.nir")), "-o", str(tmp_path / "mnist")]) == 0
    deployment = read_deployment(tmp_path / "mnist")
    digits = load("mnist:test")
    events = encode(digits.values[:DIGITS], "binary", steps=deployment.network.steps, labels=digits.labels[:DIGITS])
    want = FastModel(deployment.network).run(events)
    with RtlBoard(CONFIGS["fast"]) as device:
        board = Board(RtlLine(device, shortcut=False))
        start, sent = device.cycles, board.sent_bytes
        board.load(deployment)
        loading, carried = device.cycles - start, board.sent_bytes - sent
        line = 10 * device.divisor * carried  # cycles that the bytes take at least
        print(f"upload: {carried} bytes, {loading} cycles, {line / loading:.1%} of the line")
        assert line / loading > 0.99
        start = device.cycles
        answers = board.run(events, spikes=True)
        print(f"{DIGITS} digits with every spike: {device.cycles - start} cycles")
        status = board.status()
        assert answers.batch is not None
        assert (answers.batch.results == want.results).all()
        assert all((a == b).all() for a, b in zip(answers.batch.times, want.times, strict=True))
        assert np.mean(answers.packets["class"] == events.labels) > 0.95
        assert [status[name] for name in ("frames_bad", "frames_again", "frames_ahead", "repeats")] == [0] * 4
        board.verify()
