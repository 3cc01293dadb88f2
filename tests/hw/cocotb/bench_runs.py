"""Runs benches on Verilog in a simulator, through cocotb's runner; builds are kept between runs."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from pathlib import Path

import cocotb_tools.config
import pytest
from cocotb_tools import runner

from firstspike_sim.rtl.toolchain import Verilator, cache_folder, find_icarus, find_verilator, runs

__all__ = ["SIMULATORS", "run_bench", "seed"]

TIMESCALE = ("1ns", "1ps")
# Lint has a test of its own. Icarus reads the Verilog as that of 2005: in later editions it sets first values before
# any `always @*` block listens, and values that depend on registers alone would stay unknown.
_BUILD = {"verilator": ["-Wno-fatal", "-Wno-lint", "-Wno-style", "--no-timing"], "icarus": ["-g2005"]}
_LIKE = "3"  # to be increased when builds are made in another way
_DEFINES = "-DVERILATOR=1 -DVM_COVERAGE=0 -DVM_SC=0 -DVM_TIMING=0 -DVM_TRACE=0 -DVM_TRACE_FST=0 -DVM_TRACE_VCD=0"
_RUNTIME = ("verilated", "verilated_dpi", "verilated_vpi", "verilated_threads")

_absent = runs()
SIMULATORS = [
    pytest.param("verilator", marks=pytest.mark.skipif(_absent is not None, reason=str(_absent))),
    pytest.param(
        "icarus",
        marks=pytest.mark.skipif(find_icarus() is None, reason="Icarus is missing: apt-get install iverilog"),
    ),
]


class _Verilator(runner.Verilator):
    """A runner for Verilator with quicker builds and simulations.

    Only ports are public, which makes a third of the C++. Two compilations replace the twenty of make, each of which
    would read the same headers again.
    """

    def _build_command(self) -> list[list[str]]:
        verilate, _ = super()._build_command()
        return [[word for word in verilate if word != "--public-flat-rw"], ["sh", "-ec", self._compilation()]]

    def _compilation(self) -> str:
        include = find_verilator().root / "include"
        flags = f"-w -std=gnu++20 {_DEFINES} -I. -I{include} -I{include}/vltstd -c"
        libraries = cocotb_tools.config.libs_dir
        kept = self.build_dir.parent / f"runtime-{_versions('verilator')}"  # shared by all cores
        bridge = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
        runtime = [include / f"{name}.cpp" for name in _RUNTIME]
        lines = [f"mkdir -p {kept}"]
        for source in runtime:
            made = kept / f"{source.stem}.o"
            lines.append(f"[ -f {made} ] || {{ c++ -O1 {flags} {source} -o {made}.new; mv {made}.new {made}; }}")
        for speed, choice, optimise in (("fast", "-v", "-O1"), ("slow", "", "-O0")):
            lines.append(f"ls Vtop*.cpp | grep {choice} Slow.cpp | sed 's/.*/#include \"&\"/' >{speed}.cc")
            if speed == "fast":
                lines.append(f"echo '#include \"{bridge}\"' >>{speed}.cc")
            lines.append(f"c++ {optimise} {flags} {speed}.cc -o {speed}.o")
        objects = " ".join(str(kept / f"{source.stem}.o") for source in runtime)
        link = f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator -pthread -latomic"
        lines.append(f"c++ fast.o slow.o {objects} {link} -o {self.hdl_toplevel}")
        return "\n".join(lines)


_RUNNERS = {"verilator": _Verilator, "icarus": runner.Icarus}


def seed() -> int:
    """Returns the first seed of the random benches, FIRSTSPIKE_SEED or 1. Every failure prints its seed."""
    return int(os.environ.get("FIRSTSPIKE_SEED", "1"))


def run_bench(
    verilog: str,
    modules: list[str],
    *,
    simulator: str,
    top: str,
    folder: Path,
    settings: Mapping[str, str],
) -> dict[str, str]:
    """Runs all cocotb tests of `modules`. Returns test -> its failure as text, "" if it passed.

    `folder` receives the log and the results of this run. `settings` are further environment variables for the bench.
    Raises AssertionError if no test ran.
    """
    with _environment(find_verilator() if simulator == "verilator" else None):
        build = _built(verilog, simulator, top)
        log = folder / "bench.log"
        results = folder / "results.xml"
        with contextlib.suppress(SystemExit):  # raised if a test failed; the results say which
            _RUNNERS[simulator]().test(
                test_module=modules,
                hdl_toplevel=top,
                hdl_toplevel_lang="verilog",
                build_dir=build,
                test_dir=folder,
                results_xml=str(results),
                extra_env={"FIRSTSPIKE_SEED": str(seed()), "COCOTB_LOG_LEVEL": "INFO", **settings},
                seed=seed(),
                timescale=TIMESCALE,
                log_file=log,
            )
    return _said(results, log)


def _built(verilog: str, simulator: str, top: str) -> Path:
    """Returns the folder with a finished build of the text; builds it unless an earlier run did."""
    # Builds contain the path of the libraries, and the libraries of another checkout may be gone.
    libraries = str(cocotb_tools.config.libs_dir)
    parts = [verilog, simulator, top, *_BUILD[simulator], _LIKE, _versions(simulator), libraries]
    kept = cache_folder() / "cocotb"
    folder = kept / f"{simulator}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:24]}"
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "finished").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            (folder / f"{top}.v").write_text(verilog)
            (folder / "public.vlt").write_text(f'`verilator_config\npublic_flat_rw -module "{top}" -var "*"\n')
            public = [folder / "public.vlt"] if simulator == "verilator" else []
            _RUNNERS[simulator]().build(
                sources=[*public, folder / f"{top}.v"],
                hdl_toplevel=top,
                build_dir=folder,
                build_args=_BUILD[simulator],
                timescale=TIMESCALE,
                log_file=folder / "build.log",
            )
            (folder / "finished").touch()
            _prune(kept)
    os.utime(folder)
    return folder


def _versions(simulator: str) -> str:
    if simulator == "icarus":
        return "icarus"
    return "-".join(map(str, find_verilator().version))


def _prune(kept: Path, most: int = 16) -> None:
    builds = sorted((f for f in kept.iterdir() if (f / "finished").exists()), key=lambda f: -f.stat().st_mtime)
    for old in builds[most:]:
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _environment(verilator: Verilator | None) -> Iterator[None]:
    """Sets the environment variables from which the runner takes its programs; restores them at the end."""
    before = dict(os.environ)
    try:
        if verilator is not None:
            os.environ.update(verilator.environment)
        os.environ["PYTHONWARNINGS"] = "ignore::DeprecationWarning"  # cocotbext-axi uses deprecated names of cocotb 1
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _said(results: Path, log: Path) -> dict[str, str]:
    assert results.exists(), f"the simulation broke off:\n{log.read_text()[-3000:]}"
    said = {}
    for case in ElementTree.parse(results).iter("testcase"):
        failures = [*case.findall("failure"), *case.findall("error")]
        text = " ".join(f"{f.get('type')}: {f.get('message')} {f.text}" for f in failures)
        said[f"{case.get('classname')}.{case.get('name')}"] = text
    assert said, f"no bench ran:\n{log.read_text()[-3000:]}"
    return said
