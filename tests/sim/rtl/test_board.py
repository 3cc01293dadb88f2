"""Tests the harness of the simulated board, and that the board survives random bytes."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cobs import cobs

from firstspike_contract import CONFIGS, FirstspikeError
from firstspike_contract.core.register_map import link_offset
from firstspike_contract.link.wire import (
    BUFFER,
    FRAME,
    FROM_BOARD,
    HELLO,
    MAGIC,
    MESSAGE,
    PROTOCOL,
    Configuration,
    Frame,
    FrameKind,
    MessageKind,
    parse_frame,
)
from firstspike_sim.rtl import runs
from firstspike_sim.rtl.board import RtlBoard

SMALL = CONFIGS["small"]
QUIET = 12_000  # cycles within which a board sends what it has to send
# a board that returns every bit that it receives
LOOP = """\
module firstspike_board(input clk, input rst, input rx, output reg tx);
  always @(posedge clk) tx <= rx;
endmodule
"""


@pytest.fixture
def board() -> Iterator[RtlBoard]:
    if reason := runs():
        pytest.skip(reason)
    with RtlBoard(SMALL, patience=400_000) as board:
        yield board


@pytest.fixture
def loop() -> Iterator[Callable[..., RtlBoard]]:
    """Yields a function that simulates a board which returns all bytes that it receives."""
    if reason := runs():
        pytest.skip(reason)
    made: list[RtlBoard] = []

    def loop(**how: Any) -> RtlBoard:
        made.append(RtlBoard(SMALL, verilog=LOOP, **how))
        return made[-1]

    yield loop
    for each in made:
        each.close()


def coded(frame: Frame) -> bytes:
    return cobs.encode(frame.to_bytes()) + b"\0"


def frames(data: bytes) -> list[Frame | None]:
    pieces = [piece for piece in data.split(b"\0") if piece]
    return [parse_frame(cobs.decode(piece)) for piece in pieces]


def opening(session: int, nonce: int) -> bytes:
    hello = HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, nonce=nonce)
    return b"\0" + coded(Frame(FrameKind.OPEN, session, 0, 0, BUFFER, hello))


def heard(board: RtlBoard) -> list[Frame | None]:
    """Returns the frames that the board sends until it is quiet."""
    data = board.take()
    while board.run(QUIET + 40 * board.queued, wanted=1) and board.waiting:
        data += board.take()
    return frames(data)


def read(board: RtlBoard, session: int, nonce: int, *addresses: int) -> list[int]:
    """Opens a session, reads registers in it, and returns their values."""
    board.feed(opening(session, nonce))
    welcome = [f for f in heard(board) if f is not None and f.kind == FrameKind.OPEN | FROM_BOARD]
    assert welcome, "the board does not open a session"
    assert int.from_bytes(welcome[-1].payload[:4], "little") == nonce
    messages = b"".join(MESSAGE.to_bytes(kind=MessageKind.READ, length=4, value=address) for address in addresses)
    board.feed(coded(Frame(FrameKind.DATA, session, 0, 0, BUFFER, messages)))
    answers = [f for f in heard(board) if f is not None and f.session == session and f.payload]
    stream = b"".join(f.payload for f in answers if f.kind == FrameKind.DATA | FROM_BOARD)
    return [int.from_bytes(stream[12 * k + 4 : 12 * k + 8], "little") for k in range(len(addresses))]


def test_a_session_opens_and_registers_are_read(board) -> None:
    assert read(board, 5, 99, 0x000, link_offset("PROTOCOL"), link_offset("DIVISOR")) == [MAGIC, PROTOCOL, 4]
    assert board.broken == 0
    assert board.seconds == board.cycles / 48_000_000


@pytest.mark.parametrize("divisor", [4, 5, 16])
def test_bytes_pass_at_the_speed_of_the_line(loop, divisor) -> None:
    board, data = loop(divisor=divisor), random.Random(1).randbytes(300)
    board.feed(data)
    took = board.run(1 << 20, wanted=300)
    assert board.take() == data
    assert 300 * 10 * divisor - divisor <= took <= 300 * 10 * divisor + 2
    broken = np.arange(3) == 1
    board.feed(b"\xff\x0f\xff", broken)
    board.run(60 * divisor)
    assert board.broken == 1
    assert board.take()[:2] == b"\xff\x0f"


def test_running_stops_when_it_should(board) -> None:
    start = board.cycles
    assert board.run(1234) == 1234 == board.cycles - start
    board.feed(bytes(50))
    assert board.queued == 50
    board.run(100_000, queued=20)
    assert board.queued == 20
    board.unplug()
    assert board.queued == 0
    board.feed(opening(1, 1))
    assert board.run(100_000, wanted=10) < 5000
    assert board.waiting == 10
    assert len(board.take(4)) == 4
    assert (board.waiting, len(board.take())) == (6, 6)
    assert board.take() == b""


def test_as_a_device_the_board_runs_with_every_call(board) -> None:
    board.receive(opening(1, 1), 0.0)
    data = b""
    while said := board.transmit(0.0, 20):
        assert len(said) <= 20
        data += said
    assert [frame.kind for frame in frames(data)] == [FrameKind.OPEN | FROM_BOARD]
    assert board.deadline() == 0.0


def test_a_reset_forgets_the_session_and_the_counters(board) -> None:
    read(board, 5, 99, 0)
    board.reset()
    board.feed(coded(Frame(FrameKind.POLL, 5, 0, 0, BUFFER, b"")))
    (closed,) = heard(board)
    assert (closed.kind, closed.session, closed.payload) == (FrameKind.CLOSED | FROM_BOARD, 5, b"\0")
    assert read(board, 6, 1, link_offset("SESSIONS"), link_offset("FRAMES")) == [1, 3]


def test_bytes_without_a_stop_bit_are_counted(board) -> None:
    data = opening(5, 3)
    board.feed(data, np.arange(len(data)) == len(data) - 1)
    heard(board)
    assert read(board, 5, 4, link_offset("LINE_ERRORS")) == [1]
    with pytest.raises(ValueError, match=r"^3 bytes but 2 marks$"):
        board.feed(b"abc", np.zeros(2, bool))


def test_a_waveform_is_written(loop, tmp_path: Path) -> None:
    trace = tmp_path / "board.vcd"
    board = loop(waves=trace)
    board.run(2000)
    board.dump(False)
    board.run(2000)
    board.close()
    text = trace.read_text()
    assert "firstspike_board" in text
    stamps = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
    assert 19_000 < stamps[-1] < 21_000


def test_a_library_without_waveforms_refuses_to_write_one(loop, monkeypatch, tmp_path: Path) -> None:
    from firstspike_sim.rtl import board as module

    library = loop().library
    monkeypatch.setattr(module, "build", lambda text, **how: library)
    with pytest.raises(FirstspikeError) as error:
        loop(waves=tmp_path / "x.vcd")
    assert str(error.value) == f"this library was built without traces; {tmp_path / 'x.vcd'} is not written"


def noise(chance: random.Random, session: int) -> bytes:
    """Returns invalid bytes of one random kind.

    The kinds are random bytes, bytes without a delimiter, bytes with many delimiters, frames of random fields, frames
    with random payloads, frames with one wrong bit, and hellos with a wrong magic number or version.
    """
    sort = chance.randrange(7)
    if sort == 0:
        return chance.randbytes(chance.randrange(1, 300))
    if sort == 1:
        return bytes(chance.randrange(1, 256) for _ in range(chance.choice([1100, 2500])))
    if sort == 2:
        return bytes(chance.choice([0, 0, 1, 2, 255]) for _ in range(200))
    if sort == 3:
        body = FRAME.to_bytes(**{name: chance.getrandbits(bits) for name, bits in ((f.name, f.bits) for f in FRAME)})
        return cobs.encode(body + chance.randbytes(chance.randrange(60))) + b"\0"
    payload = chance.randbytes(chance.choice([0, 1, 12, 12, 40, 300]))
    kind = chance.choice([*FrameKind, 0, 9, FrameKind.DATA | FROM_BOARD])
    # 32 is the right sequence number, because four read messages of 8 bytes were sent in the round before.
    numbers = [chance.choice([32, 32, 0, 0xFFFF, chance.getrandbits(16)]) for _ in range(3)]
    frame = coded(Frame(kind, chance.choice([session, session, 0, 77]), *numbers, payload))
    if sort == 4:
        return frame
    if sort == 5:
        at = chance.randrange(len(frame) - 1)
        return frame[:at] + bytes([frame[at] ^ 1 << chance.randrange(8)]) + frame[at + 1 :]
    hello = HELLO.to_bytes(magic=MAGIC ^ chance.choice([0, 1]), protocol=chance.choice([0, 2, 99]), nonce=5)
    return coded(Frame(FrameKind.OPEN, session, 0, 0, BUFFER, hello))


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 12))])
def test_random_bytes_have_no_effect_on_the_board(board, seed) -> None:
    """The board counts as good exactly the frames that the contract's parser accepts; no frame changes its state."""
    chance = random.Random(seed)
    good = bad = 0
    for n in range(40):
        session, data = 1 + n % 255, b"".join(noise(chance, 1 + n % 255) for _ in range(chance.randrange(1, 8)))
        board.feed(data)
        heard(board)
        counters = (
            link_offset("FRAMES"),
            link_offset("FRAMES_BAD"),
            link_offset("CONFIG"),
            link_offset("IMAGES_TAKEN"),
        )
        found = read(board, session + 1 if session < 255 else 1, 1000 + n, *counters)
        for piece in (data + b"\0").split(b"\0"):
            if piece:
                verdict = judged(piece)
                good, bad = good + verdict, bad + (not verdict)
        good += 2  # the opening frame and the frame with the reads
        assert found == [good, bad, Configuration.EMPTY, 0], f"seed {seed}, round {n}"
    assert good > 100
    assert bad > 100


def judged(piece: bytes) -> bool:
    try:
        return parse_frame(cobs.decode(piece)) is not None
    except cobs.DecodeError:
        return False
