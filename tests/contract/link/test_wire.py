"""Layouts of the wire protocol keep their sizes; frames round-trip, and damaged frames are refused."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstspike_contract import CONFIGS
from firstspike_contract.core import unloading
from firstspike_contract.core.register_map import CORE_VERSION
from firstspike_contract.link import wire
from firstspike_contract.link.wire import (
    FRAME,
    HELLO,
    LAYOUTS,
    MAGIC,
    MESSAGE,
    PAYLOAD_MAX,
    PROTOCOL,
    WELCOME,
    Frame,
    FrameKind,
    build_id,
    markdown,
    parse_frame,
)

BYTE, HALF = st.integers(0, 255), st.integers(0, 65535)
FRAMES = st.builds(Frame, BYTE, BYTE, HALF, HALF, HALF, st.binary(max_size=PAYLOAD_MAX))


def test_the_layouts_have_the_sizes_that_gateware_relies_on() -> None:
    sizes = {layout.name: layout.size for layout in LAYOUTS}
    assert list(sizes.values()) == [10, 12, 32, 8, 4, 4]
    assert all(layout.bits == 8 * layout.size for layout in LAYOUTS)


def test_a_layout_packs_by_name_and_unpacks_again() -> None:
    packed = HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, nonce=0xDEADBEEF)
    assert packed == b"1SPK" + bytes([PROTOCOL, 0, 0, 0]) + bytes.fromhex("efbeadde")
    assert HELLO.from_bytes(packed) == {"magic": MAGIC, "protocol": PROTOCOL, "reserved": 0, "nonce": 0xDEADBEEF}
    assert WELCOME.from_bytes(bytes(32))["name"] == 0
    with pytest.raises(KeyError, match="Message header, to the board has no field knd"):
        MESSAGE.to_bytes(knd=1)


@given(FRAMES)
def test_a_frame_round_trips(frame: Frame) -> None:
    assert parse_frame(frame.to_bytes()) == frame


@pytest.mark.parametrize("size", [0, 1, PAYLOAD_MAX - 1, PAYLOAD_MAX])
def test_payloads_at_the_boundaries(size: int) -> None:
    frame = Frame(FrameKind.DATA, 7, 65535, 0, 4096, bytes(size))
    assert parse_frame(frame.to_bytes()) == frame


def test_one_byte_too_many_is_no_frame() -> None:
    assert parse_frame(Frame(FrameKind.DATA, 7, 0, 0, 0, bytes(PAYLOAD_MAX + 1)).to_bytes()) is None


@given(FRAMES, st.data())
def test_no_damage_of_up_to_three_bits_is_accepted(frame: Frame, data: st.DataObject) -> None:
    """CRC-32 finds any three wrong bits within 11 KB (Koopman, 32-bit CRCs for Internet applications, 2002)."""
    body = bytearray(frame.to_bytes())
    for bit in data.draw(st.sets(st.integers(0, 8 * len(body) - 1), min_size=1, max_size=3)):
        body[bit >> 3] ^= 1 << (bit & 7)
    assert parse_frame(bytes(body)) is None


@given(FRAMES, st.integers(0, 2000))
def test_a_frame_cut_short_is_no_frame(frame: Frame, end: int) -> None:
    body = frame.to_bytes()
    assert end >= len(body) or parse_frame(body[:end]) is None


def test_a_wrong_length_with_a_correct_crc_is_no_frame() -> None:
    body = FRAME.form.pack(2, 1, 0, 0, 0, 5) + b"four"
    assert parse_frame(body + zlib.crc32(body).to_bytes(4, "little")) is None


def test_the_build_id_tells_configurations_and_versions_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def ids() -> set[int]:
        return {build_id(config) for config in CONFIGS.values()}

    found = ids()
    monkeypatch.setattr(unloading, "CORE_VERSION", CORE_VERSION + 1)
    found |= ids()
    monkeypatch.setattr(wire, "PROTOCOL", PROTOCOL + 1)
    assert len(found | ids()) == 3 * len(CONFIGS)


def test_the_page_names_every_field_and_number() -> None:
    text = markdown()
    assert all(f"`{field.name}`" in text for layout in LAYOUTS for field in layout)
    assert "| 3 | `REPEAT` | asks for all bytes from `acknowledge` on to be sent again |" in text
