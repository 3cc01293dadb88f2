"""The programs outside Python that parts of the project use, and where they come from."""

import shutil
import subprocess
from dataclasses import dataclass
from typing import Final

__all__ = ["TOOLS", "SystemTool", "find", "first_version_line", "missing"]


@dataclass(frozen=True, kw_only=True)
class SystemTool:
    """names: commands that will do, best first. debian: the package that brings it. used: what for."""

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
    """Path of the first of the tool's commands that is installed, or None."""
    return next((path for name in tool.names if (path := shutil.which(name))), None)


def missing() -> list[SystemTool]:
    """The tools that are not installed."""
    return [tool for tool in TOOLS if find(tool) is None]


def first_version_line(path: str) -> str:
    """First line that the program at `path` prints about its version; empty if it says nothing within 10 s."""
    for flag in ("--version", "-V"):
        try:
            done = subprocess.run([path, flag], capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.SubprocessError):
            return ""
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip().splitlines()[0]
    return ""
