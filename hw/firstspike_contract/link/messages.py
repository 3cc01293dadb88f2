"""Messages to a board: register accesses and images, as bytes of the stream (wire.MESSAGE and a body)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.arithmetic.events import EventSet
from firstspike_contract.core.stream_format import TAGS, Header

from .wire import EVENT, LABEL, LABELLED, MESSAGE, MessageKind

__all__ = ["WORDS_MAX", "Images", "images", "read_messages", "scan_messages", "write_messages"]

WORDS_MAX: Final = 16_000  # words of one WRITE or SCAN: a message's length has 16 bits
READ_MAX: Final = 500  # words of one READ: its REPLY must fit the host's window
_AT_ONCE: Final = 32  # images in one BITMAPS message, which is sent again as a whole if the session is lost
_CHUNK: Final = 1024  # images whose events are turned into bitmaps together
_NOWHERE: Final = EVENT["x"].largest  # address of an event whose t does not fit a byte: the core refuses it


@dataclass(frozen=True)
class Images:
    """A message with `count` images, as bytes."""

    count: int
    data: bytes


def write_messages(address: int, words: NDArray[np.uint32]) -> Iterator[bytes]:
    """Yields WRITE messages that bring all words, one after the other, to one register."""
    for at in range(0, len(words), WORDS_MAX):
        body = words[at : at + WORDS_MAX].astype("<u4").tobytes()
        yield MESSAGE.to_bytes(kind=MessageKind.WRITE, length=len(body), value=address) + body


def read_messages(address: int, count: int) -> Iterator[bytes]:
    """Yields READ messages for `count` words of one register. A REPLY answers each message."""
    for at in range(0, count, READ_MAX):
        words = min(READ_MAX, count - at)
        yield MESSAGE.to_bytes(kind=MessageKind.READ, length=4 * words, value=address)


def scan_messages(address: int, count: int) -> Iterator[bytes]:
    """Yields SCAN messages for `count` words of one register. A REPLY answers each message."""
    for at in range(0, count, WORDS_MAX):
        words = min(WORDS_MAX, count - at)
        yield MESSAGE.to_bytes(kind=MessageKind.SCAN, length=4 * words, value=address)


def images(
    events: EventSet, addresses: int, *, first: int = 0, flags: int = 0, labels: NDArray[np.int64] | None = None
) -> Iterator[Images]:
    """Yields messages with the images of a set, in order, from image `first` on. A tag is an image's number modulo 256.

    addresses: number of external addresses of the network.
    flags:     Header flags of every image.
    labels:    int64 ``[N]``, sent with the images; None sends label 0.

    An image travels as a bitmap if all its events are at step 0, each address at most once; otherwise as events.
    """
    for lo in range(first, len(events), _CHUNK):
        hi = min(lo + _CHUNK, len(events))
        plain, bits = _bitmaps(events, lo, hi, addresses)
        at = lo
        while at < hi:
            run = at
            while run < hi and run - at < _AT_ONCE and plain[run - lo]:
                run += 1
            if run > at:
                yield Images(run - at, _bitmap_message(bits[at - lo : run - lo], at, flags, labels))
            else:
                run = at + 1
                yield Images(1, _event_message(events.image(at), at, flags, labels))
            at = run


def _bitmaps(events: EventSet, lo: int, hi: int, addresses: int) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Returns which of images lo .. hi - 1 are bitmaps ``[n]``, and the bytes of all ``[n, ceil(addresses / 8)]``."""
    n = hi - lo
    taken = events.events[events.offsets[lo] : events.offsets[hi]]
    image = np.repeat(np.arange(n), np.diff(events.offsets[lo : hi + 1]))
    bright = np.zeros((n, addresses), np.uint8)
    odd = (taken["t"] != 0) | (taken["x"] >= addresses)
    bright[image[~odd], taken["x"][~odd]] = 1
    plain = (bright.sum(axis=1) == np.bincount(image, minlength=n)) & (np.bincount(image[odd], minlength=n) == 0)
    return plain, np.packbits(bright, axis=1, bitorder="little")


def _bitmap_message(bits: NDArray[np.uint8], first: int, flags: int, labels: NDArray[np.int64] | None) -> bytes:
    count, length = bits.shape
    if labels is not None:
        flags |= LABELLED
        own = np.ascontiguousarray(labels[first : first + count], LABEL.dtype["label"]).view(np.uint8)
        own = own.reshape(count, LABEL.size)
        bits = np.concatenate([own, bits], axis=1)
    head = MESSAGE.to_bytes(kind=MessageKind.BITMAPS, flags=flags, tag=first % TAGS, count=count, length=length)
    return head + bits.tobytes()


def _event_message(image: NDArray[np.void], number: int, flags: int, labels: NDArray[np.int64] | None) -> bytes:
    t, x = image["t"].astype(np.int64), image["x"].astype(np.int64)
    if len(t) == 0 or (np.diff(t) >= 0).all():
        flags |= Header.ORDERED
    body = np.zeros(len(image), EVENT.dtype)
    body["t"] = np.minimum(t, EVENT["t"].largest)
    body["x"] = np.where(t <= EVENT["t"].largest, x, _NOWHERE)
    label = 0 if labels is None else int(labels[number])
    head = MESSAGE.to_bytes(
        kind=MessageKind.EVENTS, flags=flags, tag=number % TAGS, count=1, length=body.nbytes, value=label
    )
    return head + body.tobytes()
