"""Virtual boards behind pseudo-terminals and sockets: pacing, faults, and one host at a time."""

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
from firstspike.virtual import server
from firstspike.virtual.ports import open_port
from firstspike.virtual.server import Meter, running_boards, shown
from firstspike_contract import FirstspikeError, UsageError

NET = network()


def check(url: str, count: int = 200) -> None:
    """Streams images and asserts that every spike is that of the model."""
    images = events(count)
    want = expected(NET, images)
    with firstspike.open(url) as board:
        board.load(NET)
        answers = board.run(images, spikes=True)
    assert answers.batch is not None
    assert (answers.batch.results == want.results).all()
    assert all((a == b).all() for a, b in zip(answers.batch.times, want.times, strict=True))


@pytest.mark.parametrize("listen", ["pty", "socket"])
def test_a_host_uses_a_virtual_board_like_a_board(listen: str) -> None:
    with served(listen) as port:
        check(port.url)
        check(port.url)  # a second host after the first one


def test_a_board_at_a_name_that_the_user_chose(tmp_path: Path) -> None:
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
    # The line is full of answers of 48 bytes each. A busy machine takes even longer, so the bound holds there, too.
    assert seconds > 48 * 1500 / 100_000 * 0.9


def test_faults_of_the_line_change_no_answer() -> None:
    with served("pty", faults=Faults(flip=2e-5, drop=1e-5, seed=4)) as port:
        check(port.url)


def test_a_second_host_is_refused() -> None:
    with served("socket") as port, firstspike.open(port.url) as board:
        board.load(NET)
        with pytest.raises(BoardError) as busy:
            firstspike.open(port.url)
        assert "another program is using this board" in str(busy.value)
        assert len(board.run(events(3))) == 3


def test_a_cable_that_is_plugged_in_again_costs_no_answer() -> None:
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


def test_a_bad_place_to_listen_at_is_refused(tmp_path: Path) -> None:
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


def test_a_meter_passes_bytes_at_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(server.time, "monotonic", lambda: now)
    meter, carried = Meter(100_000), 0
    while now < 0.3:
        count = min(meter.room(waiting=1000), 1000)
        meter.used(count)
        carried += count
        now += meter.wait()
    assert 0.9 * 3000 < carried < 1.1 * 3000 + 512
