"""Carries out messages and answers with records: a model of the gateware's dispatcher and reporter.

Tested by tests/host/virtual/test_model_board.py.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EVENT, EventSet, FirstspikeError
from firstspike_contract.core.register_map import LINK, LINK_BASE, ConfigCommand
from firstspike_contract.core.stream_format import TAGS, Header
from firstspike_contract.link import wire
from firstspike_contract.link.wire import (
    LABEL,
    LABELLED,
    MESSAGE,
    NAME,
    RECORD,
    REFUSAL,
    WORD,
    Configuration,
    MessageKind,
    RecordKind,
    is_message,
)

from .answers import answers_of
from .core_model import CoreModel
from .guard_model import GuardModel

__all__ = ["BadMessage", "DispatcherModel"]


_COUNTS: Final = 2**32  # counters count modulo this number


class BadMessage(Exception):
    """The board received an invalid message and must end the session."""


@dataclass(kw_only=True)
class _Waiting:
    """Images that are collected for one run of the model."""

    tags: list[int] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    events: list[NDArray[np.void]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)


class DispatcherModel:
    """A model of the dispatcher: `work` takes the bytes received, and `say` is called with the records to send.

    counters: values of the link's registers, by name. ModelBoard adds those of the session.
    """

    def __init__(self, core: CoreModel, say: Callable[[bytes], None], fixed: dict[str, int]) -> None:
        """fixed: values of the link's constant registers, by name."""
        self.core, self._say = core, say
        self.guard = GuardModel()
        self.counters = dict.fromkeys((register.name for register in LINK), 0) | fixed
        self.watchdog = LINK["WATCHDOG"].reset
        self.forget()

    def forget(self) -> None:
        """Prepares for a new session: drops a message that has not arrived whole, and the images collected."""
        self._head: dict[str, int] | None = None
        self._left = 0  # what the message still lacks: bytes (WRITE, EVENTS) or images (BITMAPS)
        self._body = b""
        self._waiting = _Waiting()

    def work(self, data: bytearray) -> int:
        """Carries out the messages in `data`. Returns the number of bytes used. Raises BadMessage."""
        at = 0
        while True:
            if self._head is None:
                if len(data) - at < MESSAGE.size:
                    break
                self._begin(data[at : at + MESSAGE.size])
                at += MESSAGE.size
            used = self._go_on(memoryview(data)[at:])
            at += used
            if self._head is not None and not used:
                break
        self._classify()
        return at

    def _begin(self, header: bytearray) -> None:
        head = self._head = MESSAGE.from_bytes(header)
        kind = head["kind"]
        if not is_message(kind, head["length"]):
            self.counters["MESSAGES_BAD"] += 1
            self._classify()
            raise BadMessage(f"a message of kind {kind} and length {head['length']}")
        self._left = head["count"] if kind == MessageKind.BITMAPS else head["length"]
        if kind == MessageKind.EVENTS and head["flags"] & LABELLED:
            self._left += LABEL.size
        self._body = b""
        if kind not in (MessageKind.BITMAPS, MessageKind.EVENTS):
            self._classify()  # register accesses and images take effect in the order in which they came
        if kind == MessageKind.WRITE and head["value"] < LINK_BASE:
            self.guard.passed(bytes(header))

    def _go_on(self, data: memoryview) -> int:
        """Uses bytes of the message's body and returns their number; sets `_head` to None at the end of the message."""
        head = self._head
        assert head is not None
        kind = head["kind"]
        if kind in (MessageKind.READ, MessageKind.SCAN):
            self._read(head)
            used = self._left = 0
        elif kind == MessageKind.WRITE:
            used = min(self._left, len(data) // WORD * WORD)
            self._write(head["value"], bytes(data[:used]))
            self._left -= used
        elif kind == MessageKind.EVENTS:
            used = min(self._left, len(data))
            self._body += bytes(data[:used])
            self._left -= used
            if not self._left:
                self._events(head)
        else:
            size = head["length"] + (LABEL.size if head["flags"] & LABELLED else 0)
            count = min(self._left, len(data) // size) if size else self._left
            if count:
                self._bitmaps(head, np.frombuffer(data[: count * size], np.uint8).reshape(count, size))
            self._left -= count
            used = count * size
        if self._left == 0:
            self._head = None
        return used

    def _write(self, address: int, body: bytes) -> None:
        words = np.frombuffer(body, "<u4")
        if address < LINK_BASE:
            self.guard.passed(body)
            refused = self.core.write(address, words)
            self.guard.wrote(address, len(words), refused)
            self.counters["WRITES_REFUSED"] += refused
        else:
            for word in words.tolist():
                self._write_link(address, word)

    def _write_link(self, address: int, word: int) -> None:
        register, guard = LINK.at(address), self.guard
        name = register.name if register else ""
        if name == "CONFIG" and word == ConfigCommand.BEGIN:
            guard.begin()
        elif name == "CONFIG" and word == ConfigCommand.END:
            guard.end(self._whole())
        elif name == "CONFIG_CRC":
            guard.expected = word
        elif name in ("CONFIG_NAME0", "CONFIG_NAME1"):
            half = "low" if name == "CONFIG_NAME0" else "high"
            guard.name = NAME.pack(**{**NAME.unpack(guard.name), half: word})
        elif name == "WATCHDOG":
            self.watchdog = word

    def _whole(self) -> bool:
        try:
            self.core.network()
        except FirstspikeError:
            return False
        return True

    def _read(self, head: dict[str, int]) -> None:
        address, count = head["value"], head["length"] // WORD
        if address < LINK_BASE:
            words, refused = self.core.read(address, count)
        else:
            words, refused = np.full(count, self._read_link(address), np.uint32), 0
        shown = words if head["kind"] == MessageKind.READ else words[:0]
        self._record(RecordKind.REPLY, 0, shown.astype("<u4").tobytes() + refused.to_bytes(WORD, "little"))

    def _read_link(self, address: int) -> int:
        register, guard = LINK.at(address), self.guard
        if register is None:
            return 0
        name = NAME.unpack(guard.name)
        special: dict[str, int] = {
            "CONFIG": LINK["CONFIG"].shown.pack(state=guard.now(self.core.running)),
            "CONFIG_CRC": guard.crc,
            "CONFIG_WRITTEN": guard.written,
            "CONFIG_NAME0": name["low"],
            "CONFIG_NAME1": name["high"],
            "WATCHDOG": self.watchdog,
        }
        return special.get(register.name, self.counters[register.name]) % _COUNTS

    def _bitmaps(self, head: dict[str, int], array: NDArray[np.uint8]) -> None:
        """Takes the next images of a BITMAPS message: bytes ``[n, length]``, each after two label bytes if labelled."""
        first, count = head["tag"] + head["count"] - self._left, len(array)
        tags = [(first + k) % TAGS for k in range(count)]
        labels = [head["value"]] * count
        if head["flags"] & LABELLED:
            labels = array[:, : LABEL.size].copy().view(LABEL.dtype)["label"][:, 0].tolist()
            array = array[:, LABEL.size :]
        image, x = np.nonzero(np.unpackbits(array, axis=1, bitorder="little"))
        events = np.zeros(len(x), EVENT)
        events["x"] = x
        self._take(tags, head["flags"] | Header.BITMAP, labels, events, np.bincount(image, minlength=count).tolist())

    def _events(self, head: dict[str, int]) -> None:
        label, body = head["value"], self._body
        if head["flags"] & LABELLED:
            label, body = LABEL.from_bytes(body)["label"], body[LABEL.size :]
        array = np.frombuffer(body, wire.EVENT.dtype, len(body) // wire.EVENT.size)
        events = np.zeros(len(array), EVENT)
        events["t"], events["x"] = array["t"], array["x"]
        self._take([head["tag"]], head["flags"] & ~Header.BITMAP, [label], events, [len(events)])

    def _take(
        self, tags: list[int], flags: int, labels: list[int], events: NDArray[np.void], counts: list[int]
    ) -> None:
        state = self.guard.now(self.core.running)
        if state != Configuration.VALID:
            self._classify()
            self.counters["IMAGES_REFUSED"] += len(tags)
            for tag in tags:
                self._record(RecordKind.REFUSED, state, REFUSAL.to_bytes(tag=tag, count=1))
            return
        waiting = self._waiting
        waiting.tags += tags
        waiting.flags += [flags] * len(tags)
        waiting.labels += labels
        waiting.events.append(events)
        waiting.counts += counts

    def _classify(self) -> None:
        waiting = self._waiting
        if not waiting.tags:
            return
        self._waiting = _Waiting()
        self.counters["IMAGES_TAKEN"] += len(waiting.tags)
        labels, flags = np.array(waiting.labels, np.int64), np.array(waiting.flags)
        events = EventSet(
            events=np.concatenate(waiting.events),
            offsets=np.concatenate([[0], np.cumsum(waiting.counts)]),
            labels=labels,
        )
        learns = (flags & Header.LEARN != 0) & self.core.learns(labels)
        # the model takes images in runs of one kind; see `_answer` for the kinds
        kinds = np.where(learns, 1 + (flags & Header.SPIKES != 0), 0)
        edges = np.flatnonzero(np.diff(kinds, prepend=-1, append=-1))
        for lo, hi in itertools.pairwise(edges.tolist()):
            self._answer(events.part(lo, hi), waiting, slice(lo, hi), int(kinds[lo]))

    def _answer(self, events: EventSet, waiting: _Waiting, part: slice, kind: int) -> None:
        """Answers images of one kind. kind: 0 classify, 1 learn, 2 learn and send the spikes."""
        triggered = None
        if kind:
            batch, triggered = self.core.learn(events, times=kind == 2)
        else:
            batch = self.core.classify(events)
        self._say(answers_of(batch, waiting.tags[part], waiting.flags[part], waiting.labels[part], triggered))

    def _record(self, kind: RecordKind, status: int, body: bytes) -> None:
        self._say(RECORD.to_bytes(kind=kind, status=status, length=len(body)) + body)
