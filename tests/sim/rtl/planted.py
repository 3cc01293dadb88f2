"""The gateware with a fault: its source is copied, one expression replaced, and the copy emitted."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import firstspike_hw

__all__ = ["emit_with_fault"]


def emit_with_fault(config: str, file: str, old: str, new: str, folder: Path) -> str:
    """Verilog of a shipped core in which `old`, which must be in the file once, is `new`."""
    shutil.copytree(Path(firstspike_hw.__file__).parent, folder / "firstspike_hw")
    source = folder / "firstspike_hw" / file
    text = source.read_text()
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
    source.write_text(text.replace(old, new))
    target = folder / "faulty.v"
    command = [sys.executable, "-m", "firstspike_hw.emit.verilog", config, "-o", str(target)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    subprocess.run(command, check=True, cwd=folder, env=environment)
    return target.read_text()
