"""Streams, registers and loading plans as data: layouts round-trip, the page is current."""

from pathlib import Path

import numpy as np
import pytest

from firstspike_contract import CONFIGS, EVENT, FirstspikeError
from firstspike_contract.core.register_map import offset_of, registers
from firstspike_contract.core.stream_format import (
    RESULT_BEATS,
    RESULT_PACKET,
    TRACE,
    Header,
    pack_bitmap,
    pack_image,
    trace_times,
    unpack_bitmap,
    unpack_result,
    unpack_trace,
)
from firstspike_hw.emit.pages import PAGES, with_tables

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_show_the_layouts(name: str) -> None:
    page = (ROOT / name).read_text()
    assert with_tables(page, PAGES[name]()) == page, "run: python -m firstspike_hw.emit.pages"


def test_no_two_registers_share_an_address() -> None:
    offsets = [offset for offset, *_ in registers(8, learns=True)]
    assert len(set(offsets)) == len(offsets)
    assert all(offset % 4 == 0 and offset < 4096 for offset in offsets)
    assert offset_of("ROWS", 2) == 0x18C


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
    packet = np.zeros(2, RESULT_PACKET)
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


def test_a_trace_is_spike_times_up_to_the_decision() -> None:
    trace = np.array([(1, 3, 1), (0, 5, 2), (2, 9, 1), (7, 5, 0x80)], TRACE)
    assert (unpack_trace(trace.view("<u4")) == trace).all()
    hidden, output = trace_times(trace, (3, 1), 5)
    assert hidden.tolist() == [-1, 3, -1]
    assert output.tolist() == [5]
    with pytest.raises(FirstspikeError, match=r"^trace: layer 2 has no neuron 0; sizes are \(3,\)$"):
        trace_times(trace, (3,), 5)
    with pytest.raises(FirstspikeError, match="trace: neuron 1 of layer 1 spikes at 3 and again at 3"):
        trace_times(trace[[0, 0]], (3, 1), 5)


def test_the_shipped_cores() -> None:
    assert list(CONFIGS) == [
        "fast",
        "wide",
        "small",
        "exponential",
        "step",
        "alpha",
        "lif",
        "tiny",
        "general",
        "micro",
        "learning",
    ]
    fast = CONFIGS["fast"].stages[0]
    assert fast.holds(674, 600)
    assert not fast.holds(683, 600)
