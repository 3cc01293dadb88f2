"""A model of the guard, which decides whether the board may classify (docs/protocol.md, loading)."""

import zlib

from firstspike_contract.core.register_map import reconfigures
from firstspike_contract.link.wire import Configuration

__all__ = ["GuardModel"]


class GuardModel:
    """The state of a load, as the board's link keeps it.

    state:    the Configuration after the last load, or during it.
    expected: the CRC-32 that the host wrote to CONFIG_CRC.
    crc:      the CRC-32 of the load so far.
    written:  the number of words written to the core by the load so far.
    name:     the number of the loaded network; 0 means none.
    """

    def __init__(self) -> None:
        self.state = Configuration.EMPTY
        self.expected = self.crc = self.written = self.name = 0
        self._refused = False

    def begin(self) -> None:
        """Begins a load; the host has written 1 to CONFIG."""
        self.state = Configuration.LOADING
        self.crc = self.written = self.name = 0
        self._refused = False

    def end(self, whole: bool) -> None:
        """Ends a load; the host has written 2 to CONFIG. whole: whether the core holds a complete network."""
        if self.state != Configuration.LOADING:
            return
        if self._refused or not self.written or not whole:
            self.state = Configuration.INCOMPLETE
        elif self.crc != self.expected:
            self.state = Configuration.DAMAGED
        else:
            self.state = Configuration.VALID

    def passed(self, data: bytes) -> None:
        """Adds the bytes of a WRITE message to the core, its header included, to the CRC-32."""
        self.crc = zlib.crc32(data, self.crc)

    def wrote(self, address: int, words: int, refused: int) -> None:
        """Records that words were written to a register of the core, `refused` of them without effect."""
        self.written += words - refused
        self._refused |= refused > 0
        if self.state == Configuration.VALID and reconfigures(address):
            self.state = Configuration.CHANGED

    def now(self, running: bool) -> Configuration:
        """Returns the state that decides whether an image is taken. running: CONTROL.run."""
        return Configuration.HALTED if self.state == Configuration.VALID and not running else self.state
