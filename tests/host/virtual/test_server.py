"""Virtual boards at real ports: pseudo-terminals and sockets, paced, faulty, for one host at a time."""

import os
import socket
import time
from pathlib import Path

import pytest
from board_cases import events, expected, network
from served import served

import firstspike
from firstspike.board import BoardError
from firstspike.link.faults import Faults
from firstspike.virtual.ports import open_port
from firstspike.virtual.server import Meter, running_boards, shown
from firstspike_contract import FirstspikeError, UsageError

NET = network()


def check(url: str, count: int = 200) -> float:
    """Streams images; every spike must be the model's. Returns images per second."""
    images = events(count)
    want = expected(NET, images)
    with firstspike.open(url) as board:
        board.load(NET)
        start = time.perf_counter()
        answers = board.run(images, spikes=True)
        seconds = time.perf_counter() - start
    assert answers.batch is not None
    assert (answers.batch.results == want.results).all()
    assert all((a == b).all() for a, b in zip(answers.batch.times, want.times, strict=True))
    return count / seconds


@pytest.mark.parametrize("listen", ["pty", "socket"])
def test_a_host_cannot_tell_it_from_a_board(listen: str) -> None:
    with served(listen) as port:
        check(port.url)
        check(port.url)  # a second host, later


def test_a_name_of_its_own(tmp_path: Path) -> None:
    with served(f"pty:{tmp_path / 'board'}") as port:
        assert port.url == str(tmp_path / "board")
        check(port.url, 20)
    assert not (tmp_path / "board").is_symlink()


def test_a_paced_line_carries_what_its_speed_allows() -> None:
    with served("pty", baudrate=1_000_000, pace=True) as port:
        url = f"serial://{port.url}?baudrate=1000000"
        images = events(1500, inputs=40)
        with firstspike.open(url) as board:
            board.load(NET)
            start = time.perf_counter()
            board.run(images)
            seconds = time.perf_counter() - start
    # the answers are what fills the line: 48 bytes each
    assert seconds > 48 * 1500 / 100_000 * 0.9


def test_a_faulty_line_is_got_over() -> None:
    with served("pty", faults=Faults(flip=2e-5, drop=1e-5, seed=4)) as port:
        check(port.url)


def test_a_second_host_is_sent_away() -> None:
    with served("socket") as port, firstspike.open(port.url) as board:
        board.load(NET)
        with pytest.raises(BoardError) as busy:
            firstspike.open(port.url)
        assert "another program is using this board" in str(busy.value)
        assert len(board.run(events(3))) == 3


def test_a_pulled_cable_that_is_plugged_in_again_is_no_more_than_a_pause() -> None:
    with served("socket") as port:
        images = events(3000)
        with firstspike.open(port.url) as board:
            board.load(NET)
            answers = []
            for result in board.stream(images):
                answers.append(result.answer)
                if result.image in (100, 1500):
                    port.hang_up()  # type: ignore[attr-defined]
            reconnects = board.status()["host"]["reconnects"]
        assert answers == expected(NET, images).results["class"].tolist()
        assert reconnects == 2


def test_what_cannot_be_listened_at_is_refused(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    with pytest.raises(FirstspikeError) as refused:
        open_port(f"pty:{tmp_path / 'there'}")
    assert str(refused.value) == f"{tmp_path / 'there'}: File exists; give another name, for example pty:/tmp/board"
    with pytest.raises(UsageError, match=r"^unknown way to listen 'sokcet', did you mean socket\? known: pty, socket$"):
        open_port("sokcet")
    with pytest.raises(
        UsageError, match=r"^a port is a number in 0\.\.65535, not '99999'; for example --listen socket:7521$"
    ):
        open_port("socket:99999")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(
            FirstspikeError, match=f"^port {number} cannot be used: Address already in use; for example"
        ):
            open_port(f"socket:{number}")


def test_running_boards_are_listed_while_they_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert running_boards() == []
    about = {"url": "/dev/pts/9", "backend": "model", "core": "fast"}
    with shown(about):
        assert running_boards() == [{**about, "process": os.getpid()}]
    assert running_boards() == []


def test_a_meter_lets_through_its_rate() -> None:
    meter, carried = Meter(100_000), 0
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        count = min(meter.room(waiting=1000), 1000)
        meter.used(count)
        carried += count
        time.sleep(meter.wait())
    assert 0.9 * 3000 < carried < 1.1 * 3000 + 512
