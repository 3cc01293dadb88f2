"""The register file of the core, declared once: gateware, models, hosts and docs/core.md read it here.

All registers are 32 bits wide and lie at multiples of 4. Each stage has a copy of STAGE. A board with a serial link has
LINK in addition. Code uses a field by its name (core.register) and never shifts or masks.
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
WATCHDOG_CYCLES: Final = 2**24  # limit of the watchdog after reset


class Memory(IntEnum):
    """Values of MEM_SELECT.kind. Words travel in 32-bit beats, lowest bits first (docs/core.md, memories)."""

    WEIGHTS = 0
    TABLES = 1
    DELAYS = 2
    CONSTANTS = 3
    INPUT_MAP = 4
    BOOT = 5


class ConfigCommand(IntEnum):
    """Values of CONFIG.command: a load of the board begins or ends."""

    BEGIN = 1
    END = 2


def _field(
    name: str, bits: int, doc: str, *, lsb: int = -1, access: AccessKind = "rw", reset: int = 0
) -> RegisterField:
    return RegisterField(name=name, bits=bits, doc=doc, lsb=lsb, access=access, reset=reset)


def _shows(name: str, offset: int, doc: str, *fields: RegisterField, learning: bool = False) -> Register:
    """Returns a register that is only read. Without fields it is one number."""
    shown = fields or (_field("value", 32, "", access="ro"),)
    return Register(name=name, offset=offset, doc=doc, fields=shown, learning=learning)


def _number(
    name: str, offset: int, doc: str, *, bits: int = 32, reset: int = 0, network: bool = False, learning: bool = False
) -> Register:
    """Returns a register that keeps one number. Of a word that is written, the bits above `bits` are lost."""
    field = _field("value", bits, "", reset=reset)
    return Register(name=name, offset=offset, doc=doc, fields=(field,), network=network, learning=learning)


GLOBAL: Final = RegisterBlock(
    _shows("ID", 0x000, "the number 0x4B505331, the characters 1SPK"),
    _shows("VERSION", 0x004, "version of this register map"),
    _shows(
        "BUILD",
        0x008,
        "sizes for which the core was built",
        _field("stages", 8, "number of stages", access="ro"),
        _field("steps_log2", 8, "log2 of the largest T", access="ro"),
        _field("boot", 16, "words of the boot memory", access="ro"),
    ),
    _shows("BUILD_ADDRESSES", 0x00C, "number of entries of the input map"),
    Register(
        name="CONTROL",
        offset=0x010,
        doc="starts, stops and resets the core",
        fields=(
            _field("run", 1, "when set, the core takes images. When cleared, it finishes those that it has taken"),
            _field("reset", 1, "a 1 drops everything in flight, but keeps registers and memories", access="pulse"),
        ),
    ),
    _shows(
        "STATUS",
        0x014,
        "state of the core",
        _field("idle", 1, "set when all images taken are finished: memories may be written and read", access="ro"),
        _field("late", 1, "set when an image marked as time-ordered was not; cleared by a reset", access="sticky"),
    ),
    _number("STEPS", 0x018, "T, the number of time steps of the network", network=True),
    _number("ADDRESSES", 0x01C, "number of external addresses of the network; events beyond are refused", network=True),
    _number("ACTIVE", 0x020, "stages that hold a layer (bit k is stage k); the last one always does", network=True),
    Register(
        name="MEM_SELECT",
        offset=0x030,
        doc="selects the memory that MEM_DATA reaches",
        fields=(
            _field("kind", 8, "0 weights, 1 tables, 2 delays, 3 constant inputs, 4 input map, 5 boot program"),
            _field("stage", 8, "stage of the memory, for kinds 0..3"),
        ),
    ),
    _number("MEM_ADDRESS", 0x034, "address of a word; writing it also selects beat 0 and restarts MEM_CRC", bits=16),
    Register(
        name="MEM_DATA",
        offset=0x038,
        doc="next beat of the word at MEM_ADDRESS; after the last beat, MEM_ADDRESS moves to the next word",
        fields=(_field("beat", 32, ""),),
        network=True,
    ),
    _shows("MEM_CRC", 0x03C, "CRC-32 (zlib) of the beats that passed MEM_DATA since MEM_ADDRESS was written"),
    _shows("IMAGES", 0x040, "number of results since reset, modulo 2^32"),
    _shows("BUSY", 0x044, "number of cycles since reset in which the core worked on an image, modulo 2^32"),
    Register(
        name="LEARN",
        offset=0x048,
        doc="settings of learning, in steps",
        fields=(
            _field("margin", 8, "number of steps that a learning image runs on after its decision"),
            _field("late", 8, "latest decision step that is soon enough"),
            _field("spare", 16, "unused, reads back as written"),
        ),
        learning=True,
    ),
    _number("LEARN_SEED", 0x04C, "seed of the random bits of learning", learning=True),
    _number(
        "LEARN_COUNT",
        0x050,
        "number of learning images so far, modulo 2^32, counted by the core; the random bits depend on it",
        learning=True,
    ),
    _shows("TRIGGERED", 0x054, "number of learning images since reset that triggered, modulo 2^32", learning=True),
    _shows("LEARN_CYCLES", 0x058, "number of cycles since reset for changing weights, modulo 2^32", learning=True),
    size=STAGE_BASE,
)

STAGE: Final = RegisterBlock(
    _number("INPUTS", 0x00, "n_in, the number of weight rows without those of constant inputs", bits=16, network=True),
    _number("CONSTANTS", 0x04, "P, the number of constant inputs (weight rows from n_in on)", bits=16, network=True),
    _number("OUTPUTS", 0x08, "number of neurons of the layer", bits=16, network=True),
    _number("ROWS", 0x0C, "rows of neurons: ceil(OUTPUTS / LANES), or MAX_ROWS in a ring stage", bits=16, network=True),
    _shows("LANES", 0x10, "L, the number of lanes"),
    _shows("DEPTH", 0x14, "number of words of the weight memory, each of L weights"),
    _shows("MAX_ROWS", 0x18, "largest value of ROWS"),
    _shows("MAX_INPUTS", 0x1C, "largest value of n_in + P"),
    _shows(
        "WIDTHS",
        0x20,
        "widths of the accumulators",
        _field("a_bits", 8, "bits of A, signed", access="ro"),
        _field("v_bits", 8, "bits of V - th, signed", access="ro"),
    ),
    _shows("KERNELS", 0x24, "kernels that are built in: bit i stands for kernel i of arithmetic.network.KERNELS"),
    _shows(
        "CAPACITY",
        0x28,
        "further properties for which the stage was built",
        _field("constants", 16, "largest value of CONSTANTS", access="ro"),
        _field("learning", 1, "set if the weights can be learnt on chip", access="ro"),
        _field("ring", 1, "set in a ring stage, where every layer takes MAX_ROWS rows", access="ro"),
    ),
    Register(
        name="CHANCE",
        offset=0x2C,
        doc="probability that a weight that is to move does so",
        fields=(
            _field("p", 3, "the probability is 2^-p, where 6 and 7 act as 5"),
            _field("spare", 13, "unused, reads back as written"),
        ),
        learning=True,
    ),
    base=STAGE_BASE,
    stride=STAGE_STRIDE,
    size=STAGE_STRIDE,
)

# Registers of the link, not of the core. Only messages reach them (docs/protocol.md). Counters count modulo 2^32, from
# reset on, but for CONFIG_WRITTEN.
LINK: Final = RegisterBlock(
    _shows("PROTOCOL", 0x00, "version of the wire protocol"),
    _shows("BUILD_ID", 0x04, "build id, the same as in the welcome"),
    _shows("CLOCK", 0x08, "clock frequency in hertz"),
    _shows("DIVISOR", 0x0C, "clock cycles per bit of the serial line"),
    Register(
        name="CONFIG",
        offset=0x10,
        doc="state of the configuration, and commands that begin and end a load",
        fields=(
            _field("state", 3, "state of the configuration (wire.Configuration)", access="ro"),
            _field("command", 32, "1 begins a load, 2 ends it, other values do nothing", lsb=0, access="pulse"),
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
                "CRC-32 of all WRITE messages to the core since the load began, headers included",
                access="ro",
            ),
            _field("expected", 32, "value that `crc` must have, written before the load ends", lsb=0, access="wo"),
        ),
    ),
    _shows("CONFIG_WRITTEN", 0x18, "number of words written to the core since the last load began"),
    _number("CONFIG_NAME0", 0x1C, "low half of the configuration's name, any number; a new load clears it"),
    _number("CONFIG_NAME1", 0x20, "high half of that name"),
    _number(
        "WATCHDOG",
        0x24,
        "number of cycles in which the core must answer an image, 2^24 after reset; 0 means no limit",
        reset=WATCHDOG_CYCLES,
    ),
    _shows("FRAMES", 0x40, "undamaged frames received"),
    _shows("FRAMES_BAD", 0x44, "frames received with a wrong code, length or CRC-32"),
    _shows("FRAMES_AGAIN", 0x48, "undamaged frames whose bytes had come already"),
    _shows("FRAMES_AHEAD", 0x4C, "undamaged frames that came before missing bytes, or for which there was no room"),
    _shows("REPEATS", 0x50, "number of times that the board began to send bytes again"),
    _shows("LINE_ERRORS", 0x54, "bytes received without a stop bit"),
    _shows("SESSIONS", 0x58, "sessions opened"),
    _shows("IMAGES_TAKEN", 0x5C, "images given to the core"),
    _shows("IMAGES_REFUSED", 0x60, "images refused because the configuration was not valid"),
    _shows("WRITES_REFUSED", 0x64, "writes that the core refused"),
    _shows("WATCHDOGS", 0x68, "number of times that the watchdog reset the core"),
    _shows("MESSAGES_BAD", 0x6C, "messages of an unknown kind or of a wrong length"),
    base=LINK_BASE,
    size=LINK_SIZE,
)


def registers(stages: int, *, learns: bool) -> Iterator[tuple[int, str, int | None, Register]]:
    """Yields (address, name, stage or None, register) for each register of a core with `stages` stages, by address."""
    for k in (None, *range(stages)):
        for register in GLOBAL if k is None else STAGE:
            if learns or not register.learning:
                yield offset_of(register.name, k), register.name, k, register


def register_of(name: str, stage: int | None = None) -> Register:
    """Returns a register of the core, or of a stage, by its name. Raises KeyError."""
    return GLOBAL[name] if stage is None else STAGE[name]


def register_at(address: int) -> Register | None:
    """Returns the register of a core at an address, in any stage, or None if there is none."""
    return (GLOBAL if address < STAGE_BASE else STAGE).at(address)


def offset_of(name: str, stage: int | None = None) -> int:
    """Returns the byte address of a register of the core by its name. Raises KeyError."""
    return GLOBAL.address(name) if stage is None else STAGE.address(name, stage)


def link_offset(name: str) -> int:
    """Returns the address of a register of the link, as messages name it. Raises KeyError."""
    return LINK.address(name)


def write_of(name: str, stage: int | None = None, /, **fields: Any) -> tuple[int, int]:
    """Returns (byte address, word) of a write to a register of the core. fields: values by name.

    Raises KeyError for an unknown register or field, ValueError for a value that does not fit.
    """
    return offset_of(name, stage), register_of(name, stage).pack(**fields)


def reconfigures(address: int) -> bool:
    """Whether a write to that address of the core changes the loaded network."""
    register = register_at(address)
    return register is not None and register.network


def markdown() -> str:
    """Returns the two register tables of docs/core.md."""
    return _tables(("Offset", GLOBAL), ("Stage block +", STAGE))


def link_markdown() -> str:
    """Returns the register table of docs/protocol.md."""
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
    only = " (only in a core that learns)" if register.learning else ""
    fields = [field for field in register.fields if field.doc]
    kinds = {"pulse": " (write only)", "wo": " (write only)", "sticky": " (sticky)"}
    told = "".join(f"; `{f.name}` {_bits(f)}{kinds.get(f.access, '')}: {f.doc}" for f in fields)
    width = f"; {register.kept_bits} bits" if not fields and register.writable and register.kept_bits < 32 else ""
    return f"{register.doc}{only}{told}{width}"


def _bits(field: RegisterField) -> str:
    return f"[{field.lsb}]" if field.bits == 1 else f"[{field.end - 1}:{field.lsb}]"
