"""iCE40 bitstreams: reads and writes contents of block RAM in the packer's text."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from .blocks import Blocks, Geometry
from .pll import Pll
from .tools import ICEPACK, ICEUNPACK, run

__all__ = ["Ice40"]

_ENTRIES, _BITS = 2048, 2
# Order in which the bits of narrower words lie in a block's 16-bit word (the order is its own inverse).
_ORDER: Final = np.array([0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15])
# A block: column and row of its tile, then 16 lines of 16 words, the highest word of a line first.
_BLOCK: Final = re.compile(rb"^\.ram_data (\d+) (\d+)\n((?:[0-9a-f]{64}\n){16})", re.MULTILINE)
_ROW_SHIFT: Final = 8  # the number of a block is its column, then its row in the low bits


class Ice40:
    """`family.Family` of the iCE40. `data` is the text of a whole bitstream."""

    # The block RAM is an SB_RAM40_4K. A word takes up 8, 4, 2 or 1 neighbouring entries: 256 x 16, 512 x 8, 1024 x 4,
    # 2048 x 2.
    geometry: ClassVar = Geometry(entries=_ENTRIES, bits=_BITS, strides=(1, 2, 4, 8))
    routed: ClassVar = "design.asc"
    constraints: ClassVar = "pcf"
    bitstream: ClassVar = "firstspike.bin"
    clock_is_routed: ClassVar = True  # the divisors of its PLL lie among the bits of a pad's tile

    def template(self, folder: Path, pll: Pll) -> bytes:
        """Returns the routed design, packed and unpacked like all that is compared with it. `pll` has no effect."""
        kept = folder / "template.asc"
        if not kept.exists():
            run([ICEPACK.command(), self.routed, "design.bin"], "packing", log=folder / "pack.log", folder=folder)
            kept.write_bytes(self.read(folder / "design.bin"))
        return kept.read_bytes()

    def write(self, data: bytes, out: Path) -> None:
        """Writes the bitstream with the packer. Raises FirstspikeError if the packer fails."""
        with tempfile.TemporaryDirectory(dir=out) as scratch:
            (Path(scratch) / "new.asc").write_bytes(data)
            run([ICEPACK.command(), "new.asc", "new.bin"], "packing", log=out / "pack.log", folder=Path(scratch))
            (Path(scratch) / "new.bin").replace(out / self.bitstream)
            (out / "pack.log").unlink()

    def read(self, bitstream: Path) -> bytes:
        """Reads the bitstream with the unpacker. Raises FirstspikeError if the unpacker fails."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / "old.bin").write_bytes(bitstream.read_bytes())
            run([ICEUNPACK.command(), "old.bin", "old.asc"], "unpacking", log=folder / "log", folder=folder)
            return (folder / "old.asc").read_bytes()

    def read_blocks(self, data: bytes) -> Blocks:
        """Returns the contents of every block, uint16 ``[2048]`` by its number."""
        found = {}
        for column, row, text in _BLOCK.findall(data):
            lines = [bytes.fromhex(line.decode()) for line in text.split()]
            words = np.concatenate([np.frombuffer(line, ">u2")[::-1] for line in lines])
            bits = (words[:, None] >> _ORDER & 1).reshape(-1, _BITS)
            found[int(column) << _ROW_SHIFT | int(row)] = (bits << np.arange(_BITS)).sum(axis=1).astype(np.uint16)
        return found

    def with_blocks(self, data: bytes, blocks: Mapping[int, NDArray[np.uint16]]) -> bytes:
        """Returns the text with new contents of the given blocks; other blocks stay."""

        def changed(found: re.Match[bytes]) -> bytes:
            entries = blocks.get(int(found[1]) << _ROW_SHIFT | int(found[2]))
            if entries is None:
                return found[0]
            bits = (entries[:, None] >> np.arange(_BITS) & 1).reshape(-1, 16)
            words = (bits << _ORDER).sum(axis=1)
            lines = [row[::-1].astype(">u2").tobytes().hex() for row in words.reshape(16, 16)]
            return found[0][: found.start(3) - found.start()] + "".join(f"{line}\n" for line in lines).encode()

        return _BLOCK.sub(changed, data)

    def without_blocks(self, data: bytes) -> bytes:
        """Returns the text without the lines of block contents."""
        return _BLOCK.sub(rb".ram_data \1 \2\n", data)
