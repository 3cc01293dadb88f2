"""Whether the board may classify: the course of a load, and what spoils it (docs/protocol.md, loading)."""

import zlib

from firstspike_contract.core.register_map import reconfigures
from firstspike_contract.link.wire import Configuration

__all__ = ["GuardModel"]


class GuardModel:
    """state: as found by the last load. expected: what CONFIG_CRC was given. crc, written: of the load so far."""

    def __init__(self) -> None:
        self.state = Configuration.EMPTY
        self.expected = self.crc = self.written = self.name = 0
        self._refused = False

    def begin(self) -> None:
        """A load begins: CONFIG was written with 1."""
        self.state = Configuration.LOADING
        self.crc = self.written = self.name = 0
        self._refused = False

    def end(self, whole: bool) -> None:
        """It ends: CONFIG was written with 2. whole: the core can compute with what it holds."""
        if self.state != Configuration.LOADING:
            return
        if self._refused or not self.written or not whole:
            self.state = Configuration.INCOMPLETE
        elif self.crc != self.expected:
            self.state = Configuration.DAMAGED
        else:
            self.state = Configuration.VALID

    def passed(self, data: bytes) -> None:
        """Bytes of a WRITE message to the core, its header included."""
        self.crc = zlib.crc32(data, self.crc)

    def wrote(self, address: int, words: int, refused: int) -> None:
        """Words to a register of the core, of which some were refused."""
        self.written += words - refused
        self._refused |= refused > 0
        if self.state == Configuration.VALID and reconfigures(address):
            self.state = Configuration.CHANGED

    def now(self, running: bool) -> Configuration:
        """The state that images meet."""
        return Configuration.HALTED if self.state == Configuration.VALID and not running else self.state
