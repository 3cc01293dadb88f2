"""Verilog of a core: ``python -m firstspike_hw.verilog fast -o core.v``."""

import argparse
import re
import sys
from pathlib import Path
from typing import Any, Final

from amaranth.back import verilog
from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Signal

from firstspike_hw.contract import CONFIGS, CoreConfig

from .core import Core
from .registers import AXI_LITE

__all__ = ["emit", "main"]


def emit(config: CoreConfig, name: str = "firstspike_core") -> str:
    """Verilog text of one module `name` with the ports of docs/core.md, and its submodules."""
    m = Module()
    m.domains.sync = ClockDomain()
    m.submodules.core = core = Core(config)
    clk, rst = Signal(name="clk"), Signal(name="rst")
    m.d.comb += [ClockSignal().eq(clk), ResetSignal().eq(rst)]
    ports: list[Any] = [clk, rst]

    def port(label: str, inside: Any, into: bool) -> None:
        outside = Signal(len(inside), name=label)
        m.d.comb += inside.eq(outside) if into else outside.eq(inside)
        ports.append(outside)

    for label, into in (("s_axis", True), ("m_axis", False), ("t_axis", False)):
        axis = getattr(core, label)
        port(f"{label}_tdata", axis.payload.data, into)
        port(f"{label}_tlast", axis.payload.last, into)
        port(f"{label}_tvalid", axis.valid, into)
        port(f"{label}_tready", axis.ready, not into)
    for label, member in AXI_LITE.members.items():
        port(f"s_axil_{label}", getattr(core.s_axil, label), str(member.flow) == "Out")
    return _ZEROS.sub(_loop, str(verilog.convert(m, name=name, ports=ports, emit_src=False)))


# A memory that starts as zeros comes as one assignment a word: nine tenths of the text.
_ZEROS: Final = re.compile(r"  initial begin\n    (\S+ ?)\[0\] = (\d+'h0+);\n(?:    \1\[\d+\] = \2;\n)*  end\n")


def _loop(found: re.Match[str]) -> str:
    memory, zero, words = found[1], found[2], found[0].count(";")
    label = "zeros_" + re.sub(r"\W", "_", memory)
    head = f"  initial begin : {label}\n    integer i;\n    for (i = 0; i < {words}; i = i + 1)\n"
    return f"{head}      {memory}[i] = {zero};\n  end\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m firstspike_hw.verilog", description=__doc__)
    parser.add_argument("config", choices=list(CONFIGS), help="which of the shipped cores")
    parser.add_argument("-o", "--output", type=Path, help="file to write (default: standard output)")
    options = parser.parse_args(arguments)
    text = emit(CONFIGS[options.config])
    if options.output is None:
        sys.stdout.write(text)
    else:
        options.output.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
