"""Properties of gateware, proved or refuted: Amaranth -> RTLIL -> (pyosys) AIGER -> (ABC) a verdict.

A proof is a module around the unit: inputs that may take any value in any cycle, assumptions about them, requirements.
Both are plain gateware: a requirement is an output that must never be 1, and counts only while every assumption has
held so far. `rst` is an input like any other, so everything is shown across resets in the middle of anything too;
memories keep their contents, as they do in the chip.
"""

import importlib.util
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Module, Signal

__all__ = ["INSTALL", "Proof", "ProverError", "Verdict", "missing", "prove", "refute"]

INSTALL = "pip install 'firstspike[dev]'"

# Memories become registers, everything becomes two-input gates; what Yosys calls undefined becomes a free input.
_PASSES = """\
prep -flatten
memory_map -formal
opt -full
setundef -undriven -anyseq
techmap
opt -full
dffunmap
simplemap
aigmap
opt_clean
write_aiger -zinit {target}
"""
# A process of its own: the library ends some programs with a crash.
_YOSYS = """\
import os, sys
from pyosys import libyosys as yosys
design = yosys.Design()
for line in sys.stdin.read().splitlines():
    yosys.run_pass("tee -q " + line, design)
sys.stdout.flush()
os._exit(0)
"""


class ProverError(Exception):
    """A tool is missing, refuses its input, or does not come to an end in time."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """violated: name of a requirement that fails, in cycle `frame` after power-up; None: proved (`frame`: up to it)."""

    violated: str | None
    frame: int | None = None


class Proof:
    """The module `m`, to which the unit and whatever watches it are added."""

    def __init__(self) -> None:
        self.m = Module()
        self.inputs: list[Signal] = []
        self.outputs: list[Signal] = []
        self._required: dict[str, Any] = {}
        self._kept = Signal(name="kept_so_far", init=1, reset_less=True)
        self._now: list[Any] = []
        self.since_start = Signal(4, name="since_start", reset_less=True)  # cycles; stops at 15
        self.m.d.sync += self.since_start.eq(self.since_start + (self.since_start != 15))

    def free(self, name: str, shape: Any = 1) -> Any:
        """An input, whatever it likes in every cycle."""
        signal: Any = Signal(shape, name=f"free_{name}")
        self.inputs.append(signal if isinstance(signal, Signal) else signal.as_value())
        return signal

    def constant(self, name: str, shape: Any = 1) -> Any:
        """An input that is whatever it likes, and stays that for all time."""
        signal, before = self.free(name, shape), Signal(shape, reset_less=True)
        known = Signal(name=f"known_{name}", reset_less=True)
        self.m.d.sync += [before.eq(signal), known.eq(1)]
        self.assume(~known | (signal == before))
        return signal

    def assume(self, condition: Any) -> None:
        self._now.append(condition)

    def require(self, name: str, condition: Any) -> None:
        """condition must hold in every cycle."""
        self._required[name] = condition

    def keep_only(self, name: str) -> None:
        self._required = {name: self._required[name]}

    @property
    def names(self) -> list[str]:
        return list(self._required)

    def text(self) -> str:
        """RTLIL; the outputs in the order of `names`."""
        holds = Signal(name="holds")
        self.m.d.comb += holds.eq(self._kept)
        for condition in self._now:
            with self.m.If(~_truth(condition)):
                self.m.d.comb += holds.eq(0)
        self.m.d.sync += self._kept.eq(holds)
        for k, condition in enumerate(self._required.values()):
            bad = Signal(name=f"bad{k}")
            self.m.d.comb += bad.eq(holds & ~_truth(condition))
            self.outputs.append(bad)
        return str(rtlil.convert(self.m, ports=[*self.inputs, *self.outputs], emit_src=False))


def _truth(condition: Any) -> Any:
    return condition.bool() if hasattr(condition, "bool") else condition


def missing() -> str | None:
    """None if proofs can be done here, else why not and what to do."""
    if importlib.util.find_spec("pyosys") is None:
        return f"formal proofs need the package pyosys, and it is not installed; install it with: {INSTALL}"
    return None


def prove(proof: Proof, *, bound: int | None = None, seconds: int = 60) -> Verdict:
    """For all time by property-directed reachability (ABC's `pdr`), or up to so many cycles. Raises ProverError."""
    return _run(proof, [f"pdr -T {seconds}" if bound is None else f"bmc3 -F {bound} -T {seconds}"])


def refute(proof: Proof, *, bound: int = 40, seconds: int = 60) -> Verdict:
    """Looks for the shortest violation. Raises ProverError if it does not find one, or proves that there is none."""
    verdict = _run(proof, [f"bmc3 -F {bound} -T {seconds}"])
    if verdict.violated is None:
        raise ProverError(f"nothing is violated within {bound} cycles")
    return verdict


def _run(proof: Proof, engine: list[str]) -> Verdict:
    if reason := missing():
        raise ProverError(reason)
    import pyosys

    with tempfile.TemporaryDirectory(prefix="proof-") as name:
        folder = Path(name)
        (folder / "proof.il").write_text(proof.text())
        passes = _PASSES.format(target=folder / "proof.aig")
        _said([sys.executable, "-c", _YOSYS], f"read_rtlil {folder / 'proof.il'}\n{passes}")
        abc = Path(pyosys.__file__).parent / "yosys-abc"
        words = "; ".join([f"read_aiger {folder / 'proof.aig'}", *engine])
        said = _said([str(abc), "-c", words], "")
    if found := re.search(r"Output (\d+) of miter .* was asserted in frame (\d+)", said):
        return Verdict(violated=proof.names[int(found[1])], frame=int(found[2]))
    if "Property proved" in said:
        return Verdict(violated=None)
    if found := re.search(r"No output asserted in (\d+) frames", said):
        return Verdict(violated=None, frame=int(found[1]))
    raise ProverError("no verdict:\n" + said.strip())


def _said(words: list[str], given: str) -> str:
    done = subprocess.run(words, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProverError(f"{words[0]} failed:\n{(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout
