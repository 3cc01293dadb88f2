"""The wire protocol between host and board, written down once: frames, sessions, messages, records (docs/protocol.md).

Three layers. A *frame* is COBS-coded bytes between zero bytes, under a CRC-32. A *session* makes of frames one reliable
stream of bytes in each direction: what is lost or damaged is sent again from the byte that the other side names. In the
streams travel *messages* to the board and *records* from it, cut into frames anywhere.
"""

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, Final, NamedTuple, Self

__all__ = [
    "BUFFER",
    "DELIMITER",
    "EVENT_BYTES",
    "FRAME",
    "FROM_BOARD",
    "HELLO",
    "HOST_BUFFER",
    "LABELLED",
    "LAYOUTS",
    "MAGIC",
    "MESSAGE",
    "PAYLOAD_MAX",
    "PROTOCOL",
    "READ_MAX",
    "RECORD",
    "REFUSAL",
    "WELCOME",
    "Configuration",
    "Frame",
    "FrameKind",
    "Layout",
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
MAGIC: Final = 0x4B505331  # "1SPK" in memory order
PAYLOAD_MAX: Final = 1024  # bytes of payload in a frame
BUFFER: Final = 4096  # bytes that gateware holds in each direction: unread, and sent but not acknowledged
HOST_BUFFER: Final = 16384  # bytes that a host holds unread; below 2^15
FROM_BOARD: Final = 0x80  # in a frame's kind: so that an echo is known for one
READ_MAX: Final = 65_528  # bytes of a READ: its REPLY has four more, and a length of 16 bits
EVENT_BYTES: Final = 3  # of an event in a message: t (one byte), x (two)
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


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A record of fixed size, little endian, without gaps. fields: (name, code of `struct`, meaning) each."""

    name: str
    fields: tuple[tuple[str, str, str], ...]

    @cached_property
    def struct(self) -> struct.Struct:
        return struct.Struct("<" + "".join(code for _, code, _ in self.fields))

    @property
    def size(self) -> int:
        """Bytes."""
        return self.struct.size

    @property
    def bits(self) -> dict[str, int]:
        """Widths in order: the same record as gateware sees it."""
        return {name: 8 * struct.calcsize(code) for name, code, _ in self.fields}

    def pack(self, **values: int) -> bytes:
        """Fields by name; those not named are 0. Raises struct.error for a value that does not fit."""
        known = dict.fromkeys((name for name, _, _ in self.fields), 0)
        assert values.keys() <= known.keys(), (self.name, values)
        return self.struct.pack(*(known | values).values())

    def unpack(self, data: bytes) -> dict[str, int]:
        """The first `size` bytes of `data`, by name. Raises struct.error if they are fewer."""
        return dict(zip((name for name, _, _ in self.fields), self.struct.unpack_from(data), strict=True))


def _layout(name: str, *fields: tuple[str, str, str]) -> Layout:
    return Layout(name=name, fields=fields)


FRAME: Final = _layout(
    "Frame header",
    ("kind", "B", "FrameKind; from the board with 0x80 added"),
    ("session", "B", "chosen by the host at OPEN"),
    ("sequence", "H", "number of the payload's first byte in its stream, modulo 2^16; the first byte is 0"),
    ("acknowledge", "H", "number of the next byte that the sender of this frame expects"),
    ("window", "H", "bytes from `acknowledge` on that it can take"),
    ("length", "H", "bytes of payload"),
)

HELLO: Final = _layout(
    "Payload of OPEN, from the host",
    ("magic", "I", "0x4B505331, the characters 1SPK"),
    ("protocol", "H", "version that the host speaks"),
    ("reserved", "H", "0"),
    ("nonce", "I", "any number; OPEN with that of the open session is answered and changes nothing"),
)

WELCOME: Final = _layout(
    "Payload of OPEN, from the board",
    ("nonce", "I", "of the hello"),
    ("protocol", "H", "version that the board speaks; no session is open if the host's differs"),
    ("core", "H", "version of the register map"),
    ("build", "I", "build id: CRC-32 of the core's configuration and the two versions"),
    ("clock", "I", "clock in hertz"),
    ("buffer", "H", "bytes that may be on their way to the board"),
    ("payload", "H", "largest payload of a frame to it"),
    ("configuration", "B", "Configuration"),
    ("reason", "B", "Reason that closed the session before this one"),
    ("reserved", "H", "0"),
    ("name", "Q", "CONFIG_NAME: of the deployment that is loaded"),
)

MESSAGE: Final = _layout(
    "Message header, to the board",
    ("kind", "B", "MessageKind"),
    ("flags", "B", "images: flags of the image header (docs/core.md), and 0x80: labelled"),
    ("tag", "B", "images: tag of the first; each further one has the next"),
    ("count", "B", "BITMAPS: number of images"),
    ("length", "H", "bytes: WRITE: of the body; READ, SCAN: to read; images: of each"),
    ("value", "H", "WRITE, READ, SCAN: address of the register; images that are not labelled: label"),
)

RECORD: Final = _layout(
    "Record header, from the board",
    ("kind", "B", "RecordKind"),
    ("status", "B", "REFUSED: Configuration; else 0"),
    ("length", "H", "bytes that follow"),
)

REFUSAL: Final = _layout(
    "Body of REFUSED",
    ("tag", "B", "of the first image"),
    ("count", "B", "number of images"),
    ("reserved", "H", "0"),
)

LAYOUTS: Final = (FRAME, HELLO, WELCOME, MESSAGE, RECORD, REFUSAL)  # in the order of docs/protocol.md
_CRC: Final = struct.Struct("<I")  # CRC-32 (zlib) of header and payload, behind them


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
        body = FRAME.struct.pack(kind, session, sequence, acknowledge, window, len(payload)) + payload
        return body + _CRC.pack(zlib.crc32(body))


def parse_frame(data: bytes) -> Frame | None:
    """`data` as a frame, or None: too short, of another length than it says, or its CRC-32 differs."""
    end = len(data) - _CRC.size
    if end < FRAME.size or end > FRAME.size + PAYLOAD_MAX or _CRC.unpack_from(data, end)[0] != zlib.crc32(data[:end]):
        return None
    kind, session, sequence, acknowledge, window, length = FRAME.struct.unpack_from(data)
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


def build_id(config: Any, core_version: int) -> int:
    """CRC-32 that stands for what a core was built as: its CoreConfig, the register map's version and this protocol's.

    It changes whenever one of them does; hosts show it and compare it with what a bitstream was built for.
    """
    return zlib.crc32(f"{config!r} core {core_version} protocol {PROTOCOL}".encode())


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
        at = 0
        for name, code, meaning in layout.fields:
            lines.append(f"| {at} | `{name}` | {struct.calcsize(code)} | {meaning} |")
            at += struct.calcsize(code)
        blocks.append("\n".join(lines))
    for enumeration in (FrameKind, Reason, MessageKind, RecordKind, Configuration):
        lines = [f"**{enumeration.__doc__}**", "", "| value | name | meaning |", "|---|---|---|"]
        lines += [f"| {int(member)} | `{member.name}` | {member.meaning} |" for member in enumeration]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"
