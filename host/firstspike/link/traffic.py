"""Sends images to a board and receives their answers, over several sessions if one is lost."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EventSet
from firstspike_contract.core.stream_format import TAGS
from firstspike_contract.link.guarded import explained
from firstspike_contract.link.messages import Images, images
from firstspike_contract.link.wire import REFUSAL, RecordKind

from .line import BoardError
from .session import Session
from .transport import ATTEMPTS, Answered, TransportLost

__all__ = ["Traffic"]

_AHEAD: Final = 8192  # bytes of images prepared ahead of the line


class Traffic:
    """An ImageStream over sessions, for one stream at a time.

    The answers to images of an abandoned stream are read and discarded.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._awaited = self._abandoned = 0  # images in flight, the abandoned ones first

    def forget(self) -> None:
        """Prepares for a new session, in which no image is in flight."""
        self._awaited = self._abandoned = 0

    def chunks(
        self,
        events: EventSet,
        addresses: int,
        *,
        flags: int,
        timeout: float,
        renew: Callable[[], None],
        labels: NDArray[np.int64] | None = None,
        once: bool = False,
    ) -> Iterator[tuple[int, list[Answered]]]:
        """See ImageStream. Images that are lost with a session are sent again in the next one, unless `once` is set."""
        done = attempts = 0
        while done < len(events):
            try:
                if attempts:
                    renew()
                source = images(events, addresses, first=done, flags=flags, labels=labels)
                for chunk in self._flow(len(events), done, source, timeout):
                    yield done, chunk
                    done, attempts = done + len(chunk), 0
            except TransportLost:
                if once:
                    raise
                attempts += 1
                if attempts > ATTEMPTS:
                    name = self._session.line.name
                    raise BoardError(
                        f"the board at {name} lost the session {ATTEMPTS} times without a result in between"
                    ) from None

    def _flow(self, total: int, first: int, source: Iterator[Images], timeout: float) -> Iterator[list[Answered]]:
        """Streams the images from `first` on in one session, and yields their answers."""
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
        """Takes the answers that were received. number: the image whose answer is due.

        trace: trace beats of an image whose result has not come; they are kept here between calls.
        """
        found: list[Answered] = []
        answers = self._session.answers
        while answers:
            kind, status, body = answers.popleft()
            if kind == RecordKind.SPIKES:
                trace += body
            elif kind == RecordKind.REFUSED:
                if self._count(REFUSAL.from_bytes(body)["count"]):
                    raise BoardError(f"the board refuses to classify: {explained(status)}")
            elif kind == RecordKind.RESULT:
                due = (number + len(found)) % TAGS
                if self._count(1):
                    if body[0] != due:  # the tag
                        raise BoardError(
                            f"the board answers image {body[0]} (modulo 256) where {due} is due; "
                            f"close it and open it again"
                        )
                    found.append(Answered(body, bytes(trace)))
                trace.clear()
        return found

    def _count(self, images: int) -> int:
        """Counts answered images. Returns the number of those that do not belong to an abandoned stream."""
        abandoned = min(images, self._abandoned)
        self._abandoned -= abandoned
        awaited = min(images - abandoned, self._awaited)
        self._awaited -= awaited
        return awaited
