"""firstspike devices: lists the serial ports of this machine, and the virtual boards that run on it.

Tested by tests/host/cli/test_board_commands.py.
"""

import argparse
import os
from typing import Any, Final

from firstspike.cli.answer import Answer
from firstspike.report import table

__all__ = ["EXAMPLE", "KNOWN", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "List serial ports and virtual boards."
EXAMPLE: Final = """\
  firstspike devices
  Prints one line for each port: the URL for --board, the kind of device, and whether this user may use it."""

# USB serial bridges on boards that firstspike targets, by their (vendor, product) numbers.
KNOWN: Final = {
    (0x0403, 0x6015): "FTDI FT231X, as on ULX3S",
    (0x0403, 0x6010): "FTDI FT2232H, as on ECPIX-5",
    (0x0403, 0x6014): "FTDI FT232H",
    (0x0403, 0x6011): "FTDI FT4232H",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds no arguments."""


def run(args: argparse.Namespace) -> Answer:
    """Lists every port at which a board could be. Opens none, because another program may be using it."""
    found = [*_ports(), *_virtual()]
    text = table(found) if found else "there is no serial port and no virtual board; firstspike board starts one"
    return Answer(text=text, data={"devices": found})


def _ports() -> list[dict[str, Any]]:
    from serial.tools.list_ports import comports

    return [
        {
            "url": f"serial://{port.device}",
            "kind": KNOWN.get((port.vid, port.pid), port.description or "serial port"),
            "serial": port.serial_number,
            "usable": os.name != "posix" or os.access(port.device, os.R_OK | os.W_OK),
        }
        for port in sorted(comports(), key=lambda port: port.device)
    ]


def _virtual() -> list[dict[str, Any]]:
    from firstspike.virtual.server import running_boards

    return [
        {
            "url": board["url"],
            "kind": f"virtual board, {board['backend']}, core {board['core']}",
            "serial": f"process {board['process']}",
            "usable": True,
        }
        for board in running_boards()
    ]
