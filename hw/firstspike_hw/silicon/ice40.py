"""iCE40 bitstreams: what block RAMs hold, in the packer's text."""

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
# Bits of a word of a block in the order in which narrower words lie side by side in it (its own inverse).
_ORDER: Final = np.array([0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15])
# A block by its tile, then 16 lines of 16 words, the highest first.
_BLOCK: Final = re.compile(rb"^\.ram_data (\d+) (\d+)\n((?:[0-9a-f]{64}\n){16})", re.MULTILINE)
_ROW_SHIFT: Final = 8  # the number of a block: its column, its row


class Ice40:
    """`family.Family` of the iCE40. What a network's contents are written into is the text of a whole bitstream."""

    # Of a SB_RAM40_4K. All its widths are some neighbouring entries: 256 x 16, 512 x 8, 1024 x 4, 2048 x 2.
    geometry: ClassVar = Geometry(entries=_ENTRIES, bits=_BITS, strides=(1, 2, 4, 8))
    routed: ClassVar = "design.asc"
    constraints: ClassVar = "pcf"
    bitstream: ClassVar = "firstspike.bin"
    clock_is_routed: ClassVar = True  # the divisors of its PLL lie among the bits of a pad's tile

    def template(self, folder: Path, pll: Pll) -> bytes:
        """The routed design, packed and unpacked, as everything that is compared with it."""
        kept = folder / "template.asc"
        if not kept.exists():
            run([ICEPACK.command(), self.routed, "design.bin"], "packing", log=folder / "pack.log", folder=folder)
            kept.write_bytes(self.read(folder / "design.bin"))
        return kept.read_bytes()

    def write(self, data: bytes, out: Path) -> None:
        """By the packer. Raises FirstspikeError if it fails."""
        with tempfile.TemporaryDirectory(dir=out) as scratch:
            (Path(scratch) / "new.asc").write_bytes(data)
            run([ICEPACK.command(), "new.asc", "new.bin"], "packing", log=out / "pack.log", folder=Path(scratch))
            (Path(scratch) / "new.bin").replace(out / self.bitstream)
            (out / "pack.log").unlink()

    def read(self, bitstream: Path) -> bytes:
        """By the unpacker. Raises FirstspikeError if it fails."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / "old.bin").write_bytes(bitstream.read_bytes())
            run([ICEUNPACK.command(), "old.bin", "old.asc"], "unpacking", log=folder / "log", folder=folder)
            return (folder / "old.asc").read_bytes()

    def read_blocks(self, data: bytes) -> Blocks:
        """Contents of every block, uint16 ``[2048]`` by its number."""
        found = {}
        for column, row, text in _BLOCK.findall(data):
            lines = [bytes.fromhex(line.decode()) for line in text.split()]
            words = np.concatenate([np.frombuffer(line, ">u2")[::-1] for line in lines])
            bits = (words[:, None] >> _ORDER & 1).reshape(-1, _BITS)
            found[int(column) << _ROW_SHIFT | int(row)] = (bits << np.arange(_BITS)).sum(axis=1).astype(np.uint16)
        return found

    def with_blocks(self, data: bytes, blocks: Mapping[int, NDArray[np.uint16]]) -> bytes:
        """The same text with those contents; blocks that are not named stay."""

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
        """All but the lines of contents."""
        return _BLOCK.sub(rb".ram_data \1 \2\n", data)
