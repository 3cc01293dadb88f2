"""Builds a shared library, with the C ABI of a harness, from the Verilog text of a core or a board.

Libraries are kept in a cache, by a hash of everything that they are made of. Verilator and the compiler are run
directly, without make and perl. Code that runs in every cycle is compiled with -O2, code that runs once with -O0;
Verilator says which is which.

Tested by tests/sim/rtl/test_toolchain.py.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from firstspike_contract import FirstspikeError
from firstspike_contract.common.progress import Progress, unheard
from firstspike_contract.core.stream_format import RESULT_BEATS
from firstspike_contract.core.trace import TRACE_BEAT

from .toolchain import Verilator, cache_folder, find_compiler, find_verilator

__all__ = ["BOARD", "KEPT", "TOP", "build", "verilate"]

TOP: Final = "firstspike_core"
BOARD: Final = "firstspike_board"
KEPT: Final = 40  # libraries in the cache; beyond that the one unused for longest is deleted
JOBS: Final = max(1, min(4, os.cpu_count() or 1))

_FOLDER: Final = Path(__file__).parent
_HARNESS: Final = {TOP: _FOLDER / "harness.cpp", BOARD: _FOLDER / "board.cpp"}  # harness of each top module
# Warnings are switched off (_QUIET), because lint, a separate check, tells whether the Verilog is clean.
_VERILATE: Final = (
    "--cc",
    "-O3",
    "--no-timing",
    "--no-assert",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--timescale-override",
    "1ns/1ns",
)
_QUIET: Final = ("-Wno-lint", "-Wno-style", "-Wno-fatal", "--quiet-stats")
_SPLIT: Final = ("--output-split", "8000", "--output-split-cfuncs", "2000")
_COMPILE: Final = ("-std=gnu++20", "-fPIC", "-w", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVL_TIME_CONTEXT")
# Macros that tell the harness the formats of the streams.
_STREAMS: Final = (f"-DRESULT_BEATS={RESULT_BEATS}", f"-DTRACE_END={TRACE_BEAT['end'].at_place(1)}u")
_HOT: Final = "-O2"
_SLOW: Final = "-O0"


@dataclass(frozen=True, kw_only=True)
class _Tools:
    verilator: Verilator
    compiler: str
    waves: bool

    @property
    def flags(self) -> list[str]:
        include = self.verilator.root / "include"
        trace = [f"-DVM_TRACE={int(self.waves)}", f"-DVM_TRACE_VCD={int(self.waves)}", "-DVM_TRACE_FST=0"]
        return [*_COMPILE, *_STREAMS, *trace, f"-I{include}", f"-I{include / 'vltstd'}"]

    def compile(self, source: Path, target: Path, optimise: str, *more: str) -> None:
        _run([self.compiler, optimise, *self.flags, *more, "-c", str(source), "-o", str(target)], "the C++ compiler")


def build(
    verilog: str,
    *,
    top: str = TOP,
    waves: bool = False,
    progress: Progress = unheard,
    cache: Path | None = None,
) -> Path:
    """Returns the library for a Verilog text, and builds it if the cache lacks it.

    verilog:  Verilog text.
    top:      its top module, TOP (docs/core.md) or BOARD (docs/protocol.md), which determines the harness.
    waves:    the library can write VCD traces; this costs speed even if none is written.
    progress: called after each compiled file.
    cache:    folder of the cache; the user's by default.

    Raises UsageError if a tool is missing, FirstspikeError with the tool's first lines if a tool fails.
    """
    cache = cache_folder() if cache is None else cache
    tools = _Tools(verilator=find_verilator(cache), compiler=find_compiler(), waves=waves)
    parts = (verilog, _HARNESS[top].read_text(), str(waves), *_identity(tools))
    folder = cache / "rtl"
    library = folder / f"core-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:24]}.so"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        if not library.exists():
            with tempfile.TemporaryDirectory(dir=folder, prefix="build-") as draft:
                made = _make(verilog, top, Path(draft), folder, tools, progress)
                made.replace(library)
            _prune(folder)
    with contextlib.suppress(OSError):  # the cache may be read-only
        library.touch()
    return library


def verilate(verilog: Path, folder: Path, verilator: Verilator, *more: str, top: str = TOP) -> None:
    """Writes Verilator's C++ for a Verilog file into a folder, with the prefix Vcore.

    Raises FirstspikeError with Verilator's message.
    """
    words = [str(verilator.binary), *_VERILATE, *_QUIET, *_SPLIT, *more]
    words += ["--prefix", "Vcore", "--top-module", top, "--Mdir", str(folder), str(verilog)]
    _run(words, "Verilator", environment=verilator.environment)


def _make(verilog: str, top: str, draft: Path, folder: Path, tools: _Tools, progress: Progress) -> Path:
    source, generated = draft / "core.v", draft / "generated"
    source.write_text(verilog)
    verilate(source, generated, tools.verilator, *(("--trace-vcd",) if tools.waves else ()), top=top)
    classes = _classes(generated / "Vcore_classes.mk")
    runtime = _runtime(folder, [name for kind, name in classes if kind.startswith("GLOBAL")], tools)
    jobs = [(_HARNESS[top], _HOT)]
    for speed, optimise, parts in (("FAST", _HOT, 2 * JOBS), ("SLOW", _SLOW, JOBS)):
        ours = [name for kind, name in classes if not kind.startswith("GLOBAL") and kind.endswith(speed)]
        groups = _groups([generated / f"{name}.cpp" for name in ours], parts)
        jobs += [(_joined(group, draft / f"{speed}{n}.cpp"), optimise) for n, group in enumerate(groups)]
    total = len(jobs) + 1

    def compile_one(job: tuple[Path, str]) -> Path:
        target = draft / f"{job[0].stem}.o"
        tools.compile(job[0], target, job[1], f"-I{generated}")
        return target

    objects = []
    with ThreadPoolExecutor(JOBS) as pool:
        for target in pool.map(compile_one, jobs):
            objects.append(target)
            progress(len(objects), total)
    library = draft / "core.so"
    words = [tools.compiler, "-shared", *map(str, [*objects, *runtime]), "-pthread", "-o", str(library)]
    _run(words, "the linker")
    progress(total, total)
    return library


def _groups(files: list[Path], parts: int) -> list[list[Path]]:
    """Returns the files in a few groups of similar size, to be compiled together.

    Each compilation spends a second and a half on the same headers.
    """
    size = {path: path.stat().st_size for path in files}
    groups: list[list[Path]] = [[] for _ in range(max(1, min(parts, sum(size.values()) // 200_000)))]
    for path in sorted(files, key=lambda path: -size[path]):
        min(groups, key=lambda group: sum(size[other] for other in group)).append(path)
    return [group for group in groups if group]


def _joined(files: list[Path], target: Path) -> Path:
    target.write_text("".join(f'#include "{path}"\n' for path in files))
    return target


def _runtime(folder: Path, names: list[str], tools: _Tools) -> list[Path]:
    """Returns the objects of Verilator's own library, which all cores share."""
    digest = hashlib.sha256("\0".join([*_identity(tools), *tools.flags]).encode()).hexdigest()[:12]
    kept = folder / f"runtime-{digest}"
    kept.mkdir(exist_ok=True)
    objects = []
    for name in names:
        target = kept / f"{name}.o"
        if not target.exists():
            draft = kept / f"{name}.{os.getpid()}.o"
            tools.compile(tools.verilator.root / "include" / f"{name}.cpp", draft, "-O1")
            draft.replace(target)
        objects.append(target)
    return objects


def _classes(rules: Path) -> list[tuple[str, str]]:
    """Returns (list, class) pairs of Verilator's Vcore_classes.mk, which say what files it wrote and which are hot."""
    text = rules.read_text().replace("\\\n", " ")
    found = re.findall(r"^VM_(\w+_(?:FAST|SLOW)) \+=(.*)$", text, re.MULTILINE)
    return [(kind, name) for kind, names in found for name in names.split()]


def _identity(tools: _Tools) -> tuple[str, ...]:
    options = " ".join([*_VERILATE, *_SPLIT, *_COMPILE, *_STREAMS, _HOT])
    return str(tools.verilator.version), str(tools.verilator.root), _compiler_version(tools.compiler), options


@lru_cache
def _compiler_version(compiler: str) -> str:
    done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    return f"{shutil.which(compiler)} {done.stdout}"


def _run(words: list[str], who: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        lines = [line for line in said if "rror" in line] or said or [f"exit status {done.returncode}"]
        raise FirstspikeError(f"{who} refused the gateware:\n" + "\n".join(lines[:5]))


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lets one process at a time build in a cache."""
    import fcntl  # Windows has no fcntl; the other tools are missing there, too

    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prune(folder: Path) -> None:
    for pattern in ("core-*.so", "core-*.v"):
        found = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in found[KEPT:]:
            path.unlink(missing_ok=True)
