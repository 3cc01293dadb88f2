"""Simulates the gateware with Verilator: toolchain, cached builds, harnesses, comparison with the models."""

from .compare import compare, difference
from .core import RtlBatch, RtlCore
from .library import Simulation
from .toolchain import find_compiler, find_icarus, find_verilator, runs

__all__ = [
    "RtlBatch",
    "RtlCore",
    "Simulation",
    "compare",
    "difference",
    "find_compiler",
    "find_icarus",
    "find_verilator",
    "runs",
]
