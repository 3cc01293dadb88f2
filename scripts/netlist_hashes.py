"""Synthesise cores and print a hash of each netlist. The hash does not depend on names: equal hashes, equal gateware.

    python scripts/netlist_hashes.py [--core NAME ...] [--family ecp5] [-o hashes.json]

A change of the source that must not change the gateware is checked in this way, and results of place and route stay
valid. The hash covers types, parameters and connections of all cells, and the ports. It leaves out names, attributes,
and the first contents of memories, because these depend on names. The method is that of Weisfeiler and Leman: every
cell and every net is coloured by its neighbours, in many rounds, and the sorted colours are hashed, so that the order
of the cells does not count either.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import CONFIGS
from firstspike_hw.board.chains import emit_rtlil
from firstspike_hw.silicon.netlist import prepared
from firstspike_hw.silicon.pll import pll_for
from firstspike_hw.silicon.synthesis import synthesise

ROUNDS = 48  # of colouring; cells that are farther apart are told apart by the neighbours between them
CONTENTS = ("INITVAL_", "INIT_")  # parameters of block memories


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", action="append", choices=list(CONFIGS), help="a core to synthesise (default: all)")
    parser.add_argument("--family", default="ecp5", choices=["ecp5", "ice40"])
    parser.add_argument("-o", "--output", type=Path, help="file to write as JSON")
    options = parser.parse_args(arguments)
    found = {}
    for name in options.core or CONFIGS:
        text = prepared(
            emit_rtlil(CONFIGS[name], family=options.family, pll=pll_for(options.family, 25, 100)), options.family
        )
        with tempfile.TemporaryDirectory() as folder:
            source, netlist = Path(folder) / "design.il", Path(folder) / "design.json"
            source.write_text(text)
            synthesise(source, netlist, options.family, Path(folder) / "log")
            design = json.loads(netlist.read_text())
        found[name] = {
            "text": hashlib.sha256(text.encode()).hexdigest()[:16],
            "netlist": design_hash(design["modules"]),
            "cells": sum(len(module["cells"]) for module in design["modules"].values()),
        }
        print(name, *found[name].values(), flush=True)
    if options.output is not None:
        options.output.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def design_hash(modules: dict[str, Any]) -> str:
    """Returns the hash of the module `top` of Yosys' JSON netlist. Modules within it count by their own hashes."""
    known: dict[str, str] = {}

    def of(name: str) -> str:
        if name not in known:
            known[name] = _module_hash(modules[name], lambda kind: of(kind) if _is_ours(modules, kind) else kind)
        return known[name]

    return of("top")


def _is_ours(modules: dict[str, Any], kind: str) -> bool:
    return kind in modules and bool(modules[kind]["cells"])


def _module_hash(module: dict[str, Any], kind_of: Any) -> str:
    nets: dict[Any, int] = {}
    cells, ends = [], []  # colours of cells; (cell, net, colour of the pin) of every connection
    for name, port in module["ports"].items():
        cells.append(_colour("port", port["direction"], name))
        ends += [(len(cells) - 1, nets.setdefault(bit, len(nets)), _colour(k)) for k, bit in enumerate(port["bits"])]
    for cell in module["cells"].values():
        parameters = sorted((k, v) for k, v in cell["parameters"].items() if not k.startswith(CONTENTS))
        cells.append(_colour("cell", kind_of(cell["type"]), parameters))
        for pin, bits in cell["connections"].items():
            ends += [(len(cells) - 1, nets.setdefault(bit, len(nets)), _colour(pin, k)) for k, bit in enumerate(bits)]
    colours = np.array(cells, np.uint64)
    cell_of, net_of, pins = zip(*ends, strict=True)
    cell, net, pin = np.array(cell_of, np.int64), np.array(net_of, np.int64), np.array(pins, np.uint64)
    constants = np.array([_colour("net", bit if isinstance(bit, str) else "") for bit in nets], np.uint64)
    around = constants
    for _ in range(ROUNDS):
        around = _mixed(constants + _summed(_mixed(colours[cell] ^ pin), net, len(nets)))
        colours = _mixed(colours + _summed(_mixed(around[net] + pin), cell, len(cells)))
    return hashlib.sha256(np.sort(colours).tobytes() + np.sort(around).tobytes()).hexdigest()[:16]


def _colour(*what: Any) -> int:
    return int.from_bytes(hashlib.blake2b(repr(what).encode(), digest_size=8).digest(), "little")


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Returns the values mixed by a bijection, the finaliser of SplitMix64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _summed(values: NDArray[np.uint64], places: NDArray[np.int64], count: int) -> NDArray[np.uint64]:
    total = np.zeros(count, np.uint64)
    np.add.at(total, places, values)
    return total


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
