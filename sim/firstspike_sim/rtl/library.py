"""Wraps the C ABI of harness.cpp in a Python class: registers, streams in and out, cycles.

Tested by tests/sim/rtl/test_harness.py.
"""

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import FirstspikeError

__all__ = ["Simulation"]

_U64, _U32, _I32, _POINTER = ctypes.c_uint64, ctypes.c_uint32, ctypes.c_int32, ctypes.c_void_p
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "fs_open": (_POINTER, (ctypes.c_char_p,)),
    "fs_close": (None, (_POINTER,)),
    "fs_reset": (None, (_POINTER,)),
    "fs_error": (ctypes.c_char_p, (_POINTER,)),
    "fs_dump": (None, (_POINTER, _I32)),
    "fs_cycles": (_U64, (_POINTER,)),
    "fs_wait": (None, (_POINTER, _U64)),
    "fs_write": (_I32, (_POINTER, _U32, _POINTER, _U64)),
    "fs_read": (_I32, (_POINTER, _U32, _POINTER, _U64)),
    "fs_stalls": (None, (_POINTER, _U64, _U32, _U32, _U32)),
    "fs_feed": (None, (_POINTER, _POINTER, _POINTER, _U64)),
    "fs_run": (_I32, (_POINTER, _U64, _U64, _U64)),
    "fs_step": (_I32, (_POINTER, _U64)),
    "fs_forget": (None, (_POINTER,)),
    "fs_waiting": (_U64, (_POINTER, _I32)),
    "fs_take": (None, (_POINTER, _I32, _POINTER)),
}


class Simulation:
    """One simulated core; it begins reset, with idle streams. Close it, or use `with`.

    library: shared library from `build`.
    waves:   file for a VCD trace, or None; the library must have been built with `waves`.

    Every method raises FirstspikeError if the core breaks the rules of its interface.
    """

    def __init__(self, library: Path, waves: Path | None = None) -> None:
        self._library = ctypes.CDLL(str(library))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        self._handle = self._library.fs_open(None if waves is None else str(waves).encode())
        if not self._handle:
            raise FirstspikeError(f"this library was built without traces; {waves} is not written")

    def __enter__(self) -> "Simulation":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the simulation and its VCD trace; a second call does nothing."""
        if self._handle:
            self._library.fs_close(self._handle)
            self._handle = None

    @property
    def cycles(self) -> int:
        """Clock cycles since the start."""
        return int(self._library.fs_cycles(self._handle))

    def dump(self, on: bool) -> None:
        """Switches the recording of the VCD trace, if there is one, on or off."""
        self._library.fs_dump(self._handle, on)

    def reset(self) -> None:
        """Asserts `rst` for four cycles and forgets all beats."""
        self._library.fs_reset(self._handle)

    def wait(self, cycles: int) -> None:
        """Runs `cycles` cycles in which no beat is sent or taken."""
        self._library.fs_wait(self._handle, cycles)

    def write(self, address: int, *values: int) -> None:
        """Writes words to one address, in order."""
        self.write_array(address, np.array(values, np.uint32))

    def write_array(self, address: int, values: NDArray[np.uint32]) -> None:
        """Writes words, uint32 ``[n]``, to one address, in order."""
        values = np.ascontiguousarray(values, np.uint32)
        self._check(self._library.fs_write(self._handle, address, values.ctypes.data, len(values)), address)

    def read(self, address: int) -> int:
        """Reads one word."""
        return int(self.read_array(address, 1)[0])

    def read_array(self, address: int, n: int) -> NDArray[np.uint32]:
        """Reads n words from one address, uint32 ``[n]``."""
        values = np.zeros(n, np.uint32)
        self._check(self._library.fs_read(self._handle, address, values.ctypes.data, n), address)
        return values

    def stalls(self, *, gaps: float = 0.0, results: float = 0.0, trace: float = 0.0, seed: int = 1) -> None:
        """Sets the chances, 0..1, of stalls on the streams from now on.

        gaps:    chance of a pause before a beat is sent.
        results: chance that a result beat is not taken in a cycle.
        trace:   chance that a trace beat is not taken in a cycle.
        seed:    seed of the random numbers.
        """
        chances = [min(65535, max(0, round(chance * 65536))) for chance in (gaps, results, trace)]
        self._library.fs_stalls(self._handle, seed, *chances)

    def feed(self, beats: NDArray[np.uint32], last: NDArray[np.bool_]) -> None:
        """Queues beats to send, uint32 ``[n]``. last: bool ``[n]``, beats that end an image."""
        beats = np.ascontiguousarray(beats, np.uint32)
        marks = np.ascontiguousarray(last, np.uint8)
        if len(beats) != len(marks):
            raise ValueError(f"{len(beats)} beats but {len(marks)} marks")
        self._library.fs_feed(self._handle, beats.ctypes.data, marks.ctypes.data, len(beats))

    def run(self, *, results: int, traces: int, patience: int) -> None:
        """Runs until the core has sent that many packets since reset or `forget`.

        results:  number of result packets.
        traces:   number of trace packets.
        patience: cycles without a transfer on any stream after which the run fails.
        """
        self._check(self._library.fs_run(self._handle, results, traces, patience))

    def step(self, cycles: int) -> None:
        """Runs `cycles` cycles with running streams, whatever the core sends."""
        self._check(self._library.fs_step(self._handle, cycles))

    def forget(self) -> None:
        """Drops beats that were not sent yet and beats that were received; counts packets from 0 again."""
        self._library.fs_forget(self._handle)

    def results(self) -> NDArray[np.uint32]:
        """Returns the result beats received since the last call, uint32 ``[n]``."""
        return self._take(0)

    def trace(self) -> NDArray[np.uint32]:
        """Returns the trace beats received since the last call, uint32 ``[n]``."""
        return self._take(1)

    def _take(self, stream: int) -> NDArray[np.uint32]:
        beats = np.empty(self._library.fs_waiting(self._handle, stream), np.uint32)
        self._library.fs_take(self._handle, stream, beats.ctypes.data)
        return beats

    def _check(self, status: int, address: int | None = None) -> None:
        if status > 0:
            raise FirstspikeError(f"the core refuses the access to register 0x{address:03X} (response {status})")
        if status < 0:
            raise FirstspikeError(f"the simulated core: {self._library.fs_error(self._handle).decode()}")
