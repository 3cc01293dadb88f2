"""Tests the board's side of the wire protocol frame by frame: opening, closing, invalid frames, refusals.

Every test runs on the model board and on the gateware, simulated with its serial line.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from board_cases import SMALL, events, expected, network
from rtl_boards import PATIENCE

from firstspike.link import Deframer, coded
from firstspike.link.framed import FramedTransport
from firstspike.virtual import ModelBoard, VirtualLine
from firstspike_contract import load_plan
from firstspike_contract.core.access import perform
from firstspike_contract.core.register_map import CORE_VERSION, link_offset, offset_of
from firstspike_contract.core.stream_format import RESULT_PACKET
from firstspike_contract.link import guarded
from firstspike_contract.link.messages import images
from firstspike_contract.link.wire import (
    BUFFER,
    FROM_BOARD,
    HELLO,
    HOST_BUFFER,
    LABELLED,
    MAGIC,
    MESSAGE,
    PROTOCOL,
    READ_MAX,
    RECORD,
    REFUSAL,
    WELCOME,
    Configuration,
    Frame,
    FrameKind,
    MessageKind,
    Reason,
    RecordKind,
)
from firstspike_sim.rtl import runs
from firstspike_sim.rtl.board import RtlBoard

NET = network()


class Host:
    """A host that sends single frames and counts the bytes of its stream."""

    make: Callable[[], Any]  # makes a board

    def __init__(self, session: int = 3, nonce: int = 99) -> None:
        self.board, self.session, self.nonce = Host.make(), session, nonce
        self.sent, self.now = 0, 0.0
        self.deframer = Deframer()

    def say(self, kind: int, payload: bytes = b"", *, session: int | None = None, sequence: int = 0) -> list[Frame]:
        session = self.session if session is None else session
        self.board.receive(coded(Frame(kind, session, sequence, 0, HOST_BUFFER, payload)), self.now)
        return self.hear()

    def hear(self) -> list[Frame]:
        """Returns the frames that the board sends until it has no more to send."""
        frames = []
        while said := self.board.transmit(self.now, 1 << 20):
            frames += self.deframer.feed(said)
        assert None not in frames
        return frames

    def open(self, *, protocol: int = PROTOCOL, magic: int = MAGIC) -> list[Frame]:
        self.sent = 0
        return self.say(FrameKind.OPEN, HELLO.to_bytes(magic=magic, protocol=protocol, nonce=self.nonce))

    def message(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """Sends bytes of the stream; returns (kind, status, body) of each record that comes back."""
        records, closed = b"", []
        for at in range(0, len(data), 1000):
            part = data[at : at + 1000]
            for frame in self.say(FrameKind.DATA, part, sequence=self.sent & 0xFFFF):
                records += frame.payload if frame.kind == FrameKind.DATA | FROM_BOARD else b""
                closed += [frame] if frame.kind == FrameKind.CLOSED | FROM_BOARD else []
            self.sent += len(part)
        found = []
        while records:
            kind, status, length = RECORD.form.unpack_from(records)
            found.append((kind, status, records[RECORD.size : RECORD.size + length]))
            records = records[RECORD.size + length :]
        return found + [(0, frame.payload[0], b"") for frame in closed]


@pytest.fixture(autouse=True, params=["model", "rtl"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Lets the hosts of a test make model boards or simulated boards; closes the simulated ones after the test."""
    made: list[RtlBoard] = []

    def simulated() -> RtlBoard:
        made.append(RtlBoard(SMALL, patience=PATIENCE))
        return made[-1]

    if request.param == "rtl" and (reason := runs()):
        pytest.skip(reason)
    make = simulated if request.param == "rtl" else lambda: ModelBoard(SMALL, buffer=BUFFER)
    monkeypatch.setattr(Host, "make", staticmethod(make), raising=False)
    yield request.param
    for board in made:
        board.close()


def opened() -> Host:
    host = Host()
    host.open()
    return host


def read(address: int) -> bytes:
    return MESSAGE.to_bytes(kind=MessageKind.READ, length=4, value=address)


def write(address: int, *words: int) -> bytes:
    body = np.array(words, "<u4").tobytes()
    return MESSAGE.to_bytes(kind=MessageKind.WRITE, length=len(body), value=address) + body


def test_the_welcome_describes_the_board() -> None:
    (frame,) = Host().open()
    assert (frame.kind, frame.session) == (FrameKind.OPEN | FROM_BOARD, 3)
    welcome = WELCOME.from_bytes(frame.payload)
    assert welcome | {"build": 0} == {
        **{"nonce": 99, "protocol": PROTOCOL, "core": CORE_VERSION, "build": 0, "clock": 48_000_000},
        **{"buffer": BUFFER, "payload": 1024, "configuration": Configuration.EMPTY, "reason": Reason.NONE},
        **{"reserved": 0, "name": 0},
    }


def test_opening_again_with_the_same_nonce_changes_nothing() -> None:
    host = opened()
    assert host.message(read(link_offset("SESSIONS"))) == [(RecordKind.REPLY, 0, b"\1\0\0\0" + bytes(4))]
    sent = host.sent
    assert len(host.open()) == 1
    host.sent = sent
    assert host.message(read(link_offset("SESSIONS")))[0][2][0] == 1  # the stream continues where it was
    host.nonce += 1
    host.open()
    assert host.message(read(link_offset("SESSIONS")))[0][2][0] == 2


def test_a_host_of_another_version_is_answered_and_gets_no_session() -> None:
    host = Host()
    (frame,) = host.open(protocol=PROTOCOL + 1)
    assert WELCOME.from_bytes(frame.payload)["protocol"] == PROTOCOL
    assert [f.kind for f in host.say(FrameKind.POLL)] == [FrameKind.CLOSED | FROM_BOARD]
    assert host.open(magic=1) == []


def test_frames_outside_a_session_are_answered_with_the_reason() -> None:
    host = Host()
    (frame,) = host.say(FrameKind.DATA, b"anything")
    assert (frame.kind, frame.session, frame.payload) == (FrameKind.CLOSED | FROM_BOARD, 3, bytes([Reason.NONE]))
    host.open()
    assert [f.kind for f in host.say(FrameKind.DATA, b"x", session=4)] == [FrameKind.CLOSED | FROM_BOARD]
    assert host.message(read(offset_of("ID")))[0][2][:4] == b"1SPK"  # the open session is not disturbed


def test_a_board_ignores_frames_of_a_board() -> None:
    host = opened()
    assert host.say(FrameKind.DATA | FROM_BOARD, b"echo") == []


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE.to_bytes(kind=0),
        MESSAGE.to_bytes(kind=9, length=4),
        MESSAGE.to_bytes(kind=MessageKind.WRITE, length=3),
        MESSAGE.to_bytes(kind=MessageKind.READ, length=READ_MAX + 4),
    ],
    ids=["kind 0", "kind 9", "half a word", "too long a read"],
)
def test_an_invalid_message_ends_the_session(message: bytes) -> None:
    host = opened()
    assert host.message(read(offset_of("ID")) + message + read(offset_of("ID")))[-1] == (0, Reason.MESSAGE, b"")
    assert [f.payload for f in host.say(FrameKind.POLL)] == [bytes([Reason.MESSAGE])]
    host.nonce += 1
    (frame,) = host.open()
    assert WELCOME.from_bytes(frame.payload)["reason"] == Reason.MESSAGE
    assert host.message(read(link_offset("MESSAGES_BAD")))[0][2][0] == 1


def test_replies_come_in_order_and_count_refused_accesses() -> None:
    host = opened()
    three = MESSAGE.to_bytes(kind=MessageKind.READ, length=12, value=0xFFC)
    scan = MESSAGE.to_bytes(kind=MessageKind.SCAN, length=40, value=offset_of("MEM_DATA"))
    replies = host.message(read(offset_of("ID")) + three + scan + read(link_offset("PROTOCOL")))
    assert [body for _, _, body in replies] == [
        b"1SPK" + bytes(4),
        bytes(12) + b"\3\0\0\0",
        bytes(4),
        bytes([PROTOCOL, 0, 0, 0]) + bytes(4),
    ]


def test_a_write_that_the_core_refuses_makes_the_load_incomplete() -> None:
    host = opened()
    config = link_offset("CONFIG")
    load = write(config, 1) + write(offset_of("ID"), 5) + write(config, 2)
    assert host.message(load + read(config))[0][2][0] == Configuration.INCOMPLETE
    assert host.message(read(link_offset("WRITES_REFUSED")))[0][2][0] == 1


def test_ending_a_load_that_did_not_begin_does_nothing() -> None:
    host = opened()
    assert host.message(write(link_offset("CONFIG"), 2) + read(link_offset("CONFIG")))[0][2][0] == Configuration.EMPTY


def test_images_before_a_load_are_refused_with_the_state_and_their_tags() -> None:
    host = opened()
    bitmaps = MESSAGE.to_bytes(kind=MessageKind.BITMAPS, tag=254, count=3, length=5) + bytes(15)
    event = MESSAGE.to_bytes(kind=MessageKind.EVENTS, tag=7, count=1, length=6) + bytes(6)
    refused = [REFUSAL.from_bytes(body) for kind, status, body in host.message(bitmaps + event) if not status]
    assert [entry["tag"] for entry in refused for _ in range(entry["count"])] == [254, 255, 0, 7]


def loaded() -> Host:
    """Returns a host whose board already holds NET, loaded in another session."""
    host = Host()
    transport = FramedTransport(VirtualLine(host.board, "test"))
    assert perform(guarded.load(load_plan(NET, SMALL), 1), transport.registers).state == Configuration.VALID
    host.nonce, host.session = 5, 77
    host.open()
    return host


def test_images_are_answered_with_tag_label_and_answer() -> None:
    host = loaded()
    some = events(6)
    labels = np.arange(6) * 300
    stream = b"".join(message.data for message in images(some, NET.addresses, labels=labels))
    assert MESSAGE.from_bytes(stream)["flags"] & LABELLED
    packets = [np.frombuffer(body, RESULT_PACKET.dtype)[0] for _, _, body in host.message(stream)]
    assert [int(packet["tag"]) for packet in packets] == list(range(6))
    assert [int(packet["label"]) for packet in packets] == labels.tolist()
    want = expected(NET, some).results
    assert [int(packet["class"]) for packet in packets] == want["class"].tolist()
    assert [int(packet["spikes_hidden"]) for packet in packets] == want["spikes_hidden"].tolist()


def test_a_new_session_forgets_half_a_message() -> None:
    host = loaded()
    (message,) = images(events(2), NET.addresses)
    assert host.message(message.data[:11]) == []
    host.nonce += 1
    host.open()
    assert host.message(read(offset_of("ID")))[0][2][:4] == b"1SPK"
    assert len(host.message(message.data)) == 2


def test_an_empty_message_is_complete() -> None:
    host = loaded()
    nothing = MESSAGE.to_bytes(kind=MessageKind.WRITE, value=offset_of("CONTROL"))
    none = MESSAGE.to_bytes(kind=MessageKind.BITMAPS, count=0, length=5)
    silent = MESSAGE.to_bytes(kind=MessageKind.EVENTS, tag=9, count=1)
    empty = MESSAGE.to_bytes(kind=MessageKind.BITMAPS, tag=1, count=2)
    (first, second, third) = host.message(nothing + none + silent + empty)
    assert [np.frombuffer(body, RESULT_PACKET.dtype)[0]["tag"] for _, _, body in (first, second, third)] == [9, 1, 2]


def test_events_may_carry_their_own_label() -> None:
    host = loaded()
    body = b"\x39\x30" + bytes([0, 3, 0, 0, 5, 0])
    message = MESSAGE.to_bytes(kind=MessageKind.EVENTS, flags=LABELLED, tag=9, count=1, length=6, value=1) + body
    ((_, _, packet),) = host.message(message)
    answer = np.frombuffer(packet, RESULT_PACKET.dtype)[0]
    assert (answer["tag"], answer["label"], answer["spikes_input"] + answer["events_dropped"]) == (9, 12345, 2)


def test_a_replaced_session_ends_without_a_reason() -> None:
    host = opened()
    host.message(MESSAGE.to_bytes(kind=9))
    for nonce, reason in ((10, Reason.MESSAGE), (11, Reason.NONE), (12, Reason.NONE)):
        host.nonce = nonce
        (frame,) = host.open()
        assert WELCOME.from_bytes(frame.payload)["reason"] == reason


def test_counters_continue_over_sessions() -> None:
    host = opened()
    for nonce in (7, 8):
        host.say(FrameKind.DATA, b"too early", sequence=50)
        host.message(read(offset_of("ID")))
        host.say(FrameKind.DATA, b"again", sequence=0)
        host.nonce = nonce
        host.open()
    counts = host.message(read(link_offset("FRAMES_AHEAD")) + read(link_offset("FRAMES_AGAIN")))
    assert [body[0] for _, _, body in counts] == [2, 2]


def test_bytes_that_are_no_frame_are_counted_and_a_repeat_is_asked_for() -> None:
    host = opened()
    host.board.receive(b"\x05\x01\0\0", host.now)
    assert [frame.kind for frame in host.hear()] == [FrameKind.REPEAT | FROM_BOARD]
    assert host.message(read(link_offset("FRAMES_BAD")))[0][2][0] == 1
