"""URLs that open a line: which line, with which core and speed, and faults around it."""

from typing import Any

import pytest

from firstspike.board import opening
from firstspike.board.opening import open_line
from firstspike.link.faults import Faults, FaultyLine
from firstspike.virtual import VirtualLine
from firstspike_contract import CONFIGS, UsageError


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The serial ports and sockets that were opened, which are none."""
    made: list[tuple[Any, ...]] = []
    monkeypatch.setattr(opening, "SerialLine", lambda port, *, baudrate: made.append(("serial", port, baudrate)))
    monkeypatch.setattr(opening, "SocketLine", lambda host, port: made.append(("socket", host, port)))
    return made


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("serial:///dev/ttyUSB0", ("serial", "/dev/ttyUSB0", 3_000_000)),
        ("serial:///dev/ttyUSB0?baudrate=115200", ("serial", "/dev/ttyUSB0", 115_200)),
        ("/dev/ttyUSB0", ("serial", "/dev/ttyUSB0", 3_000_000)),
        ("./board", ("serial", "./board", 3_000_000)),
        ("../board?baudrate=9600", ("serial", "../board", 9600)),
        ("COM3", ("serial", "COM3", 3_000_000)),
        ("rfc2217://host:7?baudrate=9600", ("serial", "rfc2217://host:7", 9600)),
        ("socket://localhost:7521", ("socket", "localhost", 7521)),
        ("socket://[::1]:0", ("socket", "::1", 0)),
    ],
)
def test_a_port_or_a_socket(lines: list[tuple[Any, ...]], url: str, line: tuple[Any, ...]) -> None:
    open_line(url)
    assert lines == [line]


@pytest.mark.parametrize(
    ("url", "core", "byte"),
    [("sim:", "fast", 0.0), ("sim:tiny", "tiny", 0.0), ("sim:tiny?baudrate=1000000", "tiny", 1e-5)],
)
def test_a_virtual_board(url: str, core: str, byte: float) -> None:
    line: Any = open_line(url)
    assert isinstance(line, VirtualLine)
    assert (line.name, line._byte, line._device.core.config) == (url, byte, CONFIGS[core])


def test_faults_lie_around_the_line() -> None:
    line: Any = open_line("sim:tiny?faults=flip=0.25,seed=3")
    assert isinstance(line, FaultyLine)
    assert isinstance(line._line, VirtualLine)
    assert line._faults == Faults(flip=0.25, seed=3)


@pytest.mark.parametrize("url", ["sim:tiny?baudrate=-1", "serial:///dev/x?baudrate=0", "serial:///dev/x?baudrate=1.5"])
def test_a_speed_is_a_positive_integer(lines: list[tuple[Any, ...]], url: str) -> None:
    with pytest.raises(UsageError) as error:
        open_line(url)
    value = url.rpartition("=")[2]
    assert str(error.value) == (
        f"{url}: baudrate must be a positive number, not {value!r}; for example baudrate=3000000"
    )
    assert lines == []
