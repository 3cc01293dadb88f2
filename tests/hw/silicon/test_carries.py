"""Operands that were look-up tables are moved into carry cells, and the netlist computes the same as before."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal, signed

from firstspike_hw.silicon.carries import absorbed

YOSYS = """
import os, sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass(command, design)
os._exit(0)
"""


def yosys(folder: Path, *commands: str) -> int:
    call = [sys.executable, "-c", YOSYS, *commands]
    return subprocess.run(call, cwd=folder, capture_output=True, check=False).returncode


def netlist(folder: Path, *, shown: bool) -> dict[str, Any]:
    """Synthesises v + (a | fall), 8 bits, and (a ^ fall) + (b & fall), 9 bits; `shown` makes a | fall a port."""
    m = Module()
    a, b, fall, v = (Signal(signed(width), name=name) for width, name in ((5, "a"), (5, "b"), (8, "fall"), (8, "v")))
    operand, first, second = Signal(signed(8), name="operand"), Signal(8, name="first"), Signal(9, name="second")
    m.d.comb += [operand.eq(a | fall), first.eq(v + operand), second.eq((a ^ fall) + (b & fall))]
    ports = [a, b, fall, v, first, second, *([operand] if shown else [])]
    (folder / "design.il").write_text(rtlil.convert(m, name="top", ports=ports, emit_src=False))
    assert yosys(folder, "read_rtlil design.il", "synth_ecp5 -noiopad -top top -json before.json") == 0
    design = json.loads((folder / "before.json").read_text())
    # The netlist without the interfaces of its cells.
    alone = {"modules": {"top": design["modules"]["top"] | {"attributes": {}}}}
    (folder / "before.json").write_text(json.dumps(alone))
    return alone


def tables(design: dict[str, Any]) -> int:
    return sum(cell["type"] == "LUT4" for cell in design["modules"]["top"]["cells"].values())


def unchanged(folder: Path, design: dict[str, Any]) -> bool:
    """Returns whether a solver proves that the design has the outputs of before.json for all inputs."""
    (folder / "after.json").write_text(json.dumps(design))
    both = [line for name in ("before", "after") for line in (f"read_json {name}.json", f"rename top {name}")]
    cells = ["read_verilog -DNO_INCLUDES +/ecp5/cells_sim.v", "hierarchy", "proc", "flatten before after"]
    proof = ["miter -equiv -make_assert before after both", "flatten both", "sat -verify -prove-asserts both"]
    return yosys(folder, *both, *cells, *proof) == 0


@pytest.mark.parametrize("shown", [False, True])
def test_tables_that_are_only_operands_move_into_carry_cells(shown: bool, tmp_path: Path) -> None:
    design = netlist(tmp_path, shown=shown)
    before = tables(design)
    gone = absorbed(design["modules"]["top"])
    # The 8 tables of the first sum are absorbed. In the second sum, one operand is absorbed except its sign bit, which
    # two bits of the sum read.
    assert gone == before - tables(design) == (7 if shown else 15)
    assert unchanged(tmp_path, design)
    if shown:
        assert absorbed(design["modules"]["top"]) == 0


def test_the_proof_would_find_a_wrong_cell(tmp_path: Path) -> None:
    design = netlist(tmp_path, shown=False)
    absorbed(design["modules"]["top"])
    cell = next(cell for cell in design["modules"]["top"]["cells"].values() if cell["type"] == "CCU2C")
    cell["parameters"]["INIT0"] = "1001011010101010"
    assert not unchanged(tmp_path, design)
