"""Registers of a board over a session: reads that wait for their replies, writes that do not."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike.link import BoardError
from firstspike_contract.core.register_map import offset_of

from .messages import read_words, scan_words, write_words
from .session import Session

__all__ = ["ANSWERING", "Registers"]

ANSWERING: Final = 2.0  # seconds in which a reply must come, or at least a part of it
_TRIPS: Final = 20  # round trips likewise, where these take longer: a board that is simulated
_AHEAD: Final = 1 << 15  # bytes written ahead of the line, enough to keep it busy


class Registers:
    """Accesses happen in the order of the calls. Every method may raise SessionLost or LineLost.

    Addresses are bytes: of the core (`offset_of`) or of the link (`link_offset`).
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def write(self, address: int, words: int | Sequence[int] | NDArray[np.uint32], crc: int = 0) -> int:
        """Words to one register, one after the other. Returns `crc` carried on over the bytes of the messages."""
        array = np.atleast_1d(np.asarray(words, np.int64)).astype(np.uint32)
        for message in write_words(address, array):
            self._session.send(message)
            crc = zlib.crc32(message, crc)
            while self._session.unsent > _AHEAD:
                self._session.step()
        return crc

    def read(self, addresses: Iterable[int]) -> list[int]:
        """One word of each register. Raises BoardError if the board does not answer or refuses."""
        wanted = list(addresses)
        for address in wanted:
            for message in read_words(address, 1):
                self._session.send(message)
        values = [int(self._reply(address)[0]) for address in wanted]
        self._session.settle()
        return values

    def read_array(self, address: int, count: int) -> NDArray[np.uint32]:
        """`count` words of one register, uint32 ``[count]``. Raises BoardError likewise."""
        messages = list(read_words(address, count))
        for message in messages:
            self._session.send(message)
        replies = [self._reply(address) for _ in messages]
        self._session.settle()
        return np.concatenate([np.zeros(0, np.uint32), *replies])

    def scan(self, address: int, count: int) -> None:
        """Has the board read `count` words of one register without sending them. Raises BoardError likewise."""
        messages = list(scan_words(address, count))
        for message in messages:
            self._session.send(message)
        for _ in messages:
            self._reply(address)

    def now(self) -> float:
        """Seconds on the line's clock."""
        return self._session.line.now()

    @property
    def _answering(self) -> float:
        return max(ANSWERING, _TRIPS * self._session.round_trip)

    def wait_sent(self) -> None:
        """Until the board has acknowledged all that was written. Raises BoardError if it stops doing so."""
        session = self._session
        left, end = session.unacknowledged, self.now() + self._answering
        while session.unacknowledged:
            session.step()
            if session.unacknowledged != left:
                left, end = session.unacknowledged, self.now() + self._answering
            elif self.now() > end:
                raise BoardError(
                    f"{session.line.name} does not acknowledge what it is sent within {self._answering:.3g} s; "
                    f"reset the board, or unplug it and plug it in again"
                )

    def wait_idle(self) -> None:
        """Until every image accepted is finished. Raises BoardError if that does not come about."""
        end = self._session.line.now() + self._answering
        while not self.read([offset_of("STATUS")])[0] & 1:
            if self._session.line.now() > end:
                raise BoardError(
                    f"the core at {self._session.line.name} does not become idle within {self._answering:.3g} s after "
                    f"CONTROL.run was cleared; reset the board"
                )

    def _reply(self, address: int) -> NDArray[np.uint32]:
        """Words of the oldest REPLY."""
        session = self._session
        heard, end = session.heard, session.line.now() + self._answering
        while not session.replies:
            session.step()
            if session.heard != heard:
                heard, end = session.heard, session.line.now() + self._answering
            elif session.line.now() > end:
                raise BoardError(
                    f"{session.line.name} does not answer a read of register 0x{address:04X} within "
                    f"{self._answering:.3g} s; reset the board, or unplug it and plug it in again"
                )
        words = np.frombuffer(session.replies.popleft().body, "<u4")
        if words[-1]:
            raise BoardError(
                f"the board refused to read register 0x{address:04X} ({words[-1]} accesses): "
                f"it is busy, or has none there"
            )
        return words[:-1]
