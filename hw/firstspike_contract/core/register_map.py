"""The register file of the core, written down once: the gateware decoder, host code and docs/core.md read this.

All registers are 32 bits wide at multiples of 4. Register offsets of stage k are ``STAGE_BASE + k * STAGE_STRIDE``. A
board with a serial link has those of LINK at ``LINK_BASE``, outside the core.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

__all__ = [
    "CORE_ID",
    "CORE_VERSION",
    "GLOBAL",
    "LINK",
    "LINK_BASE",
    "STAGE",
    "STAGE_BASE",
    "STAGE_STRIDE",
    "Field",
    "Memory",
    "Register",
    "link_markdown",
    "link_offset",
    "markdown",
    "offset_of",
    "reconfigures",
    "registers",
]

CORE_ID: Final = 0x4B505331  # "1SPK" in memory order
CORE_VERSION: Final = 1
STAGE_BASE: Final = 0x100
STAGE_STRIDE: Final = 0x40
LINK_BASE: Final = 0x1000

Access = Literal["rw", "ro"]


class Memory(IntEnum):
    """What MEM_SELECT.kind names. Words travel in 32-bit beats, lowest bits first (docs/core.md, memories)."""

    WEIGHTS = 0
    TABLES = 1
    DELAYS = 2
    CONSTANTS = 3
    INPUT_MAP = 4
    BOOT = 5


@dataclass(frozen=True, kw_only=True)
class Field:
    """Bits ``lsb .. lsb + bits - 1`` of a register."""

    name: str
    lsb: int
    bits: int
    doc: str


@dataclass(frozen=True, kw_only=True)
class Register:
    """offset: bytes, from the start of the register file, of the stage's block or of the link's.

    Writable registers reset to 0. network: what it holds is part of the loaded network. learning: only a core that
    learns has it (CAPACITY).
    """

    name: str
    offset: int
    access: Access
    doc: str
    fields: tuple[Field, ...] = ()
    network: bool = False
    learning: bool = False


def _field(name: str, lsb: int, bits: int, doc: str) -> Field:
    return Field(name=name, lsb=lsb, bits=bits, doc=doc)


def _register(
    name: str, offset: int, access: Access, doc: str, *fields: Field, network: bool = False, learning: bool = False
) -> Register:
    return Register(name=name, offset=offset, access=access, doc=doc, fields=fields, network=network, learning=learning)


GLOBAL: Final = (
    _register("ID", 0x000, "ro", "0x4B505331, the characters 1SPK"),
    _register("VERSION", 0x004, "ro", "version of this register map"),
    _register(
        "BUILD",
        0x008,
        "ro",
        "what the core was built for",
        _field("stages", 0, 8, "number of stages"),
        _field("steps_log2", 8, 8, "log2 of the largest T"),
        _field("boot", 16, 16, "words of the boot memory"),
    ),
    _register("BUILD_ADDRESSES", 0x00C, "ro", "entries of the input map"),
    _register(
        "CONTROL",
        0x010,
        "rw",
        "run and reset",
        _field("run", 0, 1, "accept headers; cleared, the images already accepted are finished"),
        _field("reset", 1, 1, "write 1: drop everything in flight; registers and memories stay; reads as 0"),
    ),
    _register(
        "STATUS",
        0x014,
        "ro",
        "state",
        _field("idle", 0, 1, "nothing accepted is unfinished: memories may be loaded and read"),
        _field("late", 1, 1, "an image marked time-ordered was not; cleared by reset"),
    ),
    _register("STEPS", 0x018, "rw", "T, number of time codes of the network", network=True),
    _register("ADDRESSES", 0x01C, "rw", "external addresses of the network; x at or above is refused", network=True),
    _register("ACTIVE", 0x020, "rw", "bit k: stage k holds a layer; the last stage always does", network=True),
    _register(
        "MEM_SELECT",
        0x030,
        "rw",
        "the memory that MEM_DATA reaches",
        _field("kind", 0, 8, "0 weights, 1 tables, 2 delays, 3 constants, 4 input map, 5 boot program"),
        _field("stage", 8, 8, "stage of kinds 0..3"),
    ),
    _register("MEM_ADDRESS", 0x034, "rw", "word address; writing it also goes to beat 0 and restarts MEM_CRC"),
    _register(
        "MEM_DATA",
        0x038,
        "rw",
        "next beat of the word at MEM_ADDRESS, which advances after the last beat",
        network=True,
    ),
    _register("MEM_CRC", 0x03C, "ro", "CRC-32 (zlib) of the beats through MEM_DATA since MEM_ADDRESS was written"),
    _register("IMAGES", 0x040, "ro", "results offered since reset, modulo 2^32"),
    _register("BUSY", 0x044, "ro", "cycles in which an image was worked on, since reset, modulo 2^32"),
    _register(
        "LEARN",
        0x048,
        "rw",
        "settings of learning, in steps",
        _field("margin", 0, 8, "a learning image runs on for so long after its decision"),
        _field("late", 8, 8, "latest decision that is soon enough"),
        learning=True,
    ),
    _register("LEARN_SEED", 0x04C, "rw", "seed of the random bits", learning=True),
    _register(
        "LEARN_COUNT",
        0x050,
        "rw",
        "learning images so far, modulo 2^32, counted by the core; the random bits depend on it",
        learning=True,
    ),
    _register(
        "TRIGGERED", 0x054, "ro", "learning images that changed weights, since reset, modulo 2^32", learning=True
    ),
    _register(
        "LEARN_CYCLES", 0x058, "ro", "cycles that changing weights took, since reset, modulo 2^32", learning=True
    ),
)

STAGE: Final = (
    _register("INPUTS", 0x00, "rw", "n_in, weight rows without the constant ones", network=True),
    _register("CONSTANTS", 0x04, "rw", "P, constant inputs: weight rows n_in .. n_in + P - 1", network=True),
    _register("OUTPUTS", 0x08, "rw", "neurons", network=True),
    _register("ROWS", 0x0C, "rw", "ceil(neurons / lanes)", network=True),
    _register("LANES", 0x10, "ro", "L"),
    _register("DEPTH", 0x14, "ro", "words of L weights"),
    _register("MAX_ROWS", 0x18, "ro", "largest ROWS"),
    _register("MAX_INPUTS", 0x1C, "ro", "largest n_in + P"),
    _register(
        "WIDTHS",
        0x20,
        "ro",
        "accumulators",
        _field("a_bits", 0, 8, "signed width of A"),
        _field("v_bits", 8, 8, "signed width of V - th"),
    ),
    _register("KERNELS", 0x24, "ro", "bit i: kernel i of contract.KERNELS is built in"),
    _register(
        "CAPACITY",
        0x28,
        "ro",
        "what else it was built with",
        _field("constants", 0, 16, "largest CONSTANTS"),
        _field("learning", 16, 1, "weights can be learnt on chip"),
        _field("ring", 17, 1, "every layer takes MAX_ROWS rows"),
    ),
    _register(
        "CHANCE", 0x2C, "rw", "p, 0..5: a weight that is to be learnt moves with probability 2^-p", learning=True
    ),
)

# Of the link, not of the core: reached by messages only (docs/protocol.md). Counters count since reset, modulo 2^32.
LINK: Final = (
    _register("PROTOCOL", 0x00, "ro", "version of the wire protocol"),
    _register("BUILD_ID", 0x04, "ro", "build id, as in the welcome"),
    _register("CLOCK", 0x08, "ro", "clock in hertz"),
    _register("DIVISOR", 0x0C, "ro", "clock cycles per bit of the serial line"),
    _register(
        "CONFIG",
        0x10,
        "rw",
        "state of the configuration (wire.Configuration); writing 1 begins a load, writing 2 ends it",
    ),
    _register(
        "CONFIG_CRC",
        0x14,
        "rw",
        "read: CRC-32 of the WRITE messages to the core since the load began, headers included; write, before ending "
        "the load: what it must be",
    ),
    _register("CONFIG_WRITTEN", 0x18, "ro", "words that a load has written to the core since it began"),
    _register(
        "CONFIG_NAME0", 0x1C, "rw", "name of what is loaded, low half; any number; 0 from the beginning of a load"
    ),
    _register("CONFIG_NAME1", 0x20, "rw", "its high half"),
    _register(
        "WATCHDOG", 0x24, "rw", "cycles in which an image may go without an answer; reset to 2^24; 0: any number"
    ),
    _register("FRAMES", 0x40, "ro", "good frames received"),
    _register("FRAMES_BAD", 0x44, "ro", "frames with a wrong code, length or CRC-32"),
    _register("FRAMES_AGAIN", 0x48, "ro", "good frames with bytes that had come already"),
    _register("FRAMES_AHEAD", 0x4C, "ro", "good frames that came before bytes that are missing, or without room"),
    _register("REPEATS", 0x50, "ro", "times that the board began to send again"),
    _register("LINE_ERRORS", 0x54, "ro", "bytes without a stop bit"),
    _register("SESSIONS", 0x58, "ro", "sessions opened"),
    _register("IMAGES_TAKEN", 0x5C, "ro", "images given to the core"),
    _register("IMAGES_REFUSED", 0x60, "ro", "images refused for want of a valid configuration"),
    _register("WRITES_REFUSED", 0x64, "ro", "writes that the core refused"),
    _register("WATCHDOGS", 0x68, "ro", "times that the watchdog reset the core"),
    _register("MESSAGES_BAD", 0x6C, "ro", "messages of an unknown kind"),
)


def registers(stages: int, *, learns: bool) -> Iterator[tuple[int, str, int | None, Register]]:
    """(byte offset, name, stage or None, register) of a core with that many stages, in address order."""
    for register in GLOBAL:
        if learns or not register.learning:
            yield register.offset, register.name, None, register
    for k in range(stages):
        for register in STAGE:
            if learns or not register.learning:
                yield STAGE_BASE + k * STAGE_STRIDE + register.offset, register.name, k, register


def offset_of(name: str, stage: int | None = None) -> int:
    """Byte offset of a register by name. Raises KeyError."""
    table = GLOBAL if stage is None else STAGE
    base = 0 if stage is None else STAGE_BASE + stage * STAGE_STRIDE
    return base + {register.name: register.offset for register in table}[name]


def link_offset(name: str) -> int:
    """Address of a register of the link, as messages name it. Raises KeyError."""
    return LINK_BASE + {register.name: register.offset for register in LINK}[name]


def reconfigures(address: int) -> bool:
    """Whether a write to that address of the core changes the loaded network."""
    table, offset = (GLOBAL, address) if address < STAGE_BASE else (STAGE, (address - STAGE_BASE) % STAGE_STRIDE)
    return any(register.offset == offset and register.network for register in table)


def markdown() -> str:
    """The two tables of docs/core.md."""
    return _tables(("Offset", GLOBAL), ("Stage block +", STAGE))


def link_markdown() -> str:
    """The table of docs/protocol.md."""
    return _tables((f"0x{LINK_BASE:04X} +", LINK))


def _tables(*tables: tuple[str, tuple[Register, ...]]) -> str:
    blocks = []
    for title, table in tables:
        lines = [f"| {title} | Name | Access | Meaning |", "|---|---|---|---|"]
        for register in table:
            only = "; only in a core that learns" if register.learning else ""
            fields = "".join(f"; `{f.name}` {_bits(f)} {f.doc}" for f in register.fields)
            lines.append(
                f"| 0x{register.offset:03X} | {register.name} | {register.access} | {register.doc}{only}{fields} |"
            )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _bits(field: Field) -> str:
    return f"[{field.lsb}]" if field.bits == 1 else f"[{field.lsb + field.bits - 1}:{field.lsb}]"
