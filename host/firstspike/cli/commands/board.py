"""firstspike board: runs a board without hardware, which any program can use like a real one.

Tested by tests/host/cli/test_board_commands.py.
"""

import argparse
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from firstspike.cli.answer import Answer
from firstspike.cli.options import at_least, one_of
from firstspike.report import ProgressLine
from firstspike_contract import CONFIGS

__all__ = ["BACKENDS", "EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Start a virtual board at a pseudo-terminal or a socket."
EXAMPLE: Final = """\
  firstspike board --backend model --listen pty:/tmp/board
  Runs a virtual board until Ctrl-C. Meanwhile other programs can use it as a serial port, for example:
  firstspike stream build/demo --board /tmp/board --data mnist:test
  With --backend rtl, the board is simulated gateware with its UART. The signal USR1 resets the board."""

BACKENDS: Final = ("model", "rtl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds [--backend B] [--listen L] [--core C] [--baudrate N [--pace]] [--faults F]."""
    add = parser.add_argument
    add(
        "--backend",
        type=one_of("backend", BACKENDS),
        default="model",
        help="what computes the answers: model (default), or rtl, the simulated gateware",
    )
    add(
        "--listen",
        default="pty",
        metavar="WHERE",
        help="port at which the board is found: pty (default), pty:/tmp/board, socket or socket:7521",
    )
    add("--core", type=one_of("core", tuple(CONFIGS)), default="fast", help="core that the board has (default fast)")
    add(
        "--baudrate",
        type=at_least(1),
        metavar="N",
        help="speed of the line; a host that uses another speed is not understood",
    )
    add("--pace", action="store_true", help="make the line as slow as the speed given by --baudrate")
    add("--faults", metavar="F", help="add faults to the line, for example flip=1e-5,drop=1e-6,seed=3")


def run(args: argparse.Namespace) -> Answer:
    """Serves until interrupted."""
    from firstspike.link.faults import parse_faults
    from firstspike.virtual.devices import make_device
    from firstspike.virtual.ports import open_port
    from firstspike.virtual.server import serve, shown
    from firstspike_contract.common.errors import UsageError

    if args.pace and args.baudrate is None:
        raise UsageError("--pace needs a speed from --baudrate; for example --baudrate 3000000 --pace")
    faults = None if args.faults is None else parse_faults(args.faults)
    with ProgressLine("preparing the board") as progress:
        progress.waiting()
        device = make_device(args.backend, args.core, baudrate=args.baudrate, progress=progress)
    port = open_port(args.listen)
    about: dict[str, Any] = {"url": port.url, "backend": args.backend, "core": args.core}
    try:
        print(json.dumps(about) if args.json else _greeting(about), flush=True)
        with shown(about), _reset_button(device) as pressed:
            serve(device, port, baudrate=args.baudrate, faults=faults, pace=args.pace, watch=pressed)
    except KeyboardInterrupt:
        pass
    finally:
        port.close()
    return Answer(text="", data=about, printed=True)


@contextmanager
def _reset_button(device: Any) -> Iterator[Callable[[], None]]:
    """Yields a function that resets the board if the signal USR1 has come since its last call.

    On systems without this signal, the function does nothing.
    """
    count = 0

    def press(number: int, frame: object) -> None:
        nonlocal count
        count += 1

    def pressed() -> None:
        nonlocal count
        if count:
            count = 0
            device.reset()

    if not hasattr(signal, "SIGUSR1"):
        yield pressed
        return
    before = signal.signal(signal.SIGUSR1, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGUSR1, before)


def _greeting(about: dict[str, Any]) -> str:
    return (
        f"{about['url']}: virtual board with backend {about['backend']} and core {about['core']}; Ctrl-C ends it\n"
        f"to use it: firstspike stream DIR --board {about['url']} --data mnist:test"
    )
