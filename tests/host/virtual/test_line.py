"""The clock of a virtual line: bytes take simulated time, waiting takes no real time, and the clock never stops."""

import pytest

from firstspike.virtual.line import VirtualLine
from firstspike_contract.link.wire import HOST_BUFFER


class Device:
    """A far end that records when bytes arrive. `says` has the bytes that it will send, `due` its deadline."""

    room = HOST_BUFFER

    def __init__(self, says: bytes = b"", due: float | None = None) -> None:
        self.says, self.due = says, due
        self.heard: list[tuple[float, int]] = []
        self.rooms: list[int] = []

    def receive(self, data: bytes, now: float) -> None:
        if data:
            self.heard.append((round(now, 9), len(data)))

    def transmit(self, now: float, room: int) -> bytes:
        self.rooms.append(room)
        said, self.says = self.says[:room], self.says[room:]
        return said

    def deadline(self) -> float | None:
        return self.due


def line(device: Device, baudrate: int | None = 10_000) -> VirtualLine:
    """A byte takes a millisecond by default."""
    return VirtualLine(device, "sim:", baudrate=baudrate)


def test_without_a_speed_bytes_take_no_time() -> None:
    device = Device(b"y" * (HOST_BUFFER + 1))
    quick = line(device, None)
    taken, came = quick.exchange(b"x" * (HOST_BUFFER + 1), 1.0)
    assert (taken, len(came), quick.now()) == (HOST_BUFFER, HOST_BUFFER, 0.0)
    assert quick.exchange(b"", 1.0) == (0, b"y")
    assert quick.now() == 0.0


def test_both_ways_carry_bytes_at_the_speed_of_the_line() -> None:
    device = Device(b"y" * 600)
    paced = line(device)
    taken, came = paced.exchange(b"x" * 300, 9.0)
    assert (taken, len(came)) == (256, 256)
    assert paced.exchange(b"x" * 44, 9.0) == (0, b""), "the first 256 bytes must still be on their way"
    assert paced.now() == pytest.approx(0.256)
    taken, came = paced.exchange(b"x" * 44, 9.0)
    assert (taken, len(came)) == (44, 256)
    assert device.heard == [(0.0, 256), (0.256, 44)]
    assert paced.exchange(b"x", 9.0) == (0, b"")
    assert paced.now() == pytest.approx(0.3), "the direction with fewer bytes must be free first"
    assert paced.exchange(b"x", 9.0) == (1, b"")
    assert device.rooms[-1] == 0, "the other direction must still be busy"


@pytest.mark.parametrize(
    ("timeout", "due", "later"),
    [(0.5, None, 0.5), (0.0, None, 1e-6), (0.5, 0.2, 0.2), (0.5, 0.9, 0.5), (0.5, 0.0, 0.5)],
)
def test_waiting_ends_at_the_time_out_or_the_deadline(timeout: float, due: float | None, later: float) -> None:
    idle = line(Device(due=due), None)
    assert idle.exchange(b"", timeout) == (0, b"")
    assert idle.now() == pytest.approx(later)


def test_a_line_that_is_opened_again_tells_the_test() -> None:
    calls: list[None] = []
    mended = line(Device())
    mended.reopen()
    mended.on_reopen = lambda: calls.append(None)
    mended.reopen()
    mended.close()
    assert calls == [None]
