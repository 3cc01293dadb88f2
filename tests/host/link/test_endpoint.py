"""An endpoint delivers every byte once and in order over bad lines; its time-outs, windows and repeats."""

import random

import pytest
from bad_line import Pair
from hypothesis import given, settings
from hypothesis import strategies as st

from firstspike.link import Endpoint
from firstspike.link.faults import Faults
from firstspike_contract.link.wire import BUFFER, FROM_BOARD, PAYLOAD_MAX, Frame, FrameKind

DATA = random.Random(1).randbytes(60_000)


@pytest.mark.parametrize(
    "faults",
    [
        Faults(),
        Faults(flip=1e-5),
        Faults(flip=1e-4),
        Faults(flip=4e-4),
        Faults(drop=1e-4),
        Faults(double=1e-4),
        Faults(swap=1e-4),
        Faults(cut=0.05),
        Faults(flip=1e-5, drop=1e-5, double=1e-5, swap=1e-5, cut=0.01),
    ],
    ids=str,
)
def test_every_byte_arrives_once_and_in_order(faults: Faults) -> None:
    pair = Pair(faults=faults)
    pair.run(DATA, DATA[::-1])


@given(
    st.floats(0, 5e-4),
    st.floats(0, 3e-4),
    st.floats(0, 0.1),
    st.floats(0, 0.9),
    st.integers(0, 9999),
    st.integers(0, 6000),
    st.integers(0, 6000),
)
@settings(max_examples=40, deadline=None)
def test_every_byte_arrives_once_and_in_order_with_random_faults(flip, drop, cut, slow, seed, there, back) -> None:
    faults = Faults(flip=flip, drop=drop, double=drop, swap=drop, cut=cut, seed=seed)
    Pair(faults=faults, slow_reader=slow).run(DATA[:there], DATA[:back])


def test_a_good_line_is_well_used_and_nothing_is_sent_twice() -> None:
    pair = Pair(faults=Faults())
    pair.run(DATA, DATA)
    assert len(DATA) / pair.now > 0.9 * 1_200_000
    for endpoint in (pair.a, pair.b):
        assert (endpoint.counters.repeats, endpoint.counters.timeouts) == (0, 0)
        assert endpoint.counters.bytes_sent < 1.03 * len(DATA) + 200


def test_sequence_numbers_wrap() -> None:
    data = random.Random(2).randbytes(200_000)
    Pair(faults=Faults(flip=1e-5)).run(data, data)


def sent(endpoint: Endpoint, now: float) -> list[Frame]:
    from firstspike.link import Deframer

    return [frame for frame in Deframer().feed(endpoint.transmit(now, 1 << 20)) if frame is not None]


def test_no_more_bytes_are_in_flight_than_the_receiver_can_hold() -> None:
    endpoint = Endpoint(1)
    endpoint.write(bytes(10_000))
    frames = sent(endpoint, 0.0)
    assert [len(frame.payload) for frame in frames] == [PAYLOAD_MAX] * (BUFFER // PAYLOAD_MAX)
    assert [frame.sequence for frame in frames] == [0, 1024, 2048, 3072]
    endpoint.receive(Frame(FrameKind.DATA | FROM_BOARD, 1, 0, 1024, BUFFER - 500, b""), 0.1)
    assert [(frame.sequence, len(frame.payload)) for frame in sent(endpoint, 0.1)] == [(4096, 524)]


def test_without_an_acknowledgement_bytes_are_repeated_and_the_time_out_doubles() -> None:
    endpoint = Endpoint(1, patience=0.25)
    endpoint.write(b"hello")
    assert [frame.payload for frame in sent(endpoint, 0.0)] == [b"hello"]
    assert endpoint.deadline() == 0.25
    assert sent(endpoint, 0.2) == []
    assert [(f.kind, f.payload) for f in sent(endpoint, 0.26)] == [(FrameKind.POLL, b""), (FrameKind.DATA, b"hello")]
    assert endpoint.deadline() == pytest.approx(0.76)
    assert endpoint.counters.timeouts == 1


def test_a_sender_without_a_window_polls_the_receiver() -> None:
    endpoint = Endpoint(1, patience=0.25, capacity=0)
    endpoint.write(b"hello")
    assert sent(endpoint, 0.0) == []
    assert endpoint.deadline() == 0.25
    assert [frame.kind for frame in sent(endpoint, 0.3)] == [FrameKind.POLL]
    endpoint.receive(Frame(FrameKind.DATA | FROM_BOARD, 1, 0, 0, 3, b""), 0.31)
    assert [frame.payload for frame in sent(endpoint, 0.31)] == [b"hel"]


def test_a_repeat_is_asked_for_only_once_for_a_gap() -> None:
    endpoint = Endpoint(1)
    for start in (100, 200, 300):
        endpoint.receive(Frame(FrameKind.DATA | FROM_BOARD, 1, start, 0, BUFFER, bytes(100)), 0.0)
    assert [frame.kind for frame in sent(endpoint, 0.0)] == [FrameKind.REPEAT]
    assert endpoint.counters.frames_ahead == 3


def test_a_repeated_frame_is_acknowledged_again_and_not_delivered_again() -> None:
    endpoint = Endpoint(1)
    frame = Frame(FrameKind.DATA | FROM_BOARD, 1, 0, 0, BUFFER, b"once")
    endpoint.receive(frame, 0.0)
    endpoint.receive(frame, 0.0)
    assert endpoint.peek() == b"once"
    assert [frame.acknowledge for frame in sent(endpoint, 0.0)] == [4]
    assert endpoint.counters.frames_again == 1


def test_room_that_becomes_free_is_announced() -> None:
    endpoint = Endpoint(1)
    for start in range(0, BUFFER, PAYLOAD_MAX):
        endpoint.receive(Frame(FrameKind.DATA | FROM_BOARD, 1, start, 0, BUFFER, bytes(PAYLOAD_MAX)), 0.0)
    assert [frame.window for frame in sent(endpoint, 0.0)] == [0]
    endpoint.skip(1000)
    assert sent(endpoint, 0.0) == []
    endpoint.skip(100)
    assert [frame.window for frame in sent(endpoint, 0.0)] == [1100]


def test_an_acknowledgement_of_bytes_never_sent_is_ignored() -> None:
    endpoint = Endpoint(1)
    endpoint.write(b"hello")
    sent(endpoint, 0.0)
    endpoint.receive(Frame(FrameKind.DATA | FROM_BOARD, 1, 0, 6, BUFFER, b""), 0.0)
    assert endpoint.unacknowledged == 5
    endpoint.receive(Frame(FrameKind.DATA | FROM_BOARD, 1, 0, 5, BUFFER, b""), 0.0)
    assert endpoint.unacknowledged == 0
    assert endpoint.deadline() is None
