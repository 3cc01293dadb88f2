"""The transport that carries a session of frames over a line (docs/protocol.md).

Tested by tests/host/board/test_board.py.
"""

from typing import Any

from .line import Line
from .registers import SessionRegisters
from .session import Session
from .traffic import Traffic
from .transport import Identity

__all__ = ["FramedTransport"]


class FramedTransport:
    """A Transport over a line. line: already open; closing the transport closes it.

    Raises BoardError if nothing answers, another device answers, or the board has another version.
    """

    def __init__(self, line: Line) -> None:
        self.name, self._line = line.name, line
        self._session = Session(line)
        self.registers, self.images = SessionRegisters(self._session), Traffic(self._session)
        self._session.open()

    @property
    def identity(self) -> Identity:
        """See Transport."""
        welcome = self._session.welcome
        return Identity(clock=welcome["clock"], configuration=welcome["configuration"], name=welcome["name"])

    def reopen(self) -> None:
        """See Transport."""
        self._session.open()
        self.images.forget()

    def now(self) -> float:
        """See Transport."""
        return self._line.now()

    def bulk(self, on: bool) -> None:
        """See Transport."""
        self._line.bulk(on)

    def figures(self) -> dict[str, Any]:
        """See Transport."""
        session = self._session
        return {
            **vars(session.counters),
            "damaged": session.damaged,
            "sessions": session.opened,
            "reconnects": session.reconnects,
        }

    @property
    def sent_bytes(self) -> int:
        """See Transport."""
        return self._session.counters.bytes_sent

    def close(self) -> None:
        """See Transport."""
        self._line.close()
