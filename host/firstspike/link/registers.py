"""Access to a board's registers over a session. Reads wait for their replies, writes do not."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.link.messages import read_messages, scan_messages, write_messages

from .line import BoardError
from .session import Session

__all__ = ["ANSWERING", "SessionRegisters"]

ANSWERING: Final = 2.0  # seconds in which a reply, or at least a part of it, must come
_TRIPS: Final = 20  # round trips in which it must come if they take longer, as with a simulated board
_AHEAD: Final = 2**15  # bytes written ahead of the line, enough to keep it busy


class SessionRegisters:
    """A RegisterAccess to the registers of core and link. Every method may raise TransportLost and LineLost."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting_until = 0.0

    def write(self, address: int, words: NDArray[np.uint32]) -> None:
        """See RegisterAccess. Returns before the board has the words; the guard of a load notices refused ones."""
        for message in write_messages(address, words):
            self._session.send(message)
            while self._session.unsent > _AHEAD:
                self._session.step()

    def read(self, addresses: Sequence[int]) -> list[int]:
        """See RegisterAccess. Raises BoardError if the board does not answer or refuses."""
        for address in addresses:
            for message in read_messages(address, 1):
                self._session.send(message)
        values = [int(self._reply(address)[0]) for address in addresses]
        self._session.settle()
        return values

    def read_words(self, address: int, count: int) -> NDArray[np.uint32]:
        """See RegisterAccess. Raises BoardError if the board does not answer or refuses."""
        replies = self._answers(read_messages(address, count), address)
        return np.concatenate([np.zeros(0, np.uint32), *replies])

    def scan(self, address: int, count: int) -> None:
        """See RegisterAccess. Raises BoardError if the board does not answer or refuses."""
        self._answers(scan_messages(address, count), address)

    def wait(self, waited: int) -> None:
        """See RegisterAccess. Raises BoardError if the core does not become idle in time."""
        now = self._session.line.now()
        if waited == 0:
            self._waiting_until = now + self._answering
        elif now > self._waiting_until:
            raise BoardError(
                f"the core at {self._session.line.name} does not become idle within {self._answering:.3g} s after "
                f"CONTROL.run was cleared; reset the board"
            )

    def flush(self) -> float:
        """See RegisterAccess. Waits until the board has acknowledged all bytes; raises BoardError if it stops."""
        session = self._session
        left, end = session.unacknowledged, session.line.now() + self._answering
        while session.unacknowledged:
            session.step()
            if session.unacknowledged != left:
                left, end = session.unacknowledged, session.line.now() + self._answering
            elif session.line.now() > end:
                raise BoardError(
                    f"{session.line.name} does not acknowledge what it is sent within {self._answering:.3g} s; "
                    f"reset the board, or unplug it and plug it in again"
                )
        return session.line.now()

    @property
    def _answering(self) -> float:
        return max(ANSWERING, _TRIPS * self._session.round_trip)

    def _answers(self, messages: Iterator[bytes], address: int) -> list[NDArray[np.uint32]]:
        """Sends all messages at once and returns the words of the REPLY to each."""
        count = 0
        for message in messages:
            self._session.send(message)
            count += 1
        replies = [self._reply(address) for _ in range(count)]
        self._session.settle()
        return replies

    def _reply(self, address: int) -> NDArray[np.uint32]:
        """Waits for the oldest REPLY and returns its words. Raises BoardError if it is late or reports a refusal."""
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
                f"the core is busy, or has no such register"
            )
        return words[:-1]
