"""Writes Verilog of a core or of a whole board: ``python -m firstspike_hw.emit.verilog fast [--board] -o core.v``."""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from amaranth.back import rtlil, verilog
from amaranth.hdl import ClockDomain, ClockSignal, Module, Signal

from firstspike_contract import CONFIGS, CoreConfig, FirstspikeError
from firstspike_contract.link.timing import CLOCK_HZ, DIVISOR
from firstspike_hw.board.serial import SerialBoard
from firstspike_hw.core.core import Core
from firstspike_hw.fabric.axis import AXI_LITE
from firstspike_hw.fabric.memory_port import Contents
from firstspike_hw.link.uart import checked_divisor
from firstspike_hw.silicon.netlist import with_contents

__all__ = ["BOARD", "CORE", "CORE_PATH", "emit", "emit_board", "main"]

CORE: Final = "firstspike_core"
BOARD: Final = "firstspike_board"
CORE_PATH: Final = f"{CORE}.core"  # path of the core in the module CORE


def emit(config: CoreConfig, name: str = CORE, *, contents: Mapping[str, Contents] | None = None) -> str:
    """Returns the Verilog text of a module `name` with the ports of docs/core.md, and of its submodules.

    contents: first contents of the block memories by their path (`core.contents.contents_of` with CORE_PATH), for a
              core that needs no host to load it; None: zeros.
    """
    top = _Top()
    top.m.submodules.core = core = Core(config)
    top.m.d.comb += core.reset.eq(top.rst)
    for label, into in (("s_axis", True), ("m_axis", False), ("t_axis", False)):
        axis = getattr(core, label)
        top.port(f"{label}_tdata", axis.payload.data, into)
        top.port(f"{label}_tlast", axis.payload.last, into)
        top.port(f"{label}_tvalid", axis.valid, into)
        top.port(f"{label}_tready", axis.ready, not into)
    for label, member in AXI_LITE.members.items():
        top.port(f"s_axil_{label}", getattr(core.s_axil, label), str(member.flow) == "Out")
    return top.text(name, contents)


def emit_board(
    config: CoreConfig,
    name: str = BOARD,
    *,
    clock: int = CLOCK_HZ,
    divisor: int = DIVISOR,
    patience: int | None = None,
    byte_port: bool = False,
) -> str:
    """Returns the Verilog text of a module `name` with core, link and UART, and of its submodules.

    The module has the ports clk, rst, rx and tx, with `byte_port` also bytes_tdata and bytes_tvalid. The parameters
    are those of board.serial.SerialBoard. Raises FirstspikeError for a divisor that is too small.
    """
    checked_divisor(divisor)  # refused here, before the board is built
    top = _Top()
    board = SerialBoard(config, clock=clock, divisor=divisor, patience=patience, byte_port=byte_port)
    top.m.submodules.board = board
    top.m.d.comb += board.reset.eq(top.rst)
    top.port("rx", board.rx, True)
    top.port("tx", board.tx, False)
    if byte_port:
        top.port("bytes_tdata", board.bytes.payload, True)
        top.port("bytes_tvalid", board.bytes.valid, True)
    return top.text(name)


class _Top:
    """A module with clk and rst, to which ports are added."""

    def __init__(self) -> None:
        self.m = Module()
        self.m.domains.sync = ClockDomain(reset_less=True)  # core and board take their reset as a port
        clk, self.rst = Signal(name="clk"), Signal(name="rst")
        self.m.d.comb += ClockSignal().eq(clk)
        self.ports: list[Any] = [clk, self.rst]

    def port(self, label: str, inside: Any, into: bool) -> None:
        outside = Signal(len(inside), name=label)
        self.m.d.comb += inside.eq(outside) if into else outside.eq(inside)
        self.ports.append(outside)

    def text(self, name: str, contents: Mapping[str, Contents] | None = None) -> str:
        if contents is None:
            return _ZEROS.sub(_loop, str(verilog.convert(self.m, name=name, ports=self.ports, emit_src=False)))
        text = str(rtlil.convert(self.m, name=name, ports=self.ports, emit_src=False))
        # These two lines are the halves of verilog.convert, which offers no way to change the RTLIL between them.
        text = str(verilog._convert_rtlil_text(with_contents(text, lambda memory: contents[memory.path])))
        return _ZEROS.sub(_loop, text)


# Yosys writes one assignment for each word of a memory that starts as zeros: nine tenths of the text. A loop replaces
# them.
_ZEROS: Final = re.compile(r"  initial begin\n    (\S+ ?)\[0\] = (\d+'h0+);\n(?:    \1\[\d+\] = \2;\n)*  end\n")


def _loop(found: re.Match[str]) -> str:
    memory, zero, words = found[1], found[2], found[0].count(";")
    label = "zeros_" + re.sub(r"\W", "_", memory)
    head = f"  initial begin : {label}\n    integer i;\n    for (i = 0; i < {words}; i = i + 1)\n"
    return f"{head}      {memory}[i] = {zero};\n  end\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m firstspike_hw.emit.verilog", description=__doc__)
    parser.add_argument("config", choices=list(CONFIGS), help="name of a shipped core")
    parser.add_argument("--board", action="store_true", help=f"put the serial link around the core: module {BOARD}")
    parser.add_argument("--clock", type=int, default=CLOCK_HZ, help="the board's clock in hertz (default: %(default)s)")
    parser.add_argument(
        "--divisor", type=int, default=DIVISOR, help="clock cycles per bit of the serial line (default: %(default)s)"
    )
    parser.add_argument("-o", "--output", type=Path, help="file to write (default: standard output)")
    options = parser.parse_args(arguments)
    config = CONFIGS[options.config]
    try:
        text = emit_board(config, clock=options.clock, divisor=options.divisor) if options.board else emit(config)
    except FirstspikeError as error:
        parser.error(str(error))
    if options.output is None:
        sys.stdout.write(text)
    else:
        options.output.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
