"""A core on a device: routed once and kept, then given the contents of one network after another."""

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import Any, Final

import numpy as np

from firstspike_contract import CoreConfig, FirstspikeError
from firstspike_hw.board.chains import emit_rtlil
from firstspike_hw.emit.sources import gateware_sources

from .blocks import Column, bits_of, find_columns, read_memories, with_memories
from .family import FAMILIES, tools_of
from .floorplan import recipe
from .netlist import BlockMemory, Contents, block_memories, prepared
from .pll import Pll, pll_for
from .route import Report, place_and_route, read_report
from .synthesis import synthesise

__all__ = ["GOAL_MHZ", "Device", "Routed", "make_bitstream", "read_back", "routed"]

Progress = Callable[[str], None]

GOAL_MHZ: Final = 100.0  # what place and route works towards where the clock is set afterwards
STAGES: Final = ("the gateware", "synthesis", "place and route", "where the memories lie")

_FINISHED: Final = "finished.json"  # written last into the folder of a routed design
_LANGUAGE: Final = "amaranth"


@dataclass(frozen=True, kw_only=True)
class Device:
    """family: `ecp5` or `ice40`. part: as it is sold. options: nextpnr's for it. oscillator_mhz: of the board.

    board: its constraint file in firstspike_hw.board.pins, without the ending.
    """

    family: str
    part: str
    options: tuple[str, ...]
    oscillator_mhz: float
    board: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Routed:
    """A routed design whose block memories hold known contents.

    folder: nextpnr's files and the tools' logs. pll: the clock that it was routed for. seconds: what it took.
    """

    folder: Path
    device: Device
    report: Report
    columns: tuple[Column, ...]
    pll: Pll
    seed: int
    seconds: float
    tools: dict[str, str]


def routed(
    config: CoreConfig,
    device: Device,
    *,
    clock_mhz: float,
    seed: int,
    cache: Path,
    planned: bool = False,
    progress: Progress = lambda what: None,
) -> Routed:
    """From the cache if the same core was routed for the same device with the same tools before.

    clock_mhz: of the core; where it can be set after place and route, that works towards GOAL_MHZ instead.
    planned: the block memories are given their sites, and the router more patience (floorplan).
    Raises FirstspikeError for a missing tool, and a design that does not fit or cannot be routed.
    """
    family = FAMILIES[device.family]
    tools = {tool.package: tool.version() for tool in tools_of(device.family)}
    pll = pll_for(device.family, device.oscillator_mhz, clock_mhz if family.clock_is_routed else GOAL_MHZ)
    language = {_LANGUAGE: metadata.version(_LANGUAGE)}
    asked: list[Any] = [asdict(device), seed, tools, *([recipe()] if planned else [])]
    how = json.dumps([asdict(config), asdict(pll), language, asked])
    kept = cache / "silicon"
    kept.mkdir(parents=True, exist_ok=True)
    # Making the gateware's text takes seconds: the design of known sources is known.
    known = kept / f"source-{_digest(how, *gateware_sources())}.txt"
    progress(STAGES[0])
    if not (known.exists() and (kept / known.read_text() / _FINISHED).exists()):
        text = emit_rtlil(config, family=device.family, pll=pll)
        memories = block_memories(text)
        text = prepared(text, device.family)
        folder = kept / _digest(json.dumps([text, *asked]))
        with _alone(folder):
            if not (folder / _FINISHED).exists():
                _route(
                    folder,
                    text,
                    memories,
                    device,
                    pll=pll,
                    seed=seed,
                    tools=tools,
                    planned=planned,
                    progress=progress,
                )
        known.write_text(folder.name)
    folder = kept / known.read_text()
    done: dict[str, Any] = json.loads((folder / _FINISHED).read_text())
    names = list(Column.__dataclass_fields__)
    kept_columns = json.loads((folder / "columns.json").read_text())  # of an older version without the last field
    columns = [Column(**dict(zip(names, c, strict=False))) for c in kept_columns]
    return Routed(
        folder=folder,
        device=device,
        report=read_report(folder / "report.json"),
        columns=tuple(columns),
        pll=pll,
        seed=seed,
        seconds=done["seconds"],
        tools=done["tools"] | language,
    )


def _route(
    folder: Path,
    text: str,
    memories: list[BlockMemory],
    device: Device,
    *,
    pll: Pll,
    seed: int,
    tools: dict[str, str],
    planned: bool,
    progress: Progress,
) -> None:
    """Everything that takes minutes, into a folder that is finished when finished.json is there."""
    family = FAMILIES[device.family]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start = time.monotonic()
    (folder / "design.il").write_text(text)
    progress(STAGES[1])
    il, netlist, said = (folder / name for name in ("design.il", "design.json", "synthesis.log"))
    synthesise(il, netlist, device.family, said, sites_of=device.part if planned else "")
    progress(STAGES[2])
    pins = f"pins.{family.constraints}"
    board = resources.files("firstspike_hw").joinpath(f"board/pins/{device.board}.{family.constraints}")
    (folder / pins).write_text(board.read_text("utf-8"))
    place_and_route(folder, device=device, seed=seed, clock_mhz=pll.mhz, pins=pins, progress=progress)
    progress(STAGES[3])
    columns = find_columns(memories, family.read_blocks(family.template(folder, pll)), family.geometry)
    (folder / "columns.json").write_text(json.dumps([list(asdict(c).values()) for c in columns]))
    for big in ("design.il", "design.json"):
        (folder / big).unlink()
    (folder / _FINISHED).write_text(json.dumps({"seconds": round(time.monotonic() - start, 1), "tools": tools}))


def make_bitstream(design: Routed, contents: Mapping[str, Contents], pll: Pll, out: Path) -> int:
    """The bitstream in the folder `out`: the routed design with those contents, without placing or routing anything.

    contents: uint8 ``[depth, width]`` by path, of every memory of the design. pll: the clock of the core, at most what
    place and route reached. Returns how many bits of block RAM differ from the routed design.
    Raises FirstspikeError if the contents are not those of the design's memories, if what is read back out of the
    bitstream is something else, or if anything but those contents differs from the routed design.
    """
    family, memories = FAMILIES[design.device.family], {c.memory for c in design.columns}
    if set(contents) != memories:
        odd = sorted(set(contents) ^ memories)
        raise FirstspikeError(f"contents are not those of the design's memories: {', '.join(odd[:3])}")
    template = family.template(design.folder, pll)
    before = family.read_blocks(template)
    family.write(family.with_blocks(template, with_memories(design.columns, before, contents)), out)

    back = family.read(out / family.bitstream)
    after = family.read_blocks(back)
    stored = read_memories(design.columns, after)
    wrong = [path for path, bits in contents.items() if not np.array_equal(stored[path], bits)]
    if wrong:
        raise FirstspikeError(f"the bitstream does not hold what was written to {', '.join(wrong[:3])}")
    if family.without_blocks(back) != family.without_blocks(template):
        raise FirstspikeError("the bitstream differs from the routed design in more than block RAM contents")
    allowed, changed = bits_of(design.columns, before), 0
    for number, entries in before.items():
        differing = entries ^ after[number]
        if (differing & ~allowed[number]).any():
            raise FirstspikeError(f"block RAM {number} differs from the routed design outside of the loaded memories")
        changed += int(np.bitwise_count(differing).sum())
    return changed


def read_back(design: Routed, bitstream: Path) -> dict[str, Contents]:
    """What a bitstream of that design holds in its memories, uint8 ``[depth, width]`` by path."""
    family = FAMILIES[design.device.family]
    return read_memories(design.columns, family.read_blocks(family.read(bitstream)))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One place and route of a design at a time, over all processes."""
    if os.name != "posix":  # no such lock; at worst it is routed twice
        yield
        return
    import fcntl

    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
