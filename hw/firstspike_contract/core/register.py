"""What a register is: fields with access kinds, and blocks of registers at addresses that cannot collide."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from firstspike_contract.common.layout import Field, Layout, placed

__all__ = ["BITS", "AccessKind", "Register", "RegisterBlock", "RegisterField"]

BITS: Final = 32  # of every register

AccessKind = Literal["rw", "ro", "sticky", "pulse", "wo"]

_READ: Final = ("rw", "ro", "sticky")
_WRITTEN: Final = ("rw", "pulse", "wo")


@dataclass(frozen=True, kw_only=True)
class RegisterField(Field):
    """Some bits of a register.

    access: `rw`: reads back as written; `ro`: shown by the hardware; `sticky`: likewise, and set until a reset;
            `pulse`: a write acts at once, and reads as 0; `wo`: kept, and never shown.
    reset:  value after reset.
    """

    access: AccessKind = "rw"
    reset: int = 0


@dataclass(frozen=True, kw_only=True)
class Register:
    """32 bits at an address.

    offset:   bytes from the beginning of its block.
    doc:      meaning, for the documentation page.
    fields:   what its bits mean. Fields that are only read and fields that are only written may share bits.
    network:  whether what it holds is part of the loaded network.
    learning: whether only a core that learns has it (CAPACITY).

    Raises ValueError for an offset or for fields that cannot be.
    """

    name: str
    offset: int
    doc: str
    fields: tuple[RegisterField, ...]
    network: bool = False
    learning: bool = False

    def __post_init__(self) -> None:
        if self.offset < 0 or self.offset % 4:
            raise ValueError(f"the offset of {self.name} must be a multiple of 4 from 0 on, not {self.offset}")
        object.__setattr__(self, "fields", placed(self.fields))
        for field in self.fields:
            if field.reset > field.largest:
                raise ValueError(f"{self.name}.{field.name} cannot reset to {field.reset}: it has {field.bits} bits")
        assert self.shown.bits == self.taken.bits == BITS  # and both are made, which refuses what cannot be

    @cached_property
    def shown(self) -> Layout:
        """The fields that a read gives."""
        return Layout(self.name, *(f for f in self.fields if f.access in _READ), bits=BITS)

    @cached_property
    def taken(self) -> Layout:
        """The fields that a write changes or acts on."""
        return Layout(self.name, *(f for f in self.fields if f.access in _WRITTEN), bits=BITS)

    @property
    def writable(self) -> bool:
        """Whether a write to it is accepted."""
        return bool(self.taken.fields)

    @cached_property
    def kept(self) -> Layout:
        """The fields that read back as they were written."""
        return Layout(self.name, *(f for f in self.fields if f.access == "rw"), bits=BITS)

    @property
    def kept_bits(self) -> int:
        """Width of what is kept."""
        return max((field.end for field in self.kept), default=0)

    @property
    def reset(self) -> int:
        """The word that it reads as after reset, if nothing but a host sets it."""
        return int(self.shown.pack(**{f.name: f.reset for f in self.fields if f.access in _READ}))

    def pack(self, **values: Any) -> int:
        """The word with these fields, to be written; of a register that is only read, the word that it shows."""
        return int((self.taken if self.writable else self.shown).pack(**values))

    def unpack(self, word: int) -> dict[str, int]:
        """The fields of a word that was read."""
        return self.shown.unpack(word)

    def after(self, word: int) -> int:
        """What it reads back as after that word was written, where nothing but a host sets it."""
        return word & self.kept.mask


class RegisterBlock:
    """Registers that lie together, once or several times.

    base:   address of the first copy, bytes.
    stride: bytes from one copy to the next; 0: there is one copy.
    size:   bytes of a copy: an offset lies below.
    Raises ValueError for two registers at one place or of one name, and for one that lies outside.
    """

    def __init__(self, *registers: Register, base: int = 0, size: int, stride: int = 0) -> None:
        self.registers, self.base, self.size, self.stride = registers, base, size, stride
        self._by_name = {register.name: register for register in registers}
        self._by_offset = {register.offset: register for register in registers}
        if not len(registers) == len(self._by_name) == len(self._by_offset):
            raise ValueError(f"registers {sorted(r.name for r in registers)} share a name or an offset")
        for register in registers:
            if register.offset >= size:
                raise ValueError(f"{register.name} lies at {register.offset:#x}, the block has {size:#x} bytes")
        if stride and stride < size:
            raise ValueError(f"copies of {size:#x} bytes cannot lie {stride:#x} bytes apart")

    def __iter__(self) -> Iterator[Register]:
        return iter(self.registers)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Register:
        """A register by its name. Raises KeyError."""
        return self._by_name[name]

    def address(self, name: str, copy: int = 0) -> int:
        """Its address in bytes. Raises KeyError."""
        return self.base + copy * self.stride + self[name].offset

    def at(self, address: int) -> Register | None:
        """The register there, in any copy; None: there is none."""
        within = address - self.base
        return None if within < 0 else self._by_offset.get(within % self.stride if self.stride else within)
