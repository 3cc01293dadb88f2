"""Images to a board and their answers from it, over as many sessions as it takes."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firstspike.link import BoardError
from firstspike_contract import EventSet
from firstspike_contract.link.wire import REFUSAL, RecordKind

from .loading import explained
from .messages import Images, images
from .session import Session, SessionLost

__all__ = ["ATTEMPTS", "Answered", "Traffic"]

ATTEMPTS: Final = 10  # sessions begun for one task, nothing achieved in between, before it is given up
_AHEAD: Final = 8192  # bytes of images prepared ahead of the line


class Answered(NamedTuple):
    """One image's RESULT_PACKET and the beats of its trace, as bytes."""

    packet: bytes
    trace: bytes


class Traffic:
    """Images of one stream at a time. Those of a stream that was left early are still answered, for nobody.

    renew: begins a new session, and loads the board again if it has lost what it held.
    """

    def __init__(self, session: Session, renew: Callable[[], None]) -> None:
        self._session, self._renew = session, renew
        self._awaited = self._abandoned = 0  # images in flight, the abandoned ones first

    def forget(self) -> None:
        """A new session: nothing is in flight."""
        self._awaited = self._abandoned = 0

    def chunks(
        self,
        events: EventSet,
        addresses: int,
        *,
        flags: int,
        timeout: float,
        labels: NDArray[np.int64] | None = None,
        once: bool = False,
    ) -> Iterator[tuple[int, list[Answered]]]:
        """Answers in the order of images, as they come: (number of the first, answers). Each image is answered once.

        labels: int64 ``[N]``, to be sent too. once: no image is sent in a second session, as one that learns must not.
        Raises BoardError: images are refused, no answer within `timeout` seconds, the session is lost again and again.
        SessionLost only if `once`.
        """
        done = attempts = 0
        while done < len(events):
            try:
                if attempts:
                    self._renew()
                source = images(events, addresses, first=done, flags=flags, labels=labels)
                for chunk in self._flow(len(events), done, source, timeout):
                    yield done, chunk
                    done, attempts = done + len(chunk), 0
            except SessionLost:
                if once:
                    raise
                attempts += 1
                if attempts > ATTEMPTS:
                    name = self._session.line.name
                    raise BoardError(
                        f"the board at {name} lost the session {ATTEMPTS} times without a result between"
                    ) from None

    def _flow(self, total: int, first: int, source: Iterator[Images], timeout: float) -> Iterator[list[Answered]]:
        """Images from `first` on in one session."""
        session = self._session
        sent = done = first
        trace = bytearray()
        heard, end = session.heard, session.line.now() + timeout
        try:
            while done < total:
                while sent < total and session.unsent < _AHEAD:
                    message = next(source)
                    session.send(message.data)
                    sent += message.count
                    self._awaited += message.count
                session.step()
                chunk = self._taken(trace, done)
                if chunk:
                    done += len(chunk)
                    yield chunk
                now = session.line.now()
                if chunk or session.heard != heard:
                    heard, end = session.heard, now + timeout
                elif now > end:
                    raise BoardError(
                        f"the board at {session.line.name} gave no result for {timeout:g} s, {self._awaited} images "
                        f"are in flight; reset it, or give it longer: timeout={2 * timeout:g}"
                    )
            session.settle()
        finally:
            self._abandoned, self._awaited = self._abandoned + self._awaited, 0

    def _taken(self, trace: bytearray, number: int) -> list[Answered]:
        """Answers that have come, to image `number` and on. trace: beats of an image that has no result yet."""
        found: list[Answered] = []
        answers = self._session.answers
        while answers:
            kind, status, body = answers.popleft()
            if kind == RecordKind.SPIKES:
                trace += body
            elif kind == RecordKind.REFUSED:
                if self._count(REFUSAL.unpack(body)["count"]):
                    raise BoardError(f"the board refuses to classify: {explained(status)}")
            elif kind == RecordKind.RESULT:
                due = (number + len(found)) & 0xFF
                if self._count(1):
                    if body[0] != due:
                        raise BoardError(
                            f"the board answers image {body[0]} (modulo 256) where {due} is due; "
                            f"close it and open it again"
                        )
                    found.append(Answered(body, bytes(trace)))
                trace.clear()
        return found

    def _count(self, images: int) -> int:
        """So many images are answered. Returns how many of them somebody waits for."""
        abandoned = min(images, self._abandoned)
        self._abandoned -= abandoned
        awaited = min(images - abandoned, self._awaited)
        self._awaited -= awaited
        return awaited
