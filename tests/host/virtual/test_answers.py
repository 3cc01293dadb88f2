"""Records of a model's answers can be read with the contract's readers, and are cut where they get too long."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from firstspike.virtual.answers import answers_of
from firstspike_contract import RESULT, Batch
from firstspike_contract.core.stream_format import Header, ResultFlag, unpack_result
from firstspike_contract.core.trace import TRACE_BEAT
from firstspike_contract.link.wire import RECORD, RecordKind

SPIKES = int(Header.SPIKES)


def batch(images: int, neurons: int, step: int = 5) -> Batch:
    """Returns results of images whose hidden neuron x spikes at step x modulo 8, and whose output 1 decides."""
    results = np.zeros(images, RESULT)
    results["class"], results["step"], results["spikes_hidden"] = 1, step, neurons
    hidden = np.tile(np.arange(neurons, dtype=np.int16) % 8, (images, 1))
    out = np.tile(np.array([-1, step, step + 1], np.int16), (images, 1))
    rows = np.tile(np.array([3, 4], np.int32), (images, 1))
    return Batch(results=results, times=(np.zeros((images, 2), np.int16), hidden, out), rows=rows)


def records(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        head = RECORD.from_bytes(data)
        end = RECORD.size + head["length"]
        assert head["status"] == 0
        found.append((head["kind"], data[RECORD.size : end]))
        data = data[end:]
    return found


def beats(body: bytes) -> list[dict[str, Any]]:
    return [TRACE_BEAT.unpack(int(word)) for word in np.frombuffer(body, "<u4")]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_results_can_be_read_back(count: int) -> None:
    own = batch(count, 4)
    data = answers_of(own, list(range(250, 250 + count)), [0] * count, list(range(count)))
    found = records(data)
    assert [kind for kind, _ in found] == [RecordKind.RESULT] * count
    packets, results = unpack_result(np.frombuffer(b"".join(body for _, body in found), "<u4"))
    assert (results == own.results).all()
    assert packets["tag"].tolist() == list(range(250, 250 + count))
    assert packets["label"].tolist() == list(range(count))
    assert packets["rows_read"].tolist() == [7] * count
    assert not packets["cycles"].any()
    assert not packets["latency"].any()


def test_an_image_that_triggered_has_the_flag() -> None:
    own = batch(2, 4)
    own.results["tie"] = True
    data = answers_of(own, [0, 1], [0, 0], [0, 0], np.array([False, True]))
    packets, _ = unpack_result(np.frombuffer(b"".join(body for _, body in records(data)), "<u4"))
    assert packets["flags"].tolist() == [ResultFlag.TIE, ResultFlag.TIE | ResultFlag.TRIGGERED]


def test_spikes_come_before_the_result_of_an_image_that_asks_for_them() -> None:
    data = answers_of(batch(3, 4), [7, 8, 9], [0, SPIKES, 0], [0, 0, 0])
    assert [kind for kind, _ in records(data)] == [
        RecordKind.RESULT,
        RecordKind.SPIKES,
        RecordKind.RESULT,
        RecordKind.RESULT,
    ]
    trace = beats(records(data)[1][1])
    assert [(beat["layer"], beat["x"], beat["t"], beat["end"]) for beat in trace] == [
        *((1, x, x, 0) for x in range(4)),
        (2, 1, 5, 0),
        (0, 8, 5, 1),  # the marker: tag and decision step
    ]


@pytest.mark.parametrize(("neurons", "lengths"), [(253, [255]), (254, [255, 1]), (510, [255, 255, 2])])
def test_a_long_trace_takes_several_records(neurons: int, lengths: list[int]) -> None:
    """The trace has the spikes of all hidden neurons, one output spike, and the marker."""
    own = batch(1, neurons, step=7)
    *traces, (last, _) = records(answers_of(own, [1], [SPIKES], [0]))
    assert last == RecordKind.RESULT
    assert [len(body) // 4 for _, body in traces] == lengths
    found = [beat for _, body in traces for beat in beats(body)]
    steps = [beat["t"] for beat in found[:-1]]
    assert steps == sorted(steps)
    assert [beat["end"] for beat in found] == [0] * (len(found) - 1) + [1]


def test_spikes_after_the_decision_are_left_out() -> None:
    own = batch(1, 8, step=2)
    own = replace(own, results=own.results.copy())
    found = beats(records(answers_of(own, [0], [SPIKES], [0]))[0][1])
    assert [(beat["layer"], beat["x"]) for beat in found[:-1]] == [(1, 0), (1, 1), (1, 2), (2, 1)]
