"""A simulated board: the bytes of its serial line go in and come out bit by bit."""

import ctypes
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import CoreConfig, FirstspikeError
from firstspike_contract.common.progress import Progress, unheard
from firstspike_contract.link.timing import BITS_PER_BYTE, CLOCK_HZ, LEAST_DIVISOR

from .build import BOARD, build
from .emitted import emitted_board

__all__ = ["RtlBoard"]

_SLICE: Final = 20_000  # most cycles that one `transmit` runs after the queued bytes are sent
_QUEUE: Final = 1024  # bytes of the line that the simulation queues
_GATHER: Final = 64  # bytes from the board that end a `transmit` early
_RESET: Final = 4  # cycles of a reset
_ASLEEP: Final = 4_000_000  # cycles without a byte either way after which the simulation waits for the next byte

_U64, _I64, _U32, _I32, _POINTER = ctypes.c_uint64, ctypes.c_int64, ctypes.c_uint32, ctypes.c_int32, ctypes.c_void_p
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "fb_open": (_POINTER, (_U32, ctypes.c_char_p)),
    "fb_close": (None, (_POINTER,)),
    "fb_reset": (None, (_POINTER, _U64)),
    "fb_cycles": (_U64, (_POINTER,)),
    "fb_dump": (None, (_POINTER, _I32)),
    "fb_feed": (None, (_POINTER, ctypes.c_char_p, _POINTER, _U64, _I32)),
    "fb_queued": (_U64, (_POINTER,)),
    "fb_unplug": (None, (_POINTER,)),
    "fb_run": (_U64, (_POINTER, _U64, _U64, _I64)),
    "fb_waiting": (_U64, (_POINTER,)),
    "fb_broken": (_U64, (_POINTER,)),
    "fb_take": (None, (_POINTER, _POINTER, _U64)),
}


class RtlBoard:
    """A simulated board: `feed` bytes to it, `run` it, `take` bytes from it. Close it, or use `with`.

    It also serves as the device of a virtual line, with `room`, `receive`, `transmit` and `deadline`.

    config:   core on the board.
    clock:    clock frequency of the board in hertz, which relates cycles to seconds.
    divisor:  clock cycles per bit of the line; the smallest value makes the fastest simulation.
    patience: cycles without an acknowledgement after which the board sends again; None means as many as a real line
              needs.
    verilog:  Verilog text of the board; by default the gateware emits it for `config`.
    waves:    file for a VCD trace, or None.
    progress: called while the simulation is built.
    library:  the shared library that simulates the board.

    Raises UsageError if Verilator or a compiler is missing.
    """

    def __init__(
        self,
        config: CoreConfig,
        *,
        clock: int = CLOCK_HZ,
        divisor: int = LEAST_DIVISOR,
        patience: int | None = None,
        verilog: str | None = None,
        waves: Path | None = None,
        progress: Progress = unheard,
    ) -> None:
        self.config, self.clock, self.divisor = config, clock, divisor
        self._last = 0  # cycle of the last byte received or transmitted
        text = emitted_board(config, clock=clock, divisor=divisor, patience=patience) if verilog is None else verilog
        self.library = build(text, top=BOARD, waves=waves is not None, progress=progress)
        self._library = ctypes.CDLL(str(self.library))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        self._handle = self._library.fb_open(divisor, None if waves is None else str(waves).encode())
        if not self._handle:
            raise FirstspikeError(f"this library was built without traces; {waves} is not written")
        self.reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the simulation and its VCD trace; a second call does nothing."""
        if self._handle:
            self._library.fb_close(self._handle)
            self._handle = None

    @property
    def cycles(self) -> int:
        """Clock cycles since the start."""
        return int(self._library.fb_cycles(self._handle))

    @property
    def seconds(self) -> float:
        """Seconds since the start, by the board's clock."""
        return self.cycles / self.clock

    @property
    def queued(self) -> int:
        """Number of bytes that were fed and are not yet being sent to the board."""
        return int(self._library.fb_queued(self._handle))

    @property
    def waiting(self) -> int:
        """Number of bytes that the board has sent and nobody has taken."""
        return int(self._library.fb_waiting(self._handle))

    @property
    def broken(self) -> int:
        """Number of bytes that the board has sent without a stop bit."""
        return int(self._library.fb_broken(self._handle))

    def reset(self) -> None:
        """Resets the board as its button does. The line keeps running."""
        self._library.fb_reset(self._handle, _RESET)

    def dump(self, on: bool) -> None:
        """Switches the recording of the VCD trace, if there is one, on or off."""
        self._library.fb_dump(self._handle, on)

    def feed(self, data: bytes, broken: NDArray[np.bool_] | None = None, *, by_port: bool = False) -> None:
        """Queues bytes for the board.

        broken:  bool ``[n]``, bytes that go without a stop bit.
        by_port: the bytes go in through the byte port of the board instead of the line, which takes a tenth of the
                 time.
        """
        marks = None
        if broken is not None:
            if len(broken) != len(data):
                raise ValueError(f"{len(data)} bytes but {len(broken)} marks")
            array = np.ascontiguousarray(broken, np.uint8)
            marks = array.ctypes.data
        self._library.fb_feed(self._handle, data, marks, len(data), by_port)

    def unplug(self) -> None:
        """Drops the bytes that are still to be sent to the board."""
        self._library.fb_unplug(self._handle)

    def run(self, cycles: int, *, wanted: int | None = None, queued: int | None = None) -> int:
        """Runs the simulation and returns the number of cycles that it ran.

        cycles: most cycles to run.
        wanted: the run ends once this number of bytes waits.
        queued: the run ends once this number of bytes is left to be sent.
        """
        most = 2**63 - 1
        return int(
            self._library.fb_run(
                self._handle, cycles, most if wanted is None else wanted, -1 if queued is None else queued
            )
        )

    def take(self, most: int | None = None) -> bytes:
        """Takes the bytes that the board has sent, at most the first `most` of them."""
        count = self.waiting if most is None else min(most, self.waiting)
        data = ctypes.create_string_buffer(count)
        self._library.fb_take(self._handle, data, count)
        return data.raw

    @property
    def room(self) -> int:
        """Number of bytes that `receive` should get now.

        The queue is bounded, because a simulation is slower than the line and would fall ever further behind.
        """
        return max(0, _QUEUE - self.queued)

    def receive(self, data: bytes, now: float) -> None:
        """Queues bytes of the line. now: time of the caller; it is not used, as the simulation has its own time."""
        del now
        if data:
            self._last = self.cycles
        self.feed(data)

    def transmit(self, now: float, room: int) -> bytes:
        """Returns bytes from the board, at most `room`; runs a slice of the simulation if none are waiting.

        If `room` is not 0, an empty answer means that the board has sent nothing for a slice after the last byte to it.
        """
        del now
        if self.waiting == 0 and room > 0:
            self.run(_SLICE + BITS_PER_BYTE * self.divisor * self.queued, wanted=min(room, _GATHER))
        data = self.take(room)
        if data:
            self._last = self.cycles
        return data

    def deadline(self) -> float | None:
        """Returns 0.0, which is now, because the simulation only runs in `transmit`; None after a long silence."""
        return 0.0 if self.cycles - self._last < _ASLEEP else None
