"""Images become messages in order, with tags and labels: bitmaps where possible, events elsewhere."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firstspike_contract import EVENT, EventSet
from firstspike_contract.core.stream_format import Header
from firstspike_contract.link.messages import images, read_messages, scan_messages, write_messages
from firstspike_contract.link.wire import LABELLED, MESSAGE, MessageKind

ADDRESSES = 20


def a_set(parts: list[list[tuple[int, int]]], labels: list[int] | None = None) -> EventSet:
    arrays = [np.array(part, EVENT) for part in parts]
    return EventSet(
        events=np.concatenate([np.zeros(0, EVENT), *arrays]),
        offsets=np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)]).astype(np.int64),
        labels=None if labels is None else np.array(labels),
    )


def decoded(data: bytes) -> list[tuple[int, int, int, list[tuple[int, int]]]]:
    """Returns (tag, flags, label, events) of each image of a message, decoded as docs/protocol.md describes."""
    head, body = MESSAGE.from_bytes(data), data[MESSAGE.size :]
    if head["kind"] == MessageKind.EVENTS:
        found = [(body[i], body[i + 1] | body[i + 2] << 8) for i in range(0, len(body), 3)]
        return [(head["tag"], head["flags"], head["value"], found)]
    assert head["kind"] == MessageKind.BITMAPS
    size = head["length"] + (2 if head["flags"] & LABELLED else 0)
    assert len(body) == head["count"] * size
    all_of_them = []
    for k in range(head["count"]):
        part, label = body[k * size : (k + 1) * size], head["value"]
        if head["flags"] & LABELLED:
            part, label = part[2:], part[0] | part[1] << 8
        bits = [(0, x) for x in range(8 * len(part)) if part[x >> 3] >> (x & 7) & 1]
        all_of_them.append(((head["tag"] + k) & 0xFF, head["flags"], label, bits))
    return all_of_them


EVENTS = st.tuples(st.sampled_from([0, 0, 0, 0, 1, 255, 256, 65535]), st.integers(0, ADDRESSES + 1))
PARTS = st.lists(st.lists(EVENTS, max_size=6), max_size=90)


@given(PARTS, st.integers(0, 40), st.booleans())
def test_every_image_is_sent_once_in_order_with_its_tag(parts, first, labelled) -> None:
    events = a_set(parts, list(range(len(parts))))
    labels = events.labels if labelled else None
    messages = list(images(events, ADDRESSES, first=first, flags=int(Header.SPIKES), labels=labels))
    sent = [image for message in messages for image in decoded(message.data)]
    assert sum(message.count for message in messages) == len(sent) == max(0, len(parts) - first)
    for number, (tag, flags, label, found) in enumerate(sent, first):
        assert tag == number & 0xFF
        assert flags & Header.SPIKES
        assert label == (number if labelled else 0)
        # a time step beyond 255 is sent as an event that every network refuses
        own = [(t, x) if t < 256 else (255, 0xFFFF) for t, x in parts[number]]
        assert found == own or (sorted(found) == sorted(own) and all(t == 0 for t, _ in own))


def test_a_bitmap_is_98_bytes_for_784_pixels_and_its_header_is_shared() -> None:
    events = a_set([[(0, x) for x in range(0, 784, 3)]] * 100)
    messages = list(images(events, 784))
    assert [message.count for message in messages] == [32, 32, 32, 4]
    assert len(messages[0].data) == 8 + 32 * 98


def test_images_that_no_bitmap_holds_travel_as_events() -> None:
    """A repeated input, a spike after step 0 and an address out of range need events; rising times set ORDERED."""
    parts = [[(0, 1), (0, 1)], [(0, 1), (3, 2)], [(0, ADDRESSES)], [(5, 1), (0, 2)], []]
    kinds = [MESSAGE.from_bytes(message.data) for message in images(a_set(parts), ADDRESSES)]
    assert [MessageKind(head["kind"]).name for head in kinds] == ["EVENTS"] * 4 + ["BITMAPS"]
    assert [bool(head["flags"] & Header.ORDERED) for head in kinds] == [True, True, True, False, False]


def test_words_are_cut_into_messages_that_fit() -> None:
    words = np.arange(40_000, dtype=np.uint32)
    messages = list(write_messages(0x38, words))
    assert b"".join(message[MESSAGE.size :] for message in messages) == words.astype("<u4").tobytes()
    assert {MESSAGE.from_bytes(message)["value"] for message in messages} == {0x38}
    for some in (read_messages, scan_messages):
        lengths = [MESSAGE.from_bytes(message)["length"] for message in some(0x38, 40_000)]
        assert sum(lengths) == 160_000
        assert max(lengths) < 65536
    assert list(write_messages(0x38, words[:0])) == []
