"""Images, bitmaps and results round-trip as beats of streams, and values that do not fit are refused."""

import numpy as np
import pytest

from firstspike_contract import EVENT, FirstspikeError
from firstspike_contract.core.stream_format import (
    RESULT_BEATS,
    RESULT_PACKET,
    Header,
    pack_bitmap,
    pack_image,
    unpack_bitmap,
    unpack_result,
)


def test_an_image_is_its_header_and_its_events() -> None:
    events = np.array([(3, 258), (65535, 0)], EVENT)
    beats = pack_image(events, flags=Header.SPIKES | Header.BITMAP, tag=7, label=9)
    assert [hex(b) for b in beats] == ["0x90702", "0x1020003", "0xffff"]
    assert len(pack_image(events[:0])) == 1


@pytest.mark.parametrize("addresses", [0, 1, 31, 32, 33, 784])
def test_a_bitmap_stands_for_events_at_step_0(addresses: int) -> None:
    bright = np.random.default_rng(addresses).random(addresses) < 0.5
    beats = pack_bitmap(bright)
    assert len(beats) == 1 + -(-addresses // 32)
    assert unpack_bitmap(beats)["x"].tolist() == np.flatnonzero(bright).tolist()


def test_a_header_that_does_not_fit_is_refused() -> None:
    with pytest.raises(FirstspikeError, match=r"^a header holds a tag in 0\.\.255 and a label in 0\.\.65535, not 256"):
        pack_image(np.zeros(0, EVENT), tag=256)


def test_results_come_back_field_by_field() -> None:
    packet = np.zeros(2, RESULT_PACKET.dtype)
    packet["class"], packet["flags"], packet["cycles"] = [4, 5], [0b101, 0b010], [300, 400]
    packets, results = unpack_result(packet.view("<u4"))
    assert packets["cycles"].tolist() == [300, 400]
    assert results["silent"].tolist() == [True, False]
    assert results["tie"].tolist() == [False, True]
    assert results["exact_tie"].tolist() == [True, False]
    assert results["class"].tolist() == [4, 5]
    with pytest.raises(FirstspikeError, match="are not a whole number of result packets of 11 beats"):
        unpack_result(np.zeros(5, np.uint32))
    assert RESULT_BEATS == 11
