"""Proves or refutes properties of gateware: Amaranth -> RTLIL -> (pyosys) AIGER -> (ABC) a verdict.

A proof is a module around the unit, with inputs that may take any value in any cycle, assumptions about these inputs,
and requirements. Assumptions and requirements are plain gateware. A requirement becomes an output that must never be 1,
and counts only while every assumption has held in all cycles so far. `rst` is a free input, so a proof covers resets at
any time. Memories keep their contents over a reset, as they do in the chip.
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

# Bounds of effort, which do not depend on the speed of the machine. The proofs here need at most a tenth of them.
DEPTH = 2  # cycles of an induction step
FRAMES = 400  # time frames of `pdr`
CONFLICTS = 1_000_000  # conflicts of the solver in one call

# Memories become registers, all logic becomes two-input gates, and undefined values become free inputs.
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
# Yosys runs in a process of its own, because its library makes some programs crash at their end.
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
    """A tool is missing, refuses its input, or reaches its bound of effort without a verdict."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of a proof."""

    violated: str | None  # name of a requirement that fails, None if all are proved
    frame: int | None = None  # cycle of the violation, or number of cycles proved; None means all time


class Proof:
    """A proof under construction. The unit and the logic that watches it are added to the module `m`."""

    def __init__(self) -> None:
        self.m = Module()
        self.inputs: list[Signal] = []
        self.outputs: list[Signal] = []
        self._required: dict[str, Any] = {}
        self._kept = Signal(name="kept_so_far", init=1, reset_less=True)
        self._now: list[Any] = []
        self.since_start = Signal(4, name="since_start", reset_less=True)  # cycles since the start, at most 15
        self.m.d.sync += self.since_start.eq(self.since_start + (self.since_start != 15))

    def free(self, name: str, shape: Any = 1) -> Any:
        """Returns an input that may take any value in every cycle."""
        signal: Any = Signal(shape, name=f"free_{name}")
        self.inputs.append(signal if isinstance(signal, Signal) else signal.as_value())
        return signal

    def constant(self, name: str, shape: Any = 1) -> Any:
        """Returns an input that may have any value, which stays the same for all time."""
        signal, before = self.free(name, shape), Signal(shape, reset_less=True)
        known = Signal(name=f"known_{name}", reset_less=True)
        self.m.d.sync += [before.eq(signal), known.eq(1)]
        self.assume(~known | (signal == before))
        return signal

    def assume(self, condition: Any) -> None:
        self._now.append(condition)

    def require(self, name: str, condition: Any) -> None:
        """Requires that `condition` holds in every cycle."""
        self._required[name] = condition

    def keep_only(self, name: str) -> None:
        self._required = {name: self._required[name]}

    @property
    def names(self) -> list[str]:
        return list(self._required)

    def text(self) -> str:
        """Returns the proof as RTLIL, with one output for each requirement, in the order of `names`."""
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
    """Returns None if this machine can do proofs, else the reason and a remedy."""
    if importlib.util.find_spec("pyosys") is None:
        return f"formal proofs need the package pyosys, and it is not installed; install it with: {INSTALL}"
    return None


def prove(proof: Proof, *, bound: int | None = None) -> Verdict:
    """Proves the requirements for all time, or for the first `bound` cycles.

    A proof for all time first tries induction over DEPTH cycles, which takes a fraction of a second if the requirements
    follow from themselves one cycle earlier. Property-directed reachability (ABC's `pdr`) then finds the invariants
    that induction lacks. Every engine is bounded by its effort, never by the clock. Raises ProverError at a bound.
    """
    circuit = _Aiger(proof)
    first = _judged(proof, circuit.ask(_cycles(DEPTH + 1 if bound is None else bound)))
    if bound is not None or first.violated is not None:
        return first
    if "Networks are equivalent" in circuit.ask(f"orpos; ind -F {DEPTH} -C {CONFLICTS}"):
        return Verdict(violated=None)
    return _judged(proof, circuit.ask(f"pdr -F {FRAMES} -C {CONFLICTS}"))


def refute(proof: Proof, *, bound: int = 40) -> Verdict:
    """Finds the shortest violation within `bound` cycles. Raises ProverError if there is none."""
    verdict = _judged(proof, _Aiger(proof).ask(_cycles(bound)))
    if verdict.violated is None:
        raise ProverError(f"no requirement is violated within {bound} cycles")
    return verdict


def _cycles(bound: int) -> str:
    return f"bmc3 -F {bound} -C {CONFLICTS}"


class _Aiger:
    """A proof as an and-inverter graph, which ABC reads once for each engine that runs on it."""

    def __init__(self, proof: Proof) -> None:
        if reason := missing():
            raise ProverError(reason)
        with tempfile.TemporaryDirectory(prefix="proof-") as name:
            given, made = Path(name) / "proof.il", Path(name) / "proof.aig"
            given.write_text(proof.text())
            _said([sys.executable, "-c", _YOSYS], f"read_rtlil {given}\n{_PASSES.format(target=made)}")
            self._graph = made.read_bytes()

    def ask(self, engine: str) -> str:
        """Runs an engine of ABC on the graph and returns its output."""
        import pyosys

        abc = Path(pyosys.__file__).parent / "yosys-abc"
        with tempfile.NamedTemporaryFile(prefix="proof-", suffix=".aig") as file:
            file.write(self._graph)
            file.flush()
            return _said([str(abc), "-c", f"read_aiger {file.name}; {engine}"], "")


def _judged(proof: Proof, said: str) -> Verdict:
    if found := re.search(r"Output (\d+) of miter .* was asserted in frame (\d+)", said):
        return Verdict(violated=proof.names[int(found[1])], frame=int(found[2]))
    if "Property proved" in said:
        return Verdict(violated=None)
    if found := re.search(r"No output asserted in (\d+) frames", said):
        return Verdict(violated=None, frame=int(found[1]))
    raise ProverError("no verdict within the bound of effort:\n" + said.strip())


def _said(words: list[str], given: str) -> str:
    done = subprocess.run(words, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProverError(f"{words[0]} failed:\n{(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout
