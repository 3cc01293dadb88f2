"""The streams of images and results in 32-bit little-endian beats, and numpy code that packs and unpacks them."""

from enum import IntFlag, auto
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.arithmetic.events import EVENT
from firstspike_contract.arithmetic.results import RESULT
from firstspike_contract.common.errors import FirstspikeError
from firstspike_contract.common.layout import Field, Layout

__all__ = [
    "BEAT_BITS",
    "EVENT_BEAT",
    "IMAGE_HEADER",
    "RESULT_BEATS",
    "RESULT_PACKET",
    "TAGS",
    "Header",
    "ResultFlag",
    "pack_bitmap",
    "pack_image",
    "pack_result",
    "unpack_bitmap",
    "unpack_result",
]

BEAT_BITS: Final = 32


class Header(IntFlag):
    """Bits of the header's flags byte."""

    LEARN = auto()  # this image may change weights (docs/learning.md); ignored by a core that does not learn
    SPIKES = auto()  # trace this image: return its spikes
    RUN_ON = auto()  # walk to T-1 after the decision; class, step and counts stay those of the decision
    ORDERED = auto()  # event times do not fall within the image, so work may begin before TLAST
    BITMAP = auto()  # beats hold a bit for each address instead of events; a set bit is an event of step 0


class ResultFlag(IntFlag):
    """Bits of the result's flags byte."""

    SILENT = auto()
    TIE = auto()
    EXACT_TIE = auto()
    LATE = auto()  # the image was marked ORDERED and was not; its late events were refused
    TRIGGERED = auto()  # the learning image triggered: weights change after this result


IMAGE_HEADER: Final = Layout(
    "First beat of an image",
    Field(name="flags", bits=8, doc="Header"),
    Field(name="tag", bits=8, doc="returned with the result"),
    Field(name="label", bits=16, doc="class of the image, returned with the result"),
)
TAGS: Final = 1 + IMAGE_HEADER["tag"].largest  # number of tags: an image's tag is its number modulo this

EVENT_BEAT: Final = Layout(
    "Beat of an event",
    Field(name="t", bits=16, doc="time code"),
    Field(name="x", bits=16, doc="external address"),
)

RESULT_PACKET: Final = Layout(
    "Result packet",
    Field(name="tag", bits=8, doc="tag of the image's header"),
    Field(name="flags", bits=8, doc="ResultFlag"),
    Field(name="step", bits=16, doc="D, the step of the decision"),
    Field(name="class", bits=16, doc="the answer"),
    Field(name="label", bits=16, doc="label of the image's header"),
    Field(name="spikes_input", bits=32, doc="number of spikes up to step D, as in the next three fields"),
    Field(name="spikes_hidden", bits=32),
    Field(name="spikes_output", bits=32),
    Field(name="spikes_constant", bits=32),
    Field(name="events_dropped", bits=32, doc="number of events of dropped inputs, in the whole image"),
    Field(name="events_refused", bits=32, doc="number of events out of range, repeated or late, in the whole image"),
    Field(name="cycles", bits=32, doc="clock cycles from the start of the image until the next may start"),
    Field(name="latency", bits=32, doc="clock cycles from the edge that took TLAST to this packet's first beat"),
    Field(name="rows_read", bits=32, doc="weight rows read by all stages, also beyond the decision"),
)
RESULT_BEATS: Final = RESULT_PACKET.bits // BEAT_BITS  # the last beat has TLAST

_MARKS: Final = (("silent", ResultFlag.SILENT), ("tie", ResultFlag.TIE), ("exact_tie", ResultFlag.EXACT_TIE))


def pack_image(events: NDArray[np.void], *, flags: int = 0, tag: int = 0, label: int = 0) -> NDArray[np.uint32]:
    """Returns the beats of an image of EVENT ``[E]``, uint32 ``[1 + E]``. TLAST belongs to the last beat."""
    beats = np.empty(1 + len(events), np.uint32)
    beats[0] = _header(flags & ~Header.BITMAP, tag, label)
    beats[1:] = np.ascontiguousarray(events, EVENT).view("<u4")
    return beats


def pack_bitmap(bright: NDArray[np.bool_], *, flags: int = 0, tag: int = 0, label: int = 0) -> NDArray[np.uint32]:
    """Returns the beats of a bitmap image, uint32 ``[1 + ceil(addresses / 32)]``.

    bright: bool ``[addresses]``, which addresses have an event at step 0. Bit i of beat 1 + k is address 32 k + i.
    """
    padded = np.zeros(-(-len(bright) // 32) * 32, np.uint8)
    padded[: len(bright)] = bright
    bits = np.packbits(padded, bitorder="little").view("<u4")
    return np.concatenate([[_header(flags | Header.BITMAP, tag, label)], bits]).astype(np.uint32)


def unpack_bitmap(beats: NDArray[np.uint32]) -> NDArray[np.void]:
    """Returns the events of a bitmap image in ascending addresses, EVENT ``[E]``. beats: with the header."""
    bits = np.unpackbits(np.ascontiguousarray(beats[1:], "<u4").view(np.uint8), bitorder="little")
    events = np.zeros(int(bits.sum()), EVENT)
    events["x"] = np.flatnonzero(bits)
    return events


def unpack_result(beats: NDArray[np.uint32]) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Returns N packets as (records of RESULT_PACKET ``[N]``, RESULT ``[N]``). beats: uint32 ``[N * RESULT_BEATS]``.

    Raises FirstspikeError if the last packet is incomplete.
    """
    if len(beats) % RESULT_BEATS:
        raise FirstspikeError(f"{len(beats)} beats are not a whole number of result packets of {RESULT_BEATS} beats")
    packets = np.ascontiguousarray(beats, "<u4").view(RESULT_PACKET.dtype)
    results = np.zeros(len(packets), RESULT)
    for name in RESULT.names or ():
        if name in (packets.dtype.names or ()):
            results[name] = packets[name]
    for name, flag in _MARKS:
        results[name] = (packets["flags"] & flag) != 0
    return packets, results


def pack_result(packets: NDArray[np.void], results: NDArray[np.void]) -> None:
    """Writes counts, decision and flags of RESULT ``[N]`` into packets, in place. packets: RESULT_PACKET ``[N]``."""
    for name in RESULT.names or ():
        if name in (packets.dtype.names or ()):
            packets[name] = results[name]
    for name, flag in _MARKS:
        packets["flags"] |= np.where(results[name], np.uint8(flag), np.uint8(0))


def _header(flags: int, tag: int, label: int) -> int:
    try:
        return int(IMAGE_HEADER.pack(flags=int(flags), tag=tag, label=label))
    except ValueError:
        raise FirstspikeError(
            f"a header holds a tag in 0..255 and a label in 0..65535, not {tag} and {label}"
        ) from None
