"""Images and their answers over a scripted session: order, tags, refusals, lost sessions and abandoned streams."""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from networks import set_of

from firstspike.link.line import BoardError
from firstspike.link.session import Record
from firstspike.link.traffic import Traffic
from firstspike.link.transport import ATTEMPTS, Answered, TransportLost
from firstspike_contract import EVENT, EventSet
from firstspike_contract.core.stream_format import TAGS
from firstspike_contract.link.wire import LABELLED, MESSAGE, REFUSAL, Configuration, RecordKind


def spikes(count: int) -> EventSet:
    """Returns images of one event at step 1, each of which travels in a message of its own."""
    return set_of([np.array([(1, n % 8)], EVENT) for n in range(count)])


def result(tag: int) -> Record:
    return Record(RecordKind.RESULT, 0, bytes([tag % TAGS]) + bytes(43))


def trace(beats: bytes) -> Record:
    return Record(RecordKind.SPIKES, 0, beats)


def refused(state: int, count: int) -> Record:
    return Record(RecordKind.REFUSED, state, REFUSAL.to_bytes(count=count))


class Scripted:
    """A mock of the session and of its line, as Traffic uses them; `step` runs whenever the host waits.

    sent: header of each message, as field name -> value.
    """

    name = "the line"

    def __init__(self, step: Callable[["Scripted"], None]) -> None:
        self.line, self._step = self, step
        self.answers: deque[Record] = deque()
        self.sent: list[dict[str, int]] = []
        self.unsent = self.heard = self.settled = 0
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def send(self, data: bytes) -> None:
        self.sent.append(MESSAGE.from_bytes(data))

    def step(self) -> None:
        self._step(self)

    def settle(self) -> None:
        self.settled += 1

    def answer(self, *records: Record) -> None:
        self.answers.extend(records)
        self.heard += len(records)


def answers_all(session: Scripted) -> None:
    """Answers each image that was sent, once."""
    for message in session.sent[session.heard :]:
        session.answer(result(message["tag"]))


def chunks(session: Scripted, events: EventSet, traffic: Traffic | None = None, **how: Any) -> list[Any]:
    traffic = traffic or Traffic(session)  # type: ignore[arg-type]
    options: dict[str, Any] = {"flags": 0, "timeout": 1.0, "renew": lambda: None} | how
    return list(traffic.chunks(events, 8, **options))


@pytest.mark.parametrize("count", [0, 1, 2, TAGS, TAGS + 1, 2 * TAGS + 3])
def test_every_image_is_answered_once_and_in_order(count: int) -> None:
    session = Scripted(answers_all)
    found = chunks(session, spikes(count))
    assert [message["tag"] for message in session.sent] == [n % TAGS for n in range(count)]
    assert [first for first, _ in found] == [sum(len(chunk) for _, chunk in found[:n]) for n in range(len(found))]
    assert [answered.packet[0] for _, chunk in found for answered in chunk] == [n % TAGS for n in range(count)]
    assert session.settled == (count > 0)


def test_flags_and_labels_travel_with_the_images() -> None:
    session = Scripted(answers_all)
    chunks(session, spikes(2), flags=2, labels=np.array([7, 9]))
    assert [(message["flags"] & 2, message["value"]) for message in session.sent] == [(2, 7), (2, 9)]
    assert not any(message["flags"] & LABELLED for message in session.sent), "the header of EVENTS has the label"


def test_images_are_prepared_only_a_little_ahead_of_the_line() -> None:
    def slow(session: Scripted) -> None:
        answers_all(session)
        session.unsent = 0

    session = Scripted(slow)
    plain = session.send

    def send(data: bytes) -> None:
        plain(data)
        session.unsent += 8192

    session.send = send  # type: ignore[method-assign]
    assert [len(chunk) for _, chunk in chunks(session, spikes(3))] == [1, 1, 1]


def test_beats_of_a_trace_belong_to_the_next_result() -> None:
    script = deque([[trace(b"ab")], [trace(b"cd"), result(0), trace(b"ef")], [result(1)], [result(2)]])
    session = Scripted(lambda session: session.answer(*script.popleft()))
    found = [answered for _, chunk in chunks(session, spikes(3)) for answered in chunk]
    assert [answered.trace for answered in found] == [b"abcd", b"ef", b""]
    assert found[2] == Answered(packet=result(2).body, trace=b"")


def test_an_answer_to_another_image_is_refused() -> None:
    session = Scripted(lambda session: session.answer(result(1)))
    with pytest.raises(BoardError) as error:
        chunks(session, spikes(2))
    assert str(error.value) == ("the board answers image 1 (modulo 256) where 0 is due; close it and open it again")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            Configuration.HALTED,
            "the board refuses to classify: the configuration is valid, but CONTROL.run is 0; write 1 to CONTROL",
        ),
        (
            Configuration.EMPTY,
            "the board refuses to classify: nothing was loaded since reset; load it again: board.load(deployment), or "
            "firstspike load DIR",
        ),
    ],
)
def test_a_refusal_is_an_error_with_its_reason(state: int, message: str) -> None:
    session = Scripted(lambda session: session.answer(refused(state, 1)))
    with pytest.raises(BoardError) as error:
        chunks(session, spikes(2))
    assert str(error.value) == message


def test_a_board_that_does_not_answer_is_an_error() -> None:
    def wait(session: Scripted) -> None:
        session.time += 0.25

    session = Scripted(wait)
    with pytest.raises(BoardError) as error:
        chunks(session, spikes(3), timeout=1.0)
    assert session.time == 1.25, "a wait of exactly the time-out must not fail"
    assert str(error.value) == (
        "the board at the line gave no result for 1 s, 3 images are in flight; reset it, or give it longer: timeout=2"
    )


def test_bytes_of_a_trace_restart_the_time_out() -> None:
    """The time-out counts from the last byte, so a board that sends a long trace does not reach it."""

    def step(session: Scripted) -> None:
        session.time += 0.75
        session.answer(trace(b"ab") if session.time < 6 else result(0))

    assert len(chunks(Scripted(step), spikes(1), timeout=1.0)) == 1


def lost_at(*steps: int) -> Callable[[Scripted], None]:
    """Returns a step that answers one image, and loses the session at the given calls."""
    count = 0

    def step(session: Scripted) -> None:
        nonlocal count
        count += 1
        if count in steps:
            session.answers.clear()
            raise TransportLost
        session.answer(result(session.sent[0]["tag"]))
        del session.sent[0]

    return step


def test_lost_images_are_sent_again_and_no_others() -> None:
    session, renewed = Scripted(lost_at(3)), []
    traffic = Traffic(session)  # type: ignore[arg-type]

    def renew() -> None:
        renewed.append(len(session.sent))
        session.sent.clear()
        traffic.forget()

    found = chunks(session, spikes(5), traffic, renew=renew)
    assert [(first, chunk[0].packet[0]) for first, chunk in found] == [(n, n) for n in range(5)]
    assert renewed == [3], "two of the five images must have been answered"


def test_learning_images_are_never_sent_twice() -> None:
    renewed: list[None] = []
    with pytest.raises(TransportLost):
        chunks(Scripted(lost_at(2)), spikes(3), renew=lambda: renewed.append(None), once=True)
    assert renewed == []


def test_a_session_lost_ten_times_in_a_row_is_an_error() -> None:
    renewed: list[None] = []
    session = Scripted(lost_at(*range(1, 99)))
    with pytest.raises(BoardError) as error:
        chunks(session, spikes(1), renew=lambda: renewed.append(None))
    assert str(error.value) == "the board at the line lost the session 10 times without a result in between"
    assert len(renewed) == ATTEMPTS


def test_attempts_are_counted_from_the_last_answer() -> None:
    """The host does not give up after ten losses before an answer and ten after it."""
    session = Scripted(lost_at(*range(1, ATTEMPTS + 1), *range(ATTEMPTS + 2, 2 * ATTEMPTS + 2)))
    traffic = Traffic(session)  # type: ignore[arg-type]

    def renew() -> None:
        session.sent.clear()
        traffic.forget()

    assert len(chunks(session, spikes(2), traffic, renew=renew)) == 2


def test_answers_to_an_abandoned_stream_are_discarded() -> None:
    session = Scripted(answers_all)
    traffic = Traffic(session)  # type: ignore[arg-type]
    stream = traffic.chunks(spikes(5), 8, flags=0, timeout=1.0, renew=lambda: None)
    session._step = lambda session: session.answer(result(0))
    next(stream)
    stream.close()  # four images are in flight
    session.answer(result(1), trace(b"old"), result(2), refused(Configuration.CHANGED, 2))
    script = deque([[], [trace(b"new"), result(0)]])
    session._step = lambda session: session.answer(*script.popleft())
    (only,) = chunks(session, spikes(1), traffic)
    assert only == (0, [Answered(packet=result(0).body, trace=b"new")])


def test_a_stream_abandoned_before_its_first_answer_leaves_all_of_them() -> None:
    session = Scripted(lambda session: None)
    traffic = Traffic(session)  # type: ignore[arg-type]

    def interrupt(session: Scripted) -> None:
        raise KeyboardInterrupt

    session._step = interrupt
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            chunks(session, spikes(2), traffic)
    session._step = lambda session: None
    session.answer(*[result(9)] * 4, result(0))
    (only,) = chunks(session, spikes(1), traffic)
    assert only == (0, [Answered(packet=result(0).body, trace=b"")])


def test_a_refusal_beyond_the_abandoned_images_counts() -> None:
    session = Scripted(lambda session: session.answer(result(0)))
    traffic = Traffic(session)  # type: ignore[arg-type]
    stream = traffic.chunks(spikes(3), 8, flags=0, timeout=1.0, renew=lambda: None)
    next(stream)
    stream.close()  # two images are in flight
    session._step = lambda session: session.answer(refused(Configuration.DAMAGED, 3))
    with pytest.raises(BoardError, match=r"^the board refuses to classify: the bytes that arrived differ from those "):
        chunks(session, spikes(1), traffic)


def test_a_new_session_has_no_abandoned_images() -> None:
    session = Scripted(lambda session: session.answer(result(0)))
    traffic = Traffic(session)  # type: ignore[arg-type]
    stream = traffic.chunks(spikes(3), 8, flags=0, timeout=1.0, renew=lambda: None)
    next(stream)
    stream.close()
    traffic.forget()
    ((first, chunk),) = chunks(session, spikes(1), traffic)
    assert (first, len(chunk)) == (0, 1)
