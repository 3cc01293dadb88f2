"""Runs nextpnr for place and route, and reads its report.

Tested by tests/hw/silicon/test_tools.py.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from firstspike_contract import FirstspikeError
from firstspike_contract.common.progress import Progress, unheard

from .fpga import Fpga
from .tools import NEXTPNR_ECP5, NEXTPNR_ICE40, Tool, run
from .watch import Watch

__all__ = ["Report", "place_and_route", "read_report"]

NEXTPNR: Final[dict[str, Tool]] = {"ecp5": NEXTPNR_ECP5, "ice40": NEXTPNR_ICE40}
# router1 does not finish on a full FPGA.
_ECP5: Final = ("--router", "router2", "--placer", "static")
_FULL: Final = 0.95  # fraction of the logic above which a placement is hardly found
_LOGIC: Final = ("TRELLIS_COMB", "ICESTORM_LC")
_USE: Final = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%$", re.MULTILINE)  # resource, used, available


@dataclass(frozen=True, kw_only=True)
class Report:
    """nextpnr's report on a routed design.

    fmax_mhz:  highest frequency of the slowest clock, the core's.
    used:      number used by the name of nextpnr's resource.
    available: number that the device has, by the name of the resource.
    path:      the clock's critical path: (delay in ns, type such as "logic" or "routing", from cell, to cell) each.
    """

    fmax_mhz: float
    used: dict[str, int]
    available: dict[str, int]
    path: tuple[tuple[float, str, str, str], ...] = ()


def place_and_route(
    folder: Path,
    *,
    fpga: Fpga,
    seed: int,
    clock_mhz: float,
    pins: str | None = None,
    progress: Progress = unheard,
) -> Report:
    """Places and routes `design.json` of a folder.

    Writes `design.config` (ECP5) or `design.asc` (iCE40), `report.json` and `route.log` into the folder.

    pins:     name of the constraint file in the folder; None: nextpnr chooses the pads.
    progress: called now and then with what nextpnr is doing.

    Raises FirstspikeError if nextpnr is missing, if the design does not fit (the message says what it needs and what
    the device has), or if it cannot be placed or routed. A missed clock is no error: the report has the frequency.
    """
    # File names, no paths: the program sees little of the file system outside its folder.
    command = [NEXTPNR[fpga.family].command(), *fpga.options, "--json", "design.json", "--report", "report.json"]
    command += ["--seed", str(seed), "--freq", f"{clock_mhz:g}", "--timing-allow-fail"]
    if fpga.family == "ecp5":
        command += [*_ECP5, "--textcfg", "design.config"]
        command += ["--lpf", pins] if pins else ["--lpf-allow-unconstrained"]
    else:
        command += ["--asc", "design.asc", *(["--pcf", pins] if pins else ["--pcf-allow-unconstrained"])]
    log = folder / "route.log"
    try:
        run(command, "place and route", log=log, folder=folder, watch=Watch(progress))
    except FirstspikeError as error:
        raise FirstspikeError(f"{error}; {_remedy(log.read_text('utf-8'), fpga, seed)}") from error
    return read_report(folder / "report.json")


def _remedy(said: str, fpga: Fpga, seed: int) -> str:
    """Returns advice on a design that nextpnr gave up on, with the figures that nextpnr printed."""
    for name, used, available in _USE.findall(said):
        if int(used) > (_FULL if name in _LOGIC else 1) * int(available):
            return (
                f"the design needs {int(used):,} {name}, {fpga.part} has {int(available):,}; "
                f"use a larger device or a smaller core, for example --core tiny"
            )
    return f"try another seed, for example --seed {seed + 1}, or a smaller core"


def read_report(path: Path) -> Report:
    """Reads a report of nextpnr. Raises FirstspikeError if it names no clock."""
    content: dict[str, Any] = json.loads(path.read_text())
    if not content.get("fmax"):
        raise FirstspikeError(f"{path} names no clock: nothing in the design depends on one")
    slowest = min(content["fmax"].values(), key=lambda clock: clock["achieved"])
    name = min(content["fmax"], key=lambda clock: content["fmax"][clock]["achieved"])
    steps: list[tuple[float, str, str, str]] = []
    for critical in content.get("critical_paths", []):
        if critical["from"] == critical["to"] == f"posedge {name}":
            steps = [
                (step["delay"], step["type"], step["from"]["cell"], step["to"]["cell"]) for step in critical["path"]
            ]
    return Report(
        fmax_mhz=round(float(slowest["achieved"]), 2),
        used={name: count["used"] for name, count in content["utilization"].items()},
        available={name: count["available"] for name, count in content["utilization"].items()},
        path=tuple(steps),
    )
