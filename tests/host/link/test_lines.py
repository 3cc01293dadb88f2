"""Opening a line that does not work fails with the reason and a remedy. Tests wait 2 s for a board, as users do."""

import os
import pty
import socket
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from served import served

import firstspike
from firstspike.board import BoardError
from firstspike.link import Deframer, coded
from firstspike.virtual import ModelBoard
from firstspike.virtual import model_board as far_end
from firstspike_contract import CONFIGS, UsageError


def refusal(url: str) -> str:
    """Returns the message with which opening the URL is refused."""
    with pytest.raises(BoardError) as refused:
        firstspike.open(url)
    return str(refused.value)


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """Yields the file descriptor of the far end of a serial port, and the name of the port."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def test_a_missing_port() -> None:
    assert (
        refusal("/dev/ttyNONE0") == "there is no serial port /dev/ttyNONE0; firstspike devices lists the serial ports"
    )


def test_a_file_that_is_no_serial_port(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    name = str(tmp_path / "file")
    assert refusal(name) == f"{name} is not a serial port; firstspike devices lists the serial ports"


def test_two_programs_on_one_port() -> None:
    with served("pty") as port, firstspike.open(port.url):
        said = refusal(port.url)
        assert said.startswith(f"{port.url} is in use by another program")
        assert said.endswith("; end that program first")


OTHER = """
import serial, sys, time
port = serial.Serial(sys.argv[1], exclusive=True)
print("open", flush=True)
time.sleep(30)
"""


def test_the_other_program_is_named(terminal: tuple[int, str]) -> None:
    _, name = terminal
    other = subprocess.Popen([sys.executable, "-c", OTHER, name], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        said = refusal(name)
        assert said.startswith(f"{name} is in use by another program (python")
        assert said.endswith(f", process {other.pid}); end that program first")
    finally:
        other.kill()
        other.wait()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root, to become a user without permission")
def test_no_permission(terminal: tuple[int, str]) -> None:
    _, name = terminal
    os.chmod(name, 0o600)
    code = (
        "import grp, os, sys, firstspike.board\n"  # imported first: the other user may be unable to read it
        "from firstspike.cli import main\n"
        "main(['monitor', '--help'])\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "sys.exit(main(['monitor', '--samples', '1', '--board', sys.argv[1]]))"
    )
    done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: no permission to use {name}; join its group and log in again: sudo usermod -aG "
    )


def test_nobody_answers(terminal: tuple[int, str]) -> None:
    _, name = terminal
    assert refusal(name) == (
        f"no answer from {name} within 2 s; is the board powered and programmed with firstspike, "
        f"is this its port (see firstspike devices), and is its baud rate right (for example ?baudrate=3000000)?"
    )


@contextmanager
def answering(ours: int, answer: bytes | None) -> Iterator[None]:
    """Lets a device send `answer` ten times a second until the block ends; with None it returns what it is sent."""
    ended = threading.Event()

    def work() -> None:
        os.set_blocking(ours, False)
        while not ended.is_set():
            try:
                heard = os.read(ours, 4096)
            except OSError:
                heard = b""
            if answer is not None or heard:
                os.write(ours, heard if answer is None else answer)
            time.sleep(0.1)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_another_device_answers(terminal: tuple[int, str]) -> None:
    ours, name = terminal
    with answering(ours, b"$GPGGA,123519,4807.038,N,01131.000,E,1,08\r\n"):
        said = refusal(name)
    assert said.startswith(f"{name} is another device, not a firstspike board; it says '$GPGGA,123519")


def test_a_loopback_plug(terminal: tuple[int, str]) -> None:
    ours, name = terminal
    with answering(ours, None):
        said = refusal(name)
    assert said == f"{name} sends back what it is sent; it is a loopback plug or a modem, not a firstspike board"


def test_the_wrong_baud_rate() -> None:
    with served("pty", baudrate=1_000_000) as port:
        said = refusal(f"serial://{port.url}?baudrate=115200")  # the baud rates of the two sides differ
        assert said.startswith(f"no answer from {port.url} within 2 s; ")
        assert said.endswith("and is its baud rate right (for example ?baudrate=3000000)?")
        with firstspike.open(f"serial://{port.url}?baudrate=1000000") as board:
            assert board.status()["configuration"] == "empty"


def test_a_board_that_speaks_at_another_baud_rate(terminal: tuple[int, str]) -> None:
    ours, name = terminal
    with answering(ours, bytes([0x80, 0xF8, 0x9E, 0x00, 0xE0, 0xFE])):
        said = refusal(name)
    assert said.startswith(f"{name} sends bytes that are no firstspike frames (")
    assert said.endswith(f"is the baud rate that of the board? for example serial://{name}?baudrate=3000000")


def test_a_board_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    device = ModelBoard(CONFIGS["small"])
    monkeypatch.setattr(far_end, "PROTOCOL", 2)
    with served("pty", device) as port:
        assert refusal(port.url) == (
            f"the board at {port.url} has version 2 of the wire protocol, this program version 1; use the firstspike "
            f"that made its bitstream, or program the board with one of this version"
        )
    monkeypatch.setattr(far_end, "PROTOCOL", 1)
    monkeypatch.setattr(far_end, "CORE_VERSION", 9)
    with served("pty", device) as port:
        assert refusal(port.url).startswith(f"the board at {port.url} has version 9 of the register map, this program")


def test_a_cable_pulled_for_good(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    name, device = str(tmp_path / "board"), ModelBoard(CONFIGS["small"])
    Path(name).symlink_to(os.ttyname(theirs))  # a name that the system does not give to another terminal
    stop = threading.Event()

    def work() -> None:
        os.set_blocking(ours, False)
        while not stop.is_set():
            try:
                device.receive(os.read(ours, 4096), time.monotonic())
            except BlockingIOError:
                time.sleep(0.001)
            os.write(ours, device.transmit(time.monotonic(), 4096))

    thread = threading.Thread(target=work)
    thread.start()
    board = firstspike.open(name)
    stop.set()
    thread.join()
    Path(name).unlink()
    os.close(theirs)
    os.close(ours)
    with pytest.raises(BoardError) as lost:
        board.status()
    assert str(lost.value).startswith(f"the connection to {name} is lost (")
    assert str(lost.value).endswith("; it did not come back within 2 s")
    board.close()


def test_nothing_listens_at_a_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    assert refusal(f"socket://127.0.0.1:{number}") == (
        f"nothing answers at socket://127.0.0.1:{number} (Connection refused); "
        f"is `firstspike board --listen socket:{number}` running there?"
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "a board is a URL, not ''; "),
        ("ttyUSB0", "a board is a URL, not 'ttyUSB0'; "),
        (
            "serail:///dev/x",
            "unknown kind of board 'serail', did you mean serial? known: sim, rtl, serial, socket, xdma; ",
        ),
        ("sim:fats", f"unknown core 'fats', did you mean fast? known: {', '.join(CONFIGS)}"),
        ("sim:?baud=9", "sim:?baud=9: unknown setting 'baud', did you mean baudrate? known: baudrate, faults, upload"),
        (
            "sim:?baudrate=x",
            "sim:?baudrate=x: baudrate must be a positive number, not 'x'; for example baudrate=3000000",
        ),
        ("rtl:?upload=slow", "rtl:?upload=slow: unknown way to upload 'slow'; known: quick, uart"),
        ("sim:?faults=flip", "a fault is a name and a chance in 0..1, not 'flip'; "),
        (
            "socket://localhost",
            "socket://localhost: a socket needs a host and a port; for example socket://localhost:7521",
        ),
        ("socket://h:99999999", "socket://h:99999999: a socket needs a host and a port; for example "),
        ("sim:?baudrate", "sim:?baudrate: settings are name=value, with & between them; "),
    ],
)
def test_a_bad_url_is_a_usage_error(url: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        firstspike.open(url)
    assert str(refused.value).startswith(message)
    assert refused.value.exit_code == 2


def test_boards_on_pci_express_are_refused() -> None:
    assert refusal("xdma:0").startswith("xdma:0: this version does not open boards on PCI Express; use a serial line, ")


def test_urls_of_pyserial_are_opened() -> None:
    """loop:// returns what it is sent; the message shows that pyserial opened it."""
    assert refusal("loop://").startswith("loop:// sends back what it is sent; it is a loopback plug or a modem, ")


def test_frames_of_the_board_are_marked() -> None:
    device = ModelBoard(CONFIGS["small"])
    from firstspike_contract.link.wire import HELLO, MAGIC, PROTOCOL, Frame, FrameKind

    hello = HELLO.to_bytes(magic=MAGIC, protocol=PROTOCOL, nonce=1)
    device.receive(coded(Frame(FrameKind.OPEN, 9, 0, 0, 0, hello)), 0.0)
    (welcome,) = Deframer().feed(device.transmit(0.0, 1000))
    assert welcome is not None
    assert welcome.kind == 0x81
