"""A whole board, simulated: bytes of its serial line go in bit by bit, and come out bit by bit."""

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

_SLICE: Final = 20_000  # cycles that one `transmit` runs at most
_QUEUE: Final = 1024  # bytes that it holds of the line's
_GATHER: Final = 64  # bytes that it waits for meanwhile
_RESET: Final = 4  # cycles
_ASLEEP: Final = 4_000_000  # cycles without a byte either way after which it is stopped until somebody speaks

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
    """`feed` bytes, `run`, `take` bytes. As a device of a virtual line: `receive`, `transmit`, `deadline`.

    library:  the file that simulates it.
    clock:    of the board, hertz: what makes seconds of cycles.
    divisor:  clock cycles per bit of its line; the fewest make the quickest simulation.
    patience: cycles before it sends again; None: what a real line needs.
    verilog:  text of the board, by default what the gateware emits for `config`.
    waves:    a VCD trace to write.
    Raises UsageError if Verilator or a compiler is missing. Close it, or use `with`.
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
        """Ends the simulation and its trace; a second time does nothing."""
        if self._handle:
            self._library.fb_close(self._handle)
            self._handle = None

    @property
    def cycles(self) -> int:
        """Clock cycles since the start."""
        return int(self._library.fb_cycles(self._handle))

    @property
    def seconds(self) -> float:
        """The same by the board's clock."""
        return self.cycles / self.clock

    @property
    def queued(self) -> int:
        """Bytes fed that have not begun to be sent."""
        return int(self._library.fb_queued(self._handle))

    @property
    def waiting(self) -> int:
        """Bytes that have come and were not taken."""
        return int(self._library.fb_waiting(self._handle))

    @property
    def broken(self) -> int:
        """Bytes that have come without a stop bit."""
        return int(self._library.fb_broken(self._handle))

    def reset(self) -> None:
        """What the board's button does. The line goes on."""
        self._library.fb_reset(self._handle, _RESET)

    def dump(self, on: bool) -> None:
        """Whether the trace, if there is one, records what comes."""
        self._library.fb_dump(self._handle, on)

    def feed(self, data: bytes, broken: NDArray[np.bool_] | None = None, *, by_port: bool = False) -> None:
        """Bytes for the line to the board; broken: bool ``[n]``, which of them come without a stop bit.

        by_port: give them to the board byte by byte instead, in a tenth of the time.
        """
        marks = None
        if broken is not None:
            if len(broken) != len(data):
                raise ValueError(f"{len(data)} bytes but {len(broken)} marks")
            array = np.ascontiguousarray(broken, np.uint8)
            marks = array.ctypes.data
        self._library.fb_feed(self._handle, data, marks, len(data), by_port)

    def unplug(self) -> None:
        """Drops the bytes that are still to be sent to it."""
        self._library.fb_unplug(self._handle)

    def run(self, cycles: int, *, wanted: int | None = None, queued: int | None = None) -> int:
        """Runs so many cycles, fewer once `wanted` bytes wait or `queued` are left to be sent. Returns how many."""
        most = 2**63 - 1
        return int(
            self._library.fb_run(
                self._handle, cycles, most if wanted is None else wanted, -1 if queued is None else queued
            )
        )

    def take(self, most: int | None = None) -> bytes:
        """Bytes that have come, the first `most` of them."""
        count = self.waiting if most is None else min(most, self.waiting)
        data = ctypes.create_string_buffer(count)
        self._library.fb_take(self._handle, data, count)
        return data.raw

    @property
    def room(self) -> int:
        """Bytes that `receive` should be given now: a simulation that is slower than its line must not fall behind."""
        return max(0, _QUEUE - self.queued)

    def receive(self, data: bytes, now: float) -> None:
        """Bytes of the line. now: of whoever calls; the simulation has its own time."""
        del now
        if data:
            self._last = self.cycles
        self.feed(data)

    def transmit(self, now: float, room: int) -> bytes:
        """What comes within a slice of the simulation, `room` bytes at most; none come if the board had nothing to say
        for that long after the last byte to it."""
        del now
        if self.waiting == 0 and room > 0:
            self.run(_SLICE + BITS_PER_BYTE * self.divisor * self.queued, wanted=min(room, _GATHER))
        data = self.take(room)
        if data:
            self._last = self.cycles
        return data

    def deadline(self) -> float | None:
        """Now, as the simulation goes on with every `transmit`; None when it has been silent for long."""
        return 0.0 if self.cycles - self._last < _ASLEEP else None
