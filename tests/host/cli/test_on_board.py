"""Figures of a board's answers, with and without spikes and cycles, and errors of the link from both ends."""

from typing import Any

import numpy as np
import pytest
from networks import random_images, random_network, set_of

from firstspike.board import Answers
from firstspike.cli.on_board import answer_figures, core_name, link_errors
from firstspike_contract import CONFIGS, Batch, evaluate_set, figures
from firstspike_contract.core.stream_format import RESULT_PACKET, pack_result

NETWORK = random_network(4, sizes=(12, 7, 3))
EVENTS = set_of(random_images(NETWORK, 1, 6), np.arange(6) % 3)
BATCH = evaluate_set(NETWORK, EVENTS)


def answers(batch: Batch | None, cycles: int) -> Answers:
    packets = np.zeros(6, RESULT_PACKET.dtype)
    pack_result(packets, BATCH.results)
    packets["cycles"] = np.arange(6) * cycles
    packets["latency"], packets["rows_read"] = 7, np.arange(6)
    return Answers(packets=packets, batch=batch, seconds=1.0)


def test_answers_with_spikes_have_all_figures_of_the_model() -> None:
    assert answer_figures(NETWORK, EVENTS, answers(BATCH, 0)) == figures(NETWORK, BATCH, EVENTS.labels)


def test_answers_without_spikes_have_no_look_ups() -> None:
    want = figures(NETWORK, BATCH, EVENTS.labels)
    del want["lookups"]
    assert answer_figures(NETWORK, EVENTS, answers(None, 0)) == want


def test_a_core_counts_cycles() -> None:
    found = answer_figures(NETWORK, EVENTS, answers(BATCH, 10))
    assert found["cycles"] == {"mean": 25.0, "p50": 25.0, "p99": pytest.approx(49.5)}
    assert found["latency"] == {"mean": 7.0, "p50": 7.0, "p99": 7.0}
    assert found["rows_read"] == 2.5


def test_errors_of_both_ends_are_told_apart() -> None:
    names = ("frames_bad", "frames_again", "frames_ahead", "repeats", "line_errors", "watchdogs")
    status: dict[str, Any] = {name: np.uint32(n) for n, name in enumerate(names)}
    status["host"] = {"damaged": 10, "repeats": 11, "reconnects": 12, "sessions": 13, "bytes_sent": 99}
    assert link_errors(status) == {
        **{name: n for n, name in enumerate(names)},
        "damaged_here": 10,
        "repeats_here": 11,
        "reconnects": 12,
        "sessions": 13,
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_a_shipped_core_is_named(name: str) -> None:
    class Board:
        config: Any = CONFIGS[name]

    board: Any = Board()
    assert core_name(board) == name
    board.config = None
    assert core_name(board) == "own"
