"""A core on a device: routed once and kept, then given the contents of one network after another."""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np

from firstspike_hw.contract import CoreConfig, FirstspikeError

from .blocks import Blocks, Column, find_columns, read_blocks, read_memories, with_blocks, with_memories
from .netlist import Contents, block_memories, known_contents, share_modules, with_contents, without_collisions
from .pll import Pll, pll_for
from .route import Report, place_and_route, read_report
from .synthesis import synthesise
from .tools import ECPPACK, ECPUNPACK, YOSYS, run
from .top import emit_rtlil

__all__ = ["Device", "Routed", "check_only_contents_changed", "make_bitstream", "read_back", "routed"]

Progress = Callable[[str], None]

_FINISHED: Final = "finished.json"  # written last into the folder of a routed design
GOAL_MHZ: Final = 100.0  # what place and route works towards
_CLOCK: Final = re.compile(r"^word: (CLKI_DIV|CLKFB_DIV|CLKOP_DIV|CLKOP_CPHASE) [01]{7}\n", re.MULTILINE)
_BRAM: Final = re.compile(r"^\.bram_init \d+\n(?:[0-9a-f ]+\n)+\n?", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Device:
    """family: `ecp5` or `ice40`. part: as it is sold. options: nextpnr's for it. oscillator_mhz: of the board.

    board: its constraint file in firstspike_hw.boards, without the ending.
    """

    family: str
    part: str
    options: tuple[str, ...]
    oscillator_mhz: float
    board: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Routed:
    """A routed design whose block memories hold known contents. folder: nextpnr's files, `template.*`."""

    folder: Path
    report: Report
    columns: tuple[Column, ...]
    seed: int
    seconds: float
    tools: dict[str, str]


def routed(
    config: CoreConfig, device: Device, *, seed: int, cache: Path, progress: Progress = lambda what: None
) -> Routed:
    """From the cache if the same core was routed for the same device with the same tools before.

    Raises FirstspikeError for a missing tool, and a design that does not fit or cannot be routed.
    """
    progress("the gateware")
    pll = pll_for(device.family, device.oscillator_mhz, GOAL_MHZ)
    text = emit_rtlil(config, family=device.family, pll=pll)
    memories = block_memories(text)
    text = share_modules(without_collisions(with_contents(text, known_contents)))
    tools = {tool.package: tool.version() for tool in (YOSYS, ECPPACK)}
    key = json.dumps([text, asdict(device), seed, tools])
    folder = cache / "silicon" / hashlib.sha256(key.encode()).hexdigest()[:24]
    if not (folder / _FINISHED).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        start = time.monotonic()
        (folder / "design.il").write_text(text)
        progress("synthesis")
        synthesise(folder / "design.il", folder / "design.json", device.family, folder / "synthesis.log")
        progress("place and route")
        ending = "lpf" if device.family == "ecp5" else "pcf"
        pins = resources.files("firstspike_hw").joinpath(f"boards/{device.board}.{ending}").read_text("utf-8")
        (folder / f"pins.{ending}").write_text(pins)
        place_and_route(
            folder,
            device=device.options,
            family=device.family,
            seed=seed,
            clock_mhz=pll.mhz,
            pins=f"pins.{ending}",
        )
        progress("where the memories lie")
        blocks = read_blocks((folder / "design.config").read_text())
        columns = find_columns(memories, blocks)
        _pack(folder, "design")
        _unpack(folder, "design", "template")
        (folder / "columns.json").write_text(json.dumps([list(asdict(c).values()) for c in columns]))
        for big in ("design.il", "design.json"):
            (folder / big).unlink()
        (folder / _FINISHED).write_text(json.dumps({"seconds": round(time.monotonic() - start, 1), "tools": tools}))
    done: dict[str, Any] = json.loads((folder / _FINISHED).read_text())
    names = list(Column.__dataclass_fields__)
    columns = [Column(**dict(zip(names, c, strict=True))) for c in json.loads((folder / "columns.json").read_text())]
    return Routed(
        folder=folder,
        report=read_report(folder / "report.json"),
        columns=tuple(columns),
        seed=seed,
        seconds=done["seconds"],
        tools=done["tools"],
    )


def make_bitstream(design: Routed, contents: Mapping[str, Contents], pll: Pll, out: Path) -> int:
    """`firstspike.bit` in `out`: the routed design with those contents, without placing or routing anything.

    pll: the clock of the core, at most what place and route reached.

    contents: uint8 ``[depth, width]`` by path, of every memory of the design. Returns how many bits they change.
    Raises FirstspikeError if they are not those of the design, or what comes back out of the bitstream differs.
    """
    known = {c.memory for c in design.columns}
    if set(contents) != known:
        odd = sorted(set(contents) ^ known)
        raise FirstspikeError(f"contents are not those of the design's memories: {', '.join(odd[:3])}")
    out.mkdir(parents=True, exist_ok=True)
    text = (design.folder / "design.config").read_text()
    blocks = with_memories(design.columns, read_blocks(text), contents)
    (out / "firstspike.config").write_text(_with_clock(with_blocks(text, blocks), pll))
    _pack(out, "firstspike")
    back = read_back(design, out / "firstspike.bit")
    wrong = [path for path, bits in contents.items() if not np.array_equal(back[path], bits)]
    if wrong:
        raise FirstspikeError(f"the bitstream does not hold what was written to {', '.join(wrong[:3])}")
    return check_only_contents_changed(design, out)


def read_back(design: Routed, bitstream: Path) -> dict[str, Contents]:
    """What a bitstream of that design holds in its memories, uint8 ``[depth, width]`` by path."""
    _unpack(bitstream.parent, bitstream.stem, f"{bitstream.stem}.back")
    return read_memories(design.columns, read_blocks((bitstream.parent / f"{bitstream.stem}.back.config").read_text()))


def check_only_contents_changed(design: Routed, out: Path) -> int:
    """Compares the unpacked bitstream with the unpacked template; returns how many bits of block RAM differ.

    Raises FirstspikeError if anything differs but bits of the memories, and the divisors of the clock.
    """
    texts = [(design.folder / "template.config").read_text(), (out / "firstspike.back.config").read_text()]
    logic = [_CLOCK.sub("", _BRAM.sub("", text)) for text in texts]
    if logic[0] != logic[1]:
        raise FirstspikeError(f"the bitstream in {out} differs from the routed design in more than block RAM contents")
    before, after = (read_blocks(text) for text in texts)
    allowed = _bits_of(design.columns, before)
    changed = 0
    for number, entries in before.items():
        differing = entries ^ after[number]
        if (differing & ~allowed[number]).any():
            raise FirstspikeError(f"block RAM {number} differs from the routed design outside of the loaded memories")
        changed += int(np.bitwise_count(differing).sum())
    return changed


def _with_clock(config: str, pll: Pll) -> str:
    """The same configuration with other divisors of the PLL. Raises FirstspikeError if it has no PLL of its own."""
    words = {
        "CLKI_DIV": pll.reference - 1,
        "CLKFB_DIV": pll.feedback - 1,
        "CLKOP_DIV": pll.output - 1,
        "CLKOP_CPHASE": pll.output - 1,
    }
    if sorted(found[1] for found in _CLOCK.finditer(config)) != sorted(words):
        raise FirstspikeError("the configuration has not one PLL, whose divisors could be set")
    return _CLOCK.sub(lambda found: f"word: {found[1]} {words[found[1]]:07b}\n", config)


def _bits_of(columns: tuple[Column, ...], blocks: Blocks) -> Blocks:
    """The bits of the blocks that belong to loaded memories, set."""
    allowed = {number: np.zeros_like(entries) for number, entries in blocks.items()}
    for c in columns:
        allowed[c.block][c.offset : c.offset + c.stride * c.words : c.stride] |= np.uint16(1 << c.position)
    return allowed


def _pack(folder: Path, name: str) -> None:
    command = [ECPPACK.command(), f"{name}.config", "--bit", f"{name}.bit"]
    run(command, "packing the bitstream", log=folder / f"{name}.pack.log", folder=folder)


def _unpack(folder: Path, name: str, to: str) -> None:
    command = [ECPUNPACK.command(), f"{name}.bit", f"{to}.config"]
    run(command, "unpacking the bitstream", log=folder / f"{to}.unpack.log", folder=folder)
