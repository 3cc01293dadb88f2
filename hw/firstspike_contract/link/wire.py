"""The wire protocol between host and board, written down once: frames, sessions, messages, records (docs/protocol.md).

Three layers. A *frame* is COBS-coded bytes between zero bytes, under a CRC-32. A *session* makes of frames one reliable
stream of bytes in each direction: what is lost or damaged is sent again from the byte that the other side names. In the
streams travel *messages* to the board and *records* from it, cut into frames anywhere.
"""

import zlib
from enum import IntEnum
from typing import Final, NamedTuple, Self

import numpy as np

from firstspike_contract.common.layout import Field, Layout
from firstspike_contract.core.config import CoreConfig
from firstspike_contract.core.unloading import identity

__all__ = [
    "BUFFER",
    "CRC",
    "DELIMITER",
    "EVENT",
    "FRAME",
    "FRAME_KIND",
    "FROM_BOARD",
    "HELLO",
    "HOST_BUFFER",
    "LABEL",
    "LABELLED",
    "LAYOUTS",
    "MAGIC",
    "MESSAGE",
    "NAME",
    "PAYLOAD_MAX",
    "PROTOCOL",
    "READ_MAX",
    "RECORD",
    "REFUSAL",
    "WELCOME",
    "WORD",
    "Configuration",
    "Frame",
    "FrameKind",
    "MessageKind",
    "Reason",
    "RecordKind",
    "build_id",
    "is_message",
    "markdown",
    "parse_frame",
]

PROTOCOL: Final = 1  # version; hello and welcome keep their layout in every version
DELIMITER: Final = b"\0"  # between frames; COBS keeps it out of them
WORD: Final = 4  # bytes of a register, and of a beat
MAGIC: Final = 0x4B505331  # "1SPK" in memory order
PAYLOAD_MAX: Final = 1024  # bytes of payload in a frame
BUFFER: Final = 4096  # bytes that gateware holds in each direction: unread, and sent but not acknowledged
HOST_BUFFER: Final = 16384  # bytes that a host holds unread; below 2^15
READ_MAX: Final = 65_528  # bytes of a READ: its REPLY has four more, and a length of 16 bits
LABELLED: Final = 0x80  # in a message's flags: before each image stand two bytes, its label


class _Told(IntEnum):
    """Numbers with their meaning beside them, for the documentation page."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class FrameKind(_Told):
    """Kind of a frame"""

    OPEN = 1, "host: begin a session (hello); board: it is open, or why not (welcome)"
    DATA = 2, "bytes of the stream; none: an acknowledgement only"
    REPEAT = 3, "send again what comes from `acknowledge` on"
    POLL = 4, "host: say where you are; answered with DATA"
    CLOSED = 5, "board: there is no such session; the payload is one byte, a reason"


class Reason(_Told):
    """Why there is no session"""

    NONE = 0, "none was opened since reset, or another one was"
    WATCHDOG = 1, "the core did not answer an image in time; images in flight are lost"
    MESSAGE = 2, "a message that this board does not know; images in flight are lost"


class MessageKind(_Told):
    """Kind of a message"""

    WRITE = 1, "the words of the body, one after the other, to the register at `value`"
    READ = 2, "`length` bytes, word by word, from the register at `value`: answered by REPLY with them"
    SCAN = 3, "the same, answered by REPLY without them: to have the core compute MEM_CRC"
    BITMAPS = 4, "`count` images of `length` bytes: bit i of byte k is address 8 k + i, at step 0"
    EVENTS = 5, "one image of `length` bytes: events of three bytes, t and then x (two bytes, the low one first)"


class RecordKind(_Told):
    """Kind of a record"""

    REPLY = 1, "to READ and SCAN: the words, then one more: how many of the accesses the core refused"
    RESULT = 2, "the result packet of an image (docs/core.md, results)"
    SPIKES = 3, "beats of the trace (docs/core.md, trace); the last one of an image is its marker"
    REFUSED = 4, "images that were not taken, and in `status` the state of the configuration that forbids it"


class Configuration(_Told):
    """State of the configuration: images are taken in VALID only"""

    EMPTY = 0, "nothing was loaded since reset"
    LOADING = 1, "a load began and did not end"
    DAMAGED = 2, "what arrived is not what the host says that it sent"
    INCOMPLETE = 3, "the core refused a part of it, or nothing was written"
    CHANGED = 4, "written to after it was found valid"
    HALTED = 5, "valid, but CONTROL.run is 0"
    VALID = 6, "whole, and running"


def _layout(name: str, *fields: tuple[str, int, str]) -> Layout:
    """fields: (name, bits, meaning) each."""
    return Layout(name, *(Field(name=field, bits=bits, doc=doc) for field, bits, doc in fields))


FRAME_KIND: Final = _layout("Kind of a frame", ("kind", 7, "FrameKind"), ("from_board", 1, "so that an echo is known"))
FROM_BOARD: Final = FRAME_KIND.pack(from_board=1)

FRAME: Final = _layout(
    "Frame header",
    ("kind", 8, "FrameKind; from the board with 0x80 added"),
    ("session", 8, "chosen by the host at OPEN"),
    ("sequence", 16, "number of the payload's first byte in its stream, modulo 2^16; the first byte is 0"),
    ("acknowledge", 16, "number of the next byte that the sender of this frame expects"),
    ("window", 16, "bytes from `acknowledge` on that it can take"),
    ("length", 16, "bytes of payload"),
)

HELLO: Final = _layout(
    "Payload of OPEN, from the host",
    ("magic", 32, "0x4B505331, the characters 1SPK"),
    ("protocol", 16, "version that the host speaks"),
    ("reserved", 16, "0"),
    ("nonce", 32, "any number; OPEN with that of the open session is answered and changes nothing"),
)

WELCOME: Final = _layout(
    "Payload of OPEN, from the board",
    ("nonce", 32, "of the hello"),
    ("protocol", 16, "version that the board speaks; no session is open if the host's differs"),
    ("core", 16, "version of the register map"),
    ("build", 32, "build id: CRC-32 of the core's configuration and the two versions"),
    ("clock", 32, "clock in hertz"),
    ("buffer", 16, "bytes that may be on their way to the board"),
    ("payload", 16, "largest payload of a frame to it"),
    ("configuration", 8, "Configuration"),
    ("reason", 8, "Reason that closed the session before this one"),
    ("reserved", 16, "0"),
    ("name", 64, "CONFIG_NAME: of the deployment that is loaded"),
)

MESSAGE: Final = _layout(
    "Message header, to the board",
    ("kind", 8, "MessageKind"),
    ("flags", 8, "images: flags of the image header (docs/core.md), and 0x80: labelled"),
    ("tag", 8, "images: tag of the first; each further one has the next"),
    ("count", 8, "BITMAPS: number of images"),
    ("length", 16, "bytes: WRITE: of the body; READ, SCAN: to read; images: of each"),
    ("value", 16, "WRITE, READ, SCAN: address of the register; images that are not labelled: label"),
)

RECORD: Final = _layout(
    "Record header, from the board",
    ("kind", 8, "RecordKind"),
    ("status", 8, "REFUSED: Configuration; else 0"),
    ("length", 16, "bytes that follow"),
)

REFUSAL: Final = _layout(
    "Body of REFUSED",
    ("tag", 8, "of the first image"),
    ("count", 8, "number of images"),
    ("reserved", 16, "0"),
)

EVENT: Final = _layout("Event in a message", ("t", 8, "time code"), ("x", 16, "external address"))
LABEL: Final = _layout("Label before an image", ("label", 16, "its class"))

# A name is two registers of the link.
NAME: Final = _layout("Name of a configuration", ("low", 32, "CONFIG_NAME0"), ("high", 32, "CONFIG_NAME1"))

LAYOUTS: Final = (FRAME, HELLO, WELCOME, MESSAGE, RECORD, REFUSAL)  # in the order of docs/protocol.md
CRC: Final = _layout("Checksum of a frame", ("crc", 32, "CRC-32 (zlib) of header and payload"))  # behind them


class Frame(NamedTuple):
    """A frame without its code and its CRC; fields as in FRAME, and the payload."""

    kind: int
    session: int
    sequence: int
    acknowledge: int
    window: int
    payload: bytes

    def to_bytes(self) -> bytes:
        """Header, payload, CRC-32: what COBS then codes."""
        kind, session, sequence, acknowledge, window, payload = self
        body = FRAME.form.pack(kind, session, sequence, acknowledge, window, len(payload)) + payload
        return body + CRC.form.pack(zlib.crc32(body))


def parse_frame(data: bytes) -> Frame | None:
    """`data` as a frame, or None: too short, of another length than it says, or its CRC-32 differs."""
    end = len(data) - CRC.size
    if (
        end < FRAME.size
        or end > FRAME.size + PAYLOAD_MAX
        or CRC.form.unpack_from(data, end)[0] != zlib.crc32(data[:end])
    ):
        return None
    kind, session, sequence, acknowledge, window, length = FRAME.form.unpack_from(data)
    if length != end - FRAME.size:
        return None
    return Frame(kind, session, sequence, acknowledge, window, data[FRAME.size : end])


def is_message(kind: int, length: int) -> bool:
    """Whether a message header means anything: a known kind, whole words for registers, a REPLY that fits a record."""
    if kind in (MessageKind.BITMAPS, MessageKind.EVENTS):
        return True
    if kind == MessageKind.READ and length > READ_MAX:
        return False
    return kind in (MessageKind.WRITE, MessageKind.READ, MessageKind.SCAN) and length % 4 == 0


def build_id(config: CoreConfig) -> int:
    """CRC-32 that stands for what a core was built as: the registers that say so, and this protocol's version.

    It changes whenever one of them does; hosts show it and compare it with what a bitstream was built for.
    """
    words = [*identity(config).values(), PROTOCOL]
    return zlib.crc32(np.array(words, "<u4").tobytes())


def markdown() -> str:
    """The tables of docs/protocol.md: layouts and enumerations."""
    blocks = []
    for layout in LAYOUTS:
        lines = [
            f"**{layout.name}**, {layout.size} bytes",
            "",
            "| byte | field | bytes | meaning |",
            "|---|---|---|---|",
        ]
        lines += [f"| {f.lsb // 8} | `{f.name}` | {f.bits // 8} | {f.doc} |" for f in layout]
        blocks.append("\n".join(lines))
    for enumeration in (FrameKind, Reason, MessageKind, RecordKind, Configuration):
        lines = [f"**{enumeration.__doc__}**", "", "| value | name | meaning |", "|---|---|---|"]
        lines += [f"| {int(member)} | `{member.name}` | {member.meaning} |" for member in enumeration]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"
