"""Registers: fields with kinds of access, and blocks of registers at addresses that cannot collide.

Tested by tests/contract/core/test_register_map.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from firstspike_contract.common.layout import Field, Layout, placed

__all__ = ["BITS", "AccessKind", "Register", "RegisterBlock", "RegisterField"]

BITS: Final = 32  # width of every register

AccessKind = Literal["rw", "ro", "sticky", "pulse", "wo"]

_READ: Final = ("rw", "ro", "sticky")
_WRITTEN: Final = ("rw", "pulse", "wo")


@dataclass(frozen=True, kw_only=True)
class RegisterField(Field):
    """Neighbouring bits of a register.

    access: `rw`     reads back as written;
            `ro`     is set by the hardware;
            `sticky` is set by the hardware, and stays set until a reset;
            `pulse`  acts once when it is written, and reads as 0;
            `wo`     keeps what is written, and never shows it.
    reset:  value after reset.
    """

    access: AccessKind = "rw"
    reset: int = 0


@dataclass(frozen=True, kw_only=True)
class Register:
    """A register: 32 bits at an address.

    offset:   bytes from the beginning of its block.
    doc:      meaning, for the documentation page.
    fields:   fields of the register. A field that is only read and a field that is only written may share bits.
    network:  whether the register holds a part of the loaded network.
    learning: whether only a core that learns has the register (see CAPACITY).

    Raises ValueError for an impossible offset and for impossible fields.
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
        assert self.shown.bits == self.taken.bits == BITS  # making both layouts refuses impossible fields

    @cached_property
    def shown(self) -> Layout:
        """The fields that can be read."""
        return Layout(self.name, *(f for f in self.fields if f.access in _READ), bits=BITS)

    @cached_property
    def taken(self) -> Layout:
        """The fields that a write changes or acts on."""
        return Layout(self.name, *(f for f in self.fields if f.access in _WRITTEN), bits=BITS)

    @property
    def writable(self) -> bool:
        """Whether the register accepts a write."""
        return bool(self.taken.fields)

    @cached_property
    def kept(self) -> Layout:
        """The fields that read back as they were written."""
        return Layout(self.name, *(f for f in self.fields if f.access == "rw"), bits=BITS)

    @property
    def kept_bits(self) -> int:
        """Number of bits up to the highest field that is kept."""
        return max((field.end for field in self.kept), default=0)

    @property
    def reset(self) -> int:
        """The word that the register reads as after reset, if the hardware does not set it."""
        return int(self.shown.pack(**{f.name: f.reset for f in self.fields if f.access in _READ}))

    def pack(self, **values: Any) -> int:
        """Returns the word with these values: to be written, or of a read-only register, as it is read."""
        return int((self.taken if self.writable else self.shown).pack(**values))

    def unpack(self, word: int) -> dict[str, int]:
        """Returns the fields of a word that was read."""
        return self.shown.unpack(word)

    def after(self, word: int) -> int:
        """Returns the word that the register reads as after `word` was written, if the hardware does not set it."""
        return word & self.kept.mask


class RegisterBlock:
    """Registers that lie together, in one copy or several.

    base:   address of the first copy, in bytes.
    stride: bytes from one copy to the next; 0 means that there is one copy.
    size:   bytes of a copy; every offset is below it.

    Raises ValueError for two registers with one offset or one name, and for a register outside the block.
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
        """Returns a register by its name. Raises KeyError for an unknown name."""
        return self._by_name[name]

    def address(self, name: str, copy: int = 0) -> int:
        """Returns the address of a register in one copy, in bytes. Raises KeyError for an unknown name."""
        return self.base + copy * self.stride + self[name].offset

    def at(self, address: int) -> Register | None:
        """Returns the register at an address, in any copy, or None if there is none."""
        within = address - self.base
        return None if within < 0 else self._by_offset.get(within % self.stride if self.stride else within)
