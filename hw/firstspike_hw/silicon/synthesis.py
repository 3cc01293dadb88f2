"""Synthesises RTLIL into a netlist for nextpnr, with Yosys as a library in a process of its own.

python -m firstspike_hw.silicon.synthesis FAMILY IN.il OUT.json

Tested by tests/hw/silicon/test_floorplan.py and tests/compiler/estimate/test_resources.py.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .carries import absorbed
from .floorplan import give_sites, know_sites
from .netlist import KEPT_MODULES
from .tools import YOSYS, run

__all__ = ["FAMILIES", "synthesise"]

# Synthesis script by family of devices.
FAMILIES: Final = {
    "ecp5": "synth_ecp5 -top top -json {netlist}",
    "ice40": "synth_ice40 -dsp -top top -json {netlist}",
}


def synthesise(rtlil: Path, netlist: Path, family: str, log: Path, *, sites_of: str = "") -> None:
    """Synthesises the RTLIL file `rtlil` into the JSON file `netlist`; `log` gets the output of Yosys.

    sites_of: part on which the block memories are given their sites; empty: the placer chooses them.

    Raises FirstspikeError if Yosys is missing, if it fails (the message quotes its output), or if the sites are not
    known for the part.
    """
    if sites_of:
        know_sites(sites_of)
    YOSYS.version()
    command = [sys.executable, "-m", "firstspike_hw.silicon.synthesis", family, str(rtlil), str(netlist)]
    run(command, "synthesis", log=log)
    if family == "ecp5":
        design = json.loads(netlist.read_text())
        gone = sum(absorbed(module) for module in design["modules"].values())
        if sites_of:
            give_sites(design["modules"], sites_of)
        netlist.write_text(json.dumps(design))
        with log.open("a") as file:
            file.write(f"\n{gone} tables went into carry cells.\n")


def main(arguments: Sequence[str]) -> None:
    """Runs the synthesis, and ends the process without returning: the library may crash when Python ends."""
    from pyosys import libyosys

    family, rtlil, netlist = arguments
    design = libyosys.Design()
    kept = f"setattr -mod -set keep_hierarchy 1 {' '.join(KEPT_MODULES)}"
    for command in (f"read_rtlil {rtlil}", kept, FAMILIES[family].format(netlist=netlist), "stat -hierarchy"):
        libyosys.run_pass(command, design)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
