#!/usr/bin/env python3
"""What the learning unit takes: the same core with and without it, synthesised for an ECP5.

    python benchmarks/learning_logic.py --lanes 64

Prints cells of both after synthesis (LUT4s with those of carries and of LUT memory) as one JSON object.
"""

import argparse
import dataclasses
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from firstspike_hw.contract import CONFIGS, CoreConfig
from firstspike_hw.silicon.netlist import prepared
from firstspike_hw.silicon.pll import pll_for
from firstspike_hw.silicon.synthesis import synthesise
from firstspike_hw.silicon.top import emit_rtlil

__all__ = ["cells", "main"]

# LUT4s in a cell: a carry holds two, 16 x 4 bits of memory four.
LUTS = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lanes", type=int, default=64, help="of the first stage; its rows and depth follow")
    parser.add_argument("--neurons", type=int, default=600)
    args = parser.parse_args()
    built = CONFIGS["learning"]
    rows = -(-args.neurons // args.lanes)
    first = dataclasses.replace(built.stages[0], lanes=args.lanes, max_rows=rows, depth=4096)
    both = {}
    for name, learning in (("without", False), ("with", True)):
        stages = tuple(dataclasses.replace(stage, learning=learning) for stage in (first, built.stages[1]))
        both[name] = cells(dataclasses.replace(built, stages=stages))
    lut = {name: sum(LUTS.get(kind, 0) * n for kind, n in found.items()) for name, found in both.items()}
    found: dict[str, Any] = {
        "network": None,
        "target": "ecp5",
        "dataset": None,
        "split": None,
        "images": None,
        "kernel": "linear",
        "steps": None,
        "start": "logic",
        "lanes": args.lanes,
        "rows": rows,
        "stage": "synthesis",
        "lut": lut["with"],
        "lut_without": lut["without"],
        "lut_more": lut["with"] / lut["without"] - 1,
    }
    for figure, kind in (("ff", "TRELLIS_FF"), ("bram", "DP16KD"), ("dsp", "MULT18X18D")):
        found |= {figure: both["with"][kind], f"{figure}_without": both["without"][kind]}
    print(json.dumps(found))
    return 0


def cells(config: CoreConfig) -> Counter[str]:
    """Cells of a core after synthesis, by type."""
    with tempfile.TemporaryDirectory() as folder:
        design, netlist = Path(folder) / "design.il", Path(folder) / "design.json"
        text = emit_rtlil(config, family="ecp5", pll=pll_for("ecp5", 25.0, 100.0))
        design.write_text(prepared(text, "ecp5"))
        synthesise(design, netlist, "ecp5", Path(folder) / "synthesis.log")
        modules = json.loads(netlist.read_text())["modules"]
    known: dict[str, Counter[str]] = {}

    def within(name: str) -> Counter[str]:
        if name not in known:
            known[name] = Counter()
            for cell in modules[name]["cells"].values():
                kind = cell["type"]
                inner = kind in modules and not modules[kind].get("attributes", {}).get("blackbox")
                known[name] += within(kind) if inner else Counter([kind])
        return known[name]

    return within("top")


if __name__ == "__main__":
    sys.exit(main())
