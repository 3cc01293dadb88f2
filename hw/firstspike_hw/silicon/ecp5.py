"""ECP5 bitstreams: reads and writes contents of block RAM in the bitstream itself, and sets the core's clock.

Behind the configuration frames of the fabric, a bitstream has a section for each block: its address, its 2048 entries
of nine bits, and a checksum. New contents therefore need neither nextpnr nor the packer, and reading them back does not
depend on the unpacker.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import FirstspikeError

from .blocks import Blocks, Geometry
from .pll import Pll
from .tools import ECPPACK, run

__all__ = ["Ecp5", "with_clock"]

_BITS: Final = 9
_BYTES: Final = 2048 * _BITS // 8
# Command LSC_EBR_ADDRESS, with the block's number from bit 11 on, and LSC_EBR_WRITE of 256 frames of nine bytes, with a
# checksum.
_SECTION: Final = re.compile(
    rb"\xf6\x00\x00\x00(?P<address>.{4})\xb2\xd0\x01\x00(?P<entries>.{%d})(?P<check>.{2})" % _BYTES, re.DOTALL
)
_ADDRESS_SHIFT: Final = 11
_POLYNOMIAL: Final = 0x8005
_CLOCK: Final = re.compile(r"^word: (CLKI_DIV|CLKFB_DIV|CLKOP_DIV|CLKOP_CPHASE) [01]{7}\n", re.MULTILINE)


class Ecp5:
    """`family.Family` of the ECP5. `data` is a whole bitstream."""

    # The block RAM is a DP16KD. A word takes up some bits of 1, 2 or 4 neighbouring entries (2048 x 9, 1024 x 18,
    # 512 x 36), or a part of the low eight bits of an entry (4096 x 4, 8192 x 2, 16384 x 1).
    geometry: ClassVar = Geometry(entries=2048, bits=_BITS, strides=(1, 2, 4), shares=(2, 4, 8))
    routed: ClassVar = "design.config"
    constraints: ClassVar = "lpf"
    bitstream: ClassVar = "firstspike.bit"
    clock_is_routed: ClassVar = False

    def template(self, folder: Path, pll: Pll) -> bytes:
        """Returns the routed design with the clock `pll`, as a bitstream. Packs it once for each clock."""
        name = f"clock-{pll.reference}-{pll.feedback}-{pll.output}"
        packed = folder / f"{name}.bit"
        if not packed.exists():
            text = folder / f"{name}.config"
            text.write_text(with_clock((folder / self.routed).read_text(), pll))
            command = [ECPPACK.command(), text.name, "--bit", f"{name}.new"]
            run(command, "packing the bitstream", log=folder / f"{name}.pack.log", folder=folder)
            text.unlink()
            (folder / f"{name}.new").replace(packed)
        return packed.read_bytes()

    def write(self, data: bytes, out: Path) -> None:
        """Writes `data`, which is a bitstream already, to a file."""
        (out / self.bitstream).write_bytes(data)

    def read(self, bitstream: Path) -> bytes:
        """Returns the bytes of the file."""
        return bitstream.read_bytes()

    def read_blocks(self, data: bytes) -> Blocks:
        """Returns the contents of every block that the bitstream writes, uint16 ``[2048]`` by its number.

        Raises FirstspikeError if there is no such block, or a checksum is wrong.
        """
        found = {}
        for section in _sections(data):
            bits = np.unpackbits(np.frombuffer(section["entries"], np.uint8)).reshape(-1, _BITS)
            found[_number(section)] = (bits << np.arange(_BITS - 1, -1, -1, dtype=np.uint16)).sum(
                axis=1, dtype=np.uint16
            )
        return found

    def with_blocks(self, data: bytes, blocks: Mapping[int, NDArray[np.uint16]]) -> bytes:
        """Returns the bitstream with new contents of the given blocks; other blocks stay.

        Raises FirstspikeError if the bitstream writes no block, or a checksum is wrong.
        """
        changed = bytearray(data)
        for section in _sections(data):
            if (entries := blocks.get(_number(section))) is not None:
                bits = (entries[:, None] >> np.arange(_BITS - 1, -1, -1) & 1).astype(np.uint8)
                written = np.packbits(bits.reshape(-1)).tobytes()
                head = section[0][: -_BYTES - 2]
                changed[section.start("entries") : section.end()] = written + _checksum(head + written)
        return bytes(changed)

    def without_blocks(self, data: bytes) -> bytes:
        """Returns the bitstream with zeros in place of the blocks' contents and checksums."""
        return _SECTION.sub(lambda section: section[0][: -_BYTES - 2] + bytes(_BYTES + 2), data)


def with_clock(config: str, pll: Pll) -> str:
    """Returns nextpnr's text with the divisors of `pll`. Raises FirstspikeError unless the text has exactly one PLL."""
    words = {
        "CLKI_DIV": pll.reference - 1,
        "CLKFB_DIV": pll.feedback - 1,
        "CLKOP_DIV": pll.output - 1,
        "CLKOP_CPHASE": pll.output - 1,
    }
    if sorted(found[1] for found in _CLOCK.finditer(config)) != sorted(words):
        raise FirstspikeError("the configuration must have exactly one PLL to set its divisors")
    return _CLOCK.sub(lambda found: f"word: {found[1]} {words[found[1]]:07b}\n", config)


def _sections(bitstream: bytes) -> Iterator[re.Match[bytes]]:
    sections = list(_SECTION.finditer(bitstream))
    if not sections:
        raise FirstspikeError("the bitstream has no block RAM; is it one of an ECP5, not compressed?")
    for section in sections:
        if _checksum(section[0][:-2]) != section["check"]:
            raise FirstspikeError(f"block RAM {_number(section)} of the bitstream has a wrong checksum")
        yield section


def _number(section: re.Match[bytes]) -> int:
    return int.from_bytes(section["address"], "big") >> _ADDRESS_SHIFT


def _byte_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = (value << 1) ^ (_POLYNOMIAL if value & 0x8000 else 0)
        table.append(value & 0xFFFF)
    return table


_TABLE: Final = _byte_table()


def _checksum(data: bytes) -> bytes:
    """Returns the device's CRC-16: polynomial 0x8005, initial value 0, highest bit first."""
    check = 0
    for byte in data:
        check = (check << 8 & 0xFFFF) ^ _TABLE[check >> 8 ^ byte]
    return check.to_bytes(2, "big")
