"""The programs outside Python that parts of the project use, and the Debian packages that install them."""

import shutil
import subprocess
from dataclasses import dataclass
from typing import Final

__all__ = ["TOOLS", "SystemTool", "find", "first_version_line", "missing"]


@dataclass(frozen=True, kw_only=True)
class SystemTool:
    """A program outside Python.

    names:  commands that can be used, the preferred one first.
    debian: the Debian package that installs the program.
    used:   what the program is, and which part of the project uses it.
    """

    names: tuple[str, ...]
    debian: str
    used: str


TOOLS: Final = (
    SystemTool(names=("g++", "clang++"), debian="g++", used="C++ compiler: the fast gateware simulation"),
    SystemTool(names=("iverilog",), debian="iverilog", used="Icarus Verilog: the gateware's unit benches"),
    SystemTool(
        names=("riscv64-unknown-elf-gcc",), debian="gcc-riscv64-unknown-elf", used="RISC-V compiler: the firmware"
    ),
    SystemTool(names=("npm",), debian="npm", used="make data: grey-level MNIST"),
)


def find(tool: SystemTool) -> str | None:
    """Returns the path of the first of the tool's commands that is installed, or None."""
    return next((path for name in tool.names if (path := shutil.which(name))), None)


def missing() -> list[SystemTool]:
    """Returns the tools that are not installed."""
    return [tool for tool in TOOLS if find(tool) is None]


def first_version_line(path: str) -> str:
    """Returns the first line that a program prints about its version, or an empty text if it prints none in 10 s."""
    for flag in ("--version", "-V"):
        try:
            done = subprocess.run([path, flag], capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.SubprocessError):
            return ""
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip().splitlines()[0]
    return ""
