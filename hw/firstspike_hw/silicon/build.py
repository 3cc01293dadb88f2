"""Builds a core for a device: routes it once, keeps the result, and writes one network after another into it.

Tested by tests/host/cli/test_build.py and tests/host/cli/test_bitstreams.py.
"""

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from firstspike_contract import FirstspikeError
from firstspike_contract.common.progress import Progress, unheard
from firstspike_hw.fabric.memory_port import Contents

from .blocks import Column, bits_of, find_columns, read_memories, with_memories
from .design import Design
from .family import FAMILIES, tools_of
from .floorplan import recipe
from .fpga import Fpga
from .netlist import BlockMemory, prepared
from .pll import Pll, pll_for
from .route import Report, place_and_route, read_report
from .synthesis import synthesise

__all__ = ["GOAL_MHZ", "Routed", "make_bitstream", "read_back", "routed", "routing_pll"]

GOAL_MHZ: Final = 100.0  # goal of place and route on families whose clock is set afterwards
STAGES: Final = ("generating the gateware", "synthesis", "place and route", "locating the memories")

_FINISHED: Final = "finished.json"  # written last into the folder of a routed design


@dataclass(frozen=True, kw_only=True, eq=False)
class Routed:
    """A routed design whose block memories hold known contents.

    folder:  nextpnr's files and the tools' logs.
    fpga:    the device that it was routed for.
    report:  nextpnr's report.
    columns: where each bit of each memory lies in the block RAMs.
    pll:     the clock that it was routed for.
    seed:    nextpnr's seed.
    seconds: time that synthesis, place and route took.
    tools:   versions of the tools, by package.
    """

    folder: Path
    fpga: Fpga
    report: Report
    columns: tuple[Column, ...]
    pll: Pll
    seed: int
    seconds: float
    tools: dict[str, str]


def routing_pll(fpga: Fpga, clock_mhz: float) -> Pll:
    """Returns the clock that a design is routed for.

    clock_mhz: wanted clock of the core. If the family's clock can be set after place and route, GOAL_MHZ replaces it.
    """
    routed_for = clock_mhz if FAMILIES[fpga.family].clock_is_routed else GOAL_MHZ
    return pll_for(fpga.family, fpga.oscillator_mhz, routed_for)


def routed(
    design: Design,
    fpga: Fpga,
    *,
    pll: Pll,
    seed: int,
    cache: Path,
    planned: bool = False,
    progress: Progress = unheard,
) -> Routed:
    """Returns the routed design, from the cache if it was routed before with the same tools.

    pll:      the clock that the design was made for (`routing_pll`).
    seed:     nextpnr's seed.
    cache:    folder in which routed designs are kept.
    planned:  whether the block memories are given their sites, and the router more patience (floorplan).
    progress: called now and then with the part of the work that is under way.

    Raises FirstspikeError for a missing tool, and for a design that does not fit or cannot be routed.
    """
    tools = {tool.package: tool.version() for tool in tools_of(fpga.family)}
    asked: list[Any] = [asdict(fpga), asdict(pll), seed, tools, *([recipe()] if planned else [])]
    kept = cache / "silicon"
    kept.mkdir(parents=True, exist_ok=True)
    # Generating the gateware's text takes seconds. This file names the folder of a known design without it.
    known = kept / f"source-{_digest(design.identity, json.dumps(asked))}.txt"
    progress(0, 0, STAGES[0])
    if not (known.exists() and (kept / known.read_text() / _FINISHED).exists()):
        text = prepared(design.rtlil, fpga.family)
        folder = kept / _digest(json.dumps([text, *asked]))
        with _alone(folder):
            if not (folder / _FINISHED).exists():
                _route(
                    folder,
                    text,
                    design.memories,
                    fpga,
                    pll=pll,
                    seed=seed,
                    tools=tools,
                    planned=planned,
                    progress=progress,
                )
        known.write_text(folder.name)
    folder = kept / known.read_text()
    done: dict[str, Any] = json.loads((folder / _FINISHED).read_text())
    columns = [Column(**c) for c in json.loads((folder / "columns.json").read_text())]
    return Routed(
        folder=folder,
        fpga=fpga,
        report=read_report(folder / "report.json"),
        columns=tuple(columns),
        pll=pll,
        seed=seed,
        seconds=done["seconds"],
        tools=done["tools"],
    )


def _route(
    folder: Path,
    text: str,
    memories: Sequence[BlockMemory],
    fpga: Fpga,
    *,
    pll: Pll,
    seed: int,
    tools: dict[str, str],
    planned: bool,
    progress: Progress,
) -> None:
    """Does all that takes minutes, into a folder. finished.json is written last and marks the folder as complete."""
    family = FAMILIES[fpga.family]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start = time.monotonic()
    (folder / "design.il").write_text(text)
    progress(0, 0, STAGES[1])
    il, netlist, said = (folder / name for name in ("design.il", "design.json", "synthesis.log"))
    synthesise(il, netlist, fpga.family, said, sites_of=fpga.part if planned else "")
    progress(0, 0, STAGES[2])
    pins = f"pins.{family.constraints}"
    (folder / pins).write_text(fpga.constraints)
    place_and_route(folder, fpga=fpga, seed=seed, clock_mhz=pll.mhz, pins=pins, progress=progress)
    progress(0, 0, STAGES[3])
    columns = find_columns(memories, family.read_blocks(family.template(folder, pll)), family.geometry)
    (folder / "columns.json").write_text(json.dumps([asdict(c) for c in columns]))
    for big in ("design.il", "design.json"):
        (folder / big).unlink()
    (folder / _FINISHED).write_text(json.dumps({"seconds": round(time.monotonic() - start, 1), "tools": tools}))


def make_bitstream(design: Routed, contents: Mapping[str, Contents], pll: Pll, out: Path) -> int:
    """Writes the routed design with other contents as a bitstream, without placing or routing anything.

    contents: uint8 ``[depth, width]`` by path, for every memory of the design.
    pll:      the clock of the core, at most what place and route reached.
    out:      folder for the bitstream.

    Returns how many bits of block RAM differ from the routed design. Raises FirstspikeError if `contents` do not name
    exactly the design's memories, if the bitstream that is read back holds other contents, or if it differs from the
    routed design in anything but these contents.
    """
    family, memories = FAMILIES[design.fpga.family], {c.memory for c in design.columns}
    if set(contents) != memories:
        odd = sorted(set(contents) ^ memories)
        raise FirstspikeError(f"contents must name exactly the design's memories; these differ: {', '.join(odd[:3])}")
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
    """Returns what a bitstream of that design holds in its memories, uint8 ``[depth, width]`` by path."""
    family = FAMILIES[design.fpga.family]
    return read_memories(design.columns, family.read_blocks(family.read(bitstream)))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds a lock, so that only one process places and routes a design at a time."""
    if os.name != "posix":  # there is no such lock; at worst a design is routed twice
        yield
        return
    import fcntl

    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
