"""The wire protocol between host and board, declared once: frames, sessions, messages, records (docs/protocol.md).

The protocol has three layers. A *frame* is COBS-coded bytes between zero bytes, with a CRC-32. A *session* turns frames
into one reliable stream of bytes in each direction: lost or damaged bytes are sent again, from the byte that the
receiver names. The stream to the board consists of *messages*, the stream from the board of *records*; a frame may
begin and end anywhere in them.
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
WORD: Final = 4  # bytes of a register and of a beat
MAGIC: Final = 0x4B505331  # "1SPK" in memory order
PAYLOAD_MAX: Final = 1024  # bytes of payload in a frame
BUFFER: Final = 4096  # bytes that gateware holds in each direction: received and unread, or sent and not acknowledged
HOST_BUFFER: Final = 16384  # received bytes that a host holds unread; must be below 2^15
READ_MAX: Final = 65_528  # bytes that a READ may ask for: its REPLY has four more, and a length field of 16 bits
LABELLED: Final = 0x80  # flag of a message: each image follows two bytes with its label


class _Told(IntEnum):
    """Numbers that each have a `meaning`, a text for the documentation page and for error messages."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class FrameKind(_Told):
    """Kind of a frame"""

    OPEN = 1, "host: opens a session (hello); board: answers (welcome)"
    DATA = 2, "carries bytes of the stream; without a payload, it only acknowledges"
    REPEAT = 3, "asks for all bytes from `acknowledge` on to be sent again"
    POLL = 4, "asks the other side to acknowledge, by DATA"
    CLOSED = 5, "board: there is no such session; the payload is one byte, a Reason"


class Reason(_Told):
    """Why there is no session"""

    NONE = 0, "no session was opened since reset, or another session was opened"
    WATCHDOG = 1, "the core did not answer an image in time; images in flight are lost"
    MESSAGE = 2, "the board does not know the kind of a message, or its length is wrong; images in flight are lost"


class MessageKind(_Told):
    """Kind of a message"""

    WRITE = 1, "writes the words of the body, one after the other, to the register at `value`"
    READ = 2, "reads `length` bytes, word by word, from the register at `value`; REPLY returns them"
    SCAN = 3, "makes the core read in the same way, to compute MEM_CRC; REPLY does not return the bytes"
    BITMAPS = 4, "`count` images of `length` bytes each: a set bit i of byte k is an event of address 8 k + i at step 0"
    EVENTS = 5, "one image of `length` bytes: each event has three bytes, first t, then x with its low byte first"


class RecordKind(_Told):
    """Kind of a record"""

    REPLY = 1, "answers READ (with the words) and SCAN (without); a last word counts the accesses that were refused"
    RESULT = 2, "the result packet of an image (docs/core.md, results)"
    SPIKES = 3, "beats of the trace (docs/core.md, trace); the last beat of an image is its marker"
    REFUSED = 4, "names images that the board did not take; `status` gives the reason, a Configuration"


class Configuration(_Told):
    """State of the configuration; the board takes images in VALID only"""

    EMPTY = 0, "nothing was loaded since reset"
    LOADING = 1, "a load began and did not end"
    DAMAGED = 2, "the bytes that arrived differ from those that the host sent"
    INCOMPLETE = 3, "the core refused a part of the load, or nothing was written"
    CHANGED = 4, "the network was written to after it was found valid"
    HALTED = 5, "the configuration is valid, but CONTROL.run is 0"
    VALID = 6, "the configuration is whole, and the core runs"


def _layout(name: str, *fields: tuple[str, int, str]) -> Layout:
    """Returns a layout. fields: (name, bits, meaning) each."""
    return Layout(name, *(Field(name=field, bits=bits, doc=doc) for field, bits, doc in fields))


FRAME_KIND: Final = _layout(
    "Kind of a frame",
    ("kind", 7, "FrameKind"),
    ("from_board", 1, "1 in frames from the board, so that a host recognises an echo"),
)
FROM_BOARD: Final = FRAME_KIND.pack(from_board=1)

FRAME: Final = _layout(
    "Frame header",
    ("kind", 8, "FrameKind; a frame from the board has 0x80 added"),
    ("session", 8, "number of the session, chosen by the host at OPEN"),
    ("sequence", 16, "number of the payload's first byte in its stream, modulo 2^16; a stream begins with byte 0"),
    ("acknowledge", 16, "number of the next byte that the sender of this frame expects"),
    ("window", 16, "bytes from `acknowledge` on that the sender of this frame can take"),
    ("length", 16, "bytes of payload"),
)

HELLO: Final = _layout(
    "Payload of OPEN, from the host",
    ("magic", 32, "0x4B505331, the characters 1SPK"),
    ("protocol", 16, "version of the protocol that the host speaks"),
    ("reserved", 16, "0"),
    ("nonce", 32, "any number; an OPEN with the nonce of the open session is answered and changes nothing"),
)

WELCOME: Final = _layout(
    "Payload of OPEN, from the board",
    ("nonce", 32, "nonce of the hello"),
    ("protocol", 16, "version of the protocol that the board speaks; it opens no session if the host's differs"),
    ("core", 16, "version of the register map"),
    ("build", 32, "build id: CRC-32 of the core's configuration and the two versions"),
    ("clock", 32, "clock frequency in hertz"),
    ("buffer", 16, "bytes that may be on their way to the board or unread there"),
    ("payload", 16, "largest payload of a frame to the board"),
    ("configuration", 8, "Configuration: state of the configuration"),
    ("reason", 8, "Reason why the session before this one was closed"),
    ("reserved", 16, "0"),
    ("name", 64, "CONFIG_NAME: name of the loaded deployment"),
)

MESSAGE: Final = _layout(
    "Message header, to the board",
    ("kind", 8, "MessageKind"),
    ("flags", 8, "images: flags of the image header (docs/core.md); 0x80 means that every image has its own label"),
    ("tag", 8, "images: tag of the first image; each further image has the next tag"),
    ("count", 8, "BITMAPS: number of images"),
    ("length", 16, "number of bytes: of the body (WRITE), to be read (READ, SCAN), or of each image"),
    ("value", 16, "WRITE, READ, SCAN: address of the register; images without their own labels: the label"),
)

RECORD: Final = _layout(
    "Record header, from the board",
    ("kind", 8, "RecordKind"),
    ("status", 8, "REFUSED: Configuration; other records: 0"),
    ("length", 16, "number of bytes that follow"),
)

REFUSAL: Final = _layout(
    "Body of REFUSED",
    ("tag", 8, "tag of the first image"),
    ("count", 8, "number of images"),
    ("reserved", 16, "0"),
)

EVENT: Final = _layout("Event in a message", ("t", 8, "time code"), ("x", 16, "external address"))
LABEL: Final = _layout("Label before an image", ("label", 16, "class of the image"))

# A name takes two registers of the link.
NAME: Final = _layout("Name of a configuration", ("low", 32, "CONFIG_NAME0"), ("high", 32, "CONFIG_NAME1"))

LAYOUTS: Final = (FRAME, HELLO, WELCOME, MESSAGE, RECORD, REFUSAL)  # in the order of docs/protocol.md
CRC: Final = _layout("Checksum of a frame", ("crc", 32, "CRC-32 (zlib) of header and payload"))  # follows the payload


class Frame(NamedTuple):
    """A frame before COBS coding and without its CRC: the fields of FRAME, then the payload."""

    kind: int
    session: int
    sequence: int
    acknowledge: int
    window: int
    payload: bytes

    def to_bytes(self) -> bytes:
        """Returns header, payload and CRC-32, to be coded by COBS."""
        kind, session, sequence, acknowledge, window, payload = self
        body = FRAME.form.pack(kind, session, sequence, acknowledge, window, len(payload)) + payload
        return body + CRC.form.pack(zlib.crc32(body))


def parse_frame(data: bytes) -> Frame | None:
    """Returns `data` as a frame, or None if it is too short, too long, of another length than it states, or damaged."""
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
    """Whether a message header is valid: a known kind, whole words for registers, and a REPLY that fits a record."""
    if kind in (MessageKind.BITMAPS, MessageKind.EVENTS):
        return True
    if kind == MessageKind.READ and length > READ_MAX:
        return False
    return kind in (MessageKind.WRITE, MessageKind.READ, MessageKind.SCAN) and length % 4 == 0


def build_id(config: CoreConfig) -> int:
    """Returns the build id: a CRC-32 of the registers that show how a core was built, and of the protocol's version.

    It changes whenever one of them changes. A host shows it in a board's status.
    """
    words = [*identity(config).values(), PROTOCOL]
    return zlib.crc32(np.array(words, "<u4").tobytes())


def markdown() -> str:
    """Returns the tables of docs/protocol.md: layouts and enumerations."""
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
