"""Emits gateware with a fault: copies the source, replaces one expression, and emits the copy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import firstspike_hw

__all__ = ["emit_with_fault"]


def emit_with_fault(config: str, file: str, old: str, new: str, folder: Path) -> str:
    """Returns the Verilog of a shipped core with `old`, which must occur once in `file`, replaced by `new`."""
    shutil.copytree(Path(firstspike_hw.__file__).parent, folder / "firstspike_hw")
    source = folder / "firstspike_hw" / file
    text = source.read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {file}, not once"
    source.write_text(text.replace(old, new))
    target = folder / "faulty.v"
    command = [sys.executable, "-m", "firstspike_hw.emit.verilog", config, "-o", str(target)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    subprocess.run(command, check=True, cwd=folder, env=environment)
    return target.read_text()
