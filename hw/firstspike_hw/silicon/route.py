"""Place and route by nextpnr, and what its report says."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from firstspike_hw.contract import FirstspikeError

from .tools import NEXTPNR_ECP5, NEXTPNR_ICE40, Tool, run

__all__ = ["Report", "place_and_route", "read_report"]

NEXTPNR: Final[dict[str, Tool]] = {"ecp5": NEXTPNR_ECP5, "ice40": NEXTPNR_ICE40}
# router1 does not finish on a full device.
_ECP5: Final = ("--router", "router2", "--placer", "static")


@dataclass(frozen=True, kw_only=True)
class Report:
    """used, available: by the name of nextpnr's resource. fmax_mhz: of the core's clock. path: of its critical path,
    (delay in ns, "logic" or "routing", from, to)."""

    fmax_mhz: float
    used: dict[str, int]
    available: dict[str, int]
    path: tuple[tuple[float, str, str, str], ...] = ()


def place_and_route(
    folder: Path, *, family: str, device: Sequence[str], seed: int, clock_mhz: float, pins: str | None = None
) -> Report:
    """`design.json` of a folder -> `design.config` or `design.asc`, `report.json` and `route.log` beside it.

    device: nextpnr's options that name the part. pins: name of the constraints, none: pads where they like.
    Raises FirstspikeError if nextpnr is missing, or the design does not fit or cannot be routed. A missed
    clock is no error here: the report has the figure.
    """
    # Names, not paths: the program sees little more of the file system than its folder.
    command = [NEXTPNR[family].command(), *device, "--json", "design.json", "--report", "report.json"]
    command += ["--seed", str(seed), "--freq", f"{clock_mhz:g}", "--timing-allow-fail"]
    if family == "ecp5":
        command += [*_ECP5, "--textcfg", "design.config"]
        command += ["--lpf", pins] if pins else ["--lpf-allow-unconstrained"]
    else:
        command += ["--asc", "design.asc", *(["--pcf", pins] if pins else ["--pcf-allow-unconstrained"])]
    run(command, "place and route", log=folder / "route.log", folder=folder)
    return read_report(folder / "report.json")


def read_report(path: Path) -> Report:
    """Raises FirstspikeError if the report has no clock."""
    content: dict[str, Any] = json.loads(path.read_text())
    if not content.get("fmax"):
        raise FirstspikeError(f"{path} names no clock: nothing of the design depends on one")
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
