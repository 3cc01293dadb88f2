"""The register file of the core, declared once: gateware, models, hosts and docs/core.md read this.

All registers are 32 bits wide at multiples of 4. Stage k has a copy of STAGE; a board with a serial link has LINK too.
A field is used by its name (core.register): nobody shifts or masks.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Final

from .register import AccessKind, Register, RegisterBlock, RegisterField

__all__ = [
    "CORE_ID",
    "CORE_VERSION",
    "GLOBAL",
    "LINK",
    "LINK_BASE",
    "STAGE",
    "STAGE_BASE",
    "STAGE_STRIDE",
    "WATCHDOG_CYCLES",
    "ConfigCommand",
    "Memory",
    "link_markdown",
    "link_offset",
    "markdown",
    "offset_of",
    "reconfigures",
    "register_at",
    "register_of",
    "registers",
    "write_of",
]

CORE_ID: Final = 0x4B505331  # "1SPK" in memory order
CORE_VERSION: Final = 1
STAGE_BASE: Final = 0x100
STAGE_STRIDE: Final = 0x40
LINK_BASE: Final = 0x1000
LINK_SIZE: Final = 0x80
WATCHDOG_CYCLES: Final = 2**24  # after reset


class Memory(IntEnum):
    """What MEM_SELECT.kind names. Words travel in 32-bit beats, lowest bits first (docs/core.md, memories)."""

    WEIGHTS = 0
    TABLES = 1
    DELAYS = 2
    CONSTANTS = 3
    INPUT_MAP = 4
    BOOT = 5


class ConfigCommand(IntEnum):
    """What CONFIG.command takes: a load of the board begins, and ends."""

    BEGIN = 1
    END = 2


def _field(
    name: str, bits: int, doc: str, *, lsb: int = -1, access: AccessKind = "rw", reset: int = 0
) -> RegisterField:
    return RegisterField(name=name, bits=bits, doc=doc, lsb=lsb, access=access, reset=reset)


def _shows(name: str, offset: int, doc: str, *fields: RegisterField, learning: bool = False) -> Register:
    """A register that is only read; without fields it is one number."""
    shown = fields or (_field("value", 32, "", access="ro"),)
    return Register(name=name, offset=offset, doc=doc, fields=shown, learning=learning)


def _number(
    name: str, offset: int, doc: str, *, bits: int = 32, reset: int = 0, network: bool = False, learning: bool = False
) -> Register:
    """A register that keeps one number; of more bits than it has, the upper ones are lost."""
    field = _field("value", bits, "", reset=reset)
    return Register(name=name, offset=offset, doc=doc, fields=(field,), network=network, learning=learning)


GLOBAL: Final = RegisterBlock(
    _shows("ID", 0x000, "0x4B505331, the characters 1SPK"),
    _shows("VERSION", 0x004, "version of this register map"),
    _shows(
        "BUILD",
        0x008,
        "what the core was built for",
        _field("stages", 8, "number of stages", access="ro"),
        _field("steps_log2", 8, "log2 of the largest T", access="ro"),
        _field("boot", 16, "words of the boot memory", access="ro"),
    ),
    _shows("BUILD_ADDRESSES", 0x00C, "entries of the input map"),
    Register(
        name="CONTROL",
        offset=0x010,
        doc="run and reset",
        fields=(
            _field("run", 1, "accept headers; cleared, the images already accepted are finished"),
            _field("reset", 1, "write 1: drop everything in flight; registers and memories stay", access="pulse"),
        ),
    ),
    _shows(
        "STATUS",
        0x014,
        "state",
        _field("idle", 1, "nothing accepted is unfinished: memories may be loaded and read", access="ro"),
        _field("late", 1, "an image marked time-ordered was not; cleared by reset", access="sticky"),
    ),
    _number("STEPS", 0x018, "T, number of time codes of the network", network=True),
    _number("ADDRESSES", 0x01C, "external addresses of the network; x at or above is refused", network=True),
    _number("ACTIVE", 0x020, "the stages that hold a layer, bit k for stage k; the last one always does", network=True),
    Register(
        name="MEM_SELECT",
        offset=0x030,
        doc="the memory that MEM_DATA reaches",
        fields=(
            _field("kind", 8, "0 weights, 1 tables, 2 delays, 3 constants, 4 input map, 5 boot program"),
            _field("stage", 8, "stage of kinds 0..3"),
        ),
    ),
    _number("MEM_ADDRESS", 0x034, "word address; writing it also goes to beat 0 and restarts MEM_CRC", bits=16),
    Register(
        name="MEM_DATA",
        offset=0x038,
        doc="next beat of the word at MEM_ADDRESS, which advances after the last beat",
        fields=(_field("beat", 32, ""),),
        network=True,
    ),
    _shows("MEM_CRC", 0x03C, "CRC-32 (zlib) of the beats through MEM_DATA since MEM_ADDRESS was written"),
    _shows("IMAGES", 0x040, "results offered since reset, modulo 2^32"),
    _shows("BUSY", 0x044, "cycles in which an image was worked on, since reset, modulo 2^32"),
    Register(
        name="LEARN",
        offset=0x048,
        doc="settings of learning, in steps",
        fields=(
            _field("margin", 8, "a learning image runs on for so long after its decision"),
            _field("late", 8, "latest decision that is soon enough"),
            _field("spare", 16, "kept, and without meaning"),
        ),
        learning=True,
    ),
    _number("LEARN_SEED", 0x04C, "seed of the random bits", learning=True),
    _number(
        "LEARN_COUNT",
        0x050,
        "learning images so far, modulo 2^32, counted by the core; the random bits depend on it",
        learning=True,
    ),
    _shows("TRIGGERED", 0x054, "learning images that changed weights, since reset, modulo 2^32", learning=True),
    _shows("LEARN_CYCLES", 0x058, "cycles that changing weights took, since reset, modulo 2^32", learning=True),
    size=STAGE_BASE,
)

STAGE: Final = RegisterBlock(
    _number("INPUTS", 0x00, "n_in, weight rows without the constant ones", bits=16, network=True),
    _number("CONSTANTS", 0x04, "P, constant inputs: weight rows n_in .. n_in + P - 1", bits=16, network=True),
    _number("OUTPUTS", 0x08, "neurons", bits=16, network=True),
    _number("ROWS", 0x0C, "ceil(neurons / lanes)", bits=16, network=True),
    _shows("LANES", 0x10, "L"),
    _shows("DEPTH", 0x14, "words of L weights"),
    _shows("MAX_ROWS", 0x18, "largest ROWS"),
    _shows("MAX_INPUTS", 0x1C, "largest n_in + P"),
    _shows(
        "WIDTHS",
        0x20,
        "accumulators",
        _field("a_bits", 8, "signed width of A", access="ro"),
        _field("v_bits", 8, "signed width of V - th", access="ro"),
    ),
    _shows("KERNELS", 0x24, "the kernels that are built in, bit i for kernel i of arithmetic.network.KERNELS"),
    _shows(
        "CAPACITY",
        0x28,
        "what else it was built with",
        _field("constants", 16, "largest CONSTANTS", access="ro"),
        _field("learning", 1, "weights can be learnt on chip", access="ro"),
        _field("ring", 1, "every layer takes MAX_ROWS rows", access="ro"),
    ),
    Register(
        name="CHANCE",
        offset=0x2C,
        doc="how often a weight that is to be learnt moves",
        fields=(
            _field("p", 3, "0..5: with probability 2^-p; 6 and 7 are as 5"),
            _field("spare", 13, "kept, and without meaning"),
        ),
        learning=True,
    ),
    base=STAGE_BASE,
    stride=STAGE_STRIDE,
    size=STAGE_STRIDE,
)

# Of the link, not of the core: reached by messages only (docs/protocol.md). Counters count since reset, modulo 2^32.
LINK: Final = RegisterBlock(
    _shows("PROTOCOL", 0x00, "version of the wire protocol"),
    _shows("BUILD_ID", 0x04, "build id, as in the welcome"),
    _shows("CLOCK", 0x08, "clock in hertz"),
    _shows("DIVISOR", 0x0C, "clock cycles per bit of the serial line"),
    Register(
        name="CONFIG",
        offset=0x10,
        doc="the configuration, and the course of a load",
        fields=(
            _field("state", 3, "wire.Configuration", access="ro"),
            _field("command", 32, "write 1: begin a load; 2: end it; others do nothing", lsb=0, access="pulse"),
        ),
    ),
    Register(
        name="CONFIG_CRC",
        offset=0x14,
        doc="checksum of a load",
        fields=(
            _field(
                "crc",
                32,
                "CRC-32 of the WRITE messages to the core since the load began, headers included",
                access="ro",
            ),
            _field("expected", 32, "write, before ending the load: what it must be", lsb=0, access="wo"),
        ),
    ),
    _shows("CONFIG_WRITTEN", 0x18, "words that a load has written to the core since it began"),
    _number("CONFIG_NAME0", 0x1C, "name of what is loaded, low half; any number; 0 from the beginning of a load"),
    _number("CONFIG_NAME1", 0x20, "its high half"),
    _number(
        "WATCHDOG",
        0x24,
        "cycles in which an image may go without an answer; reset to 2^24; 0: any number",
        reset=WATCHDOG_CYCLES,
    ),
    _shows("FRAMES", 0x40, "good frames received"),
    _shows("FRAMES_BAD", 0x44, "frames with a wrong code, length or CRC-32"),
    _shows("FRAMES_AGAIN", 0x48, "good frames with bytes that had come already"),
    _shows("FRAMES_AHEAD", 0x4C, "good frames that came before bytes that are missing, or without room"),
    _shows("REPEATS", 0x50, "times that the board began to send again"),
    _shows("LINE_ERRORS", 0x54, "bytes without a stop bit"),
    _shows("SESSIONS", 0x58, "sessions opened"),
    _shows("IMAGES_TAKEN", 0x5C, "images given to the core"),
    _shows("IMAGES_REFUSED", 0x60, "images refused for want of a valid configuration"),
    _shows("WRITES_REFUSED", 0x64, "writes that the core refused"),
    _shows("WATCHDOGS", 0x68, "times that the watchdog reset the core"),
    _shows("MESSAGES_BAD", 0x6C, "messages of an unknown kind"),
    base=LINK_BASE,
    size=LINK_SIZE,
)


def registers(stages: int, *, learns: bool) -> Iterator[tuple[int, str, int | None, Register]]:
    """(address, name, stage or None, register) of a core with that many stages, in the order of addresses."""
    for k in (None, *range(stages)):
        for register in GLOBAL if k is None else STAGE:
            if learns or not register.learning:
                yield offset_of(register.name, k), register.name, k, register


def register_of(name: str, stage: int | None = None) -> Register:
    """A register of the core, or of a stage, by its name. Raises KeyError."""
    return GLOBAL[name] if stage is None else STAGE[name]


def register_at(address: int) -> Register | None:
    """The register of a core at that address, in any stage; None: there is none."""
    return (GLOBAL if address < STAGE_BASE else STAGE).at(address)


def offset_of(name: str, stage: int | None = None) -> int:
    """Byte address of a register of the core by its name. Raises KeyError."""
    return GLOBAL.address(name) if stage is None else STAGE.address(name, stage)


def link_offset(name: str) -> int:
    """Address of a register of the link, as messages name it. Raises KeyError."""
    return LINK.address(name)


def write_of(name: str, stage: int | None = None, /, **fields: Any) -> tuple[int, int]:
    """(byte address, word) of a write to a register of the core, its fields by name. Raises KeyError, ValueError."""
    return offset_of(name, stage), register_of(name, stage).pack(**fields)


def reconfigures(address: int) -> bool:
    """Whether a write to that address of the core changes the loaded network."""
    register = register_at(address)
    return register is not None and register.network


def markdown() -> str:
    """The two tables of docs/core.md."""
    return _tables(("Offset", GLOBAL), ("Stage block +", STAGE))


def link_markdown() -> str:
    """The table of docs/protocol.md."""
    return _tables((f"0x{LINK_BASE:04X} +", LINK))


def _tables(*tables: tuple[str, RegisterBlock]) -> str:
    blocks = []
    for title, table in tables:
        lines = [f"| {title} | Name | Access | Meaning |", "|---|---|---|---|"]
        lines += [f"| 0x{r.offset:03X} | {r.name} | {_access(r)} | {_meaning(r)} |" for r in table]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _access(register: Register) -> str:
    return "rw" if register.writable else "ro"


def _meaning(register: Register) -> str:
    only = "; only in a core that learns" if register.learning else ""
    fields = [field for field in register.fields if field.doc]
    kinds = {"pulse": "(write only) ", "wo": "(write only) ", "sticky": "(sticky) "}
    told = "".join(f"; `{f.name}` {_bits(f)} {kinds.get(f.access, '')}{f.doc}" for f in fields)
    width = f"; {register.kept_bits} bits" if not fields and register.writable and register.kept_bits < 32 else ""
    return f"{register.doc}{only}{told}{width}"


def _bits(field: RegisterField) -> str:
    return f"[{field.lsb}]" if field.bits == 1 else f"[{field.end - 1}:{field.lsb}]"
