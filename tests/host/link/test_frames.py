"""Frames are found in a stream of bytes, in whatever pieces it arrives and whatever noise is between them."""

import random

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from firstspike.link import Deframer, coded
from firstspike.link.frames import CODED_MAX
from firstspike_contract.link.wire import PAYLOAD_MAX, Frame, FrameKind

PAYLOADS = st.one_of(st.binary(max_size=40), st.integers(250, 260).map(bytes), st.integers(250, 260).map(b"\1".__mul__))
FRAMES = st.builds(
    Frame,
    st.sampled_from([int(kind) for kind in FrameKind]),
    *(st.integers(0, 255), st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535)),
    PAYLOADS,
)


@given(st.lists(FRAMES, max_size=8), st.randoms(use_true_random=False))
def test_frames_come_out_however_the_bytes_are_cut(frames: list[Frame], chance: random.Random) -> None:
    stream = b"".join(map(coded, frames))
    deframer, found, at = Deframer(), [], 0
    while at < len(stream):
        step = chance.randint(1, 40)
        found += deframer.feed(stream[at : at + step])
        at += step
    assert found == frames
    assert (deframer.good, deframer.bad) == (len(frames), 0)


@given(st.binary(max_size=300), FRAMES)
def test_a_frame_after_noise_is_found(noise: bytes, frame: Frame) -> None:
    deframer = Deframer()
    found = deframer.feed(noise + b"\0" + coded(frame))
    assert found[-1] == frame
    assert deframer.bad == found.count(None)


@given(st.binary(max_size=400))
def test_noise_raises_nothing_and_only_coded_frames_are_accepted(noise: bytes) -> None:
    for frame in Deframer().feed(noise + b"\0"):
        assert frame is None or coded(frame)[:-1] in noise


def test_repeated_delimiters_are_ignored() -> None:
    deframer = Deframer()
    assert deframer.feed(bytes(5)) == []
    assert (deframer.good, deframer.bad) == (0, 0)


def test_the_longest_frame_fits_and_a_longer_one_is_one_bad_piece() -> None:
    frame = Frame(FrameKind.DATA, 1, 1, 1, 1, b"\1" * PAYLOAD_MAX)
    assert len(coded(frame)) - 1 <= CODED_MAX
    deframer = Deframer()
    assert deframer.feed(coded(frame)) == [frame]
    for _ in range(100):
        assert deframer.feed(b"\7" * 1000) == []
    assert deframer.feed(b"\0" + coded(frame)) == [None, frame]


@pytest.mark.parametrize("size", [0, 1, 253, 254, 255, 508, 509])
def test_the_coding_equals_that_of_the_cobs_library(size: int) -> None:
    frame = Frame(FrameKind.DATA, 1, 0x0101, 0x0101, 0x0101, b"\1" * size)
    assert coded(frame) == cobs.encode(frame.to_bytes()) + b"\0"
    assert b"\0" not in coded(frame)[:-1]
