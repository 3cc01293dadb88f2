"""firstspike board: a board without hardware, for every program that talks to one."""

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

SUMMARY: Final = "start a virtual board at a pseudo-terminal or a socket"
EXAMPLE: Final = """\
  firstspike board --backend model --listen pty:/tmp/board
  Runs until Ctrl-C; meanwhile firstspike stream build/demo --board /tmp/board --data mnist:test, or any program that
  opens a serial port. --backend rtl puts the simulated gateware, with its UART, at the far end. The signal USR1 is the
  board's reset button."""

BACKENDS: Final = ("model", "rtl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[--backend B] [--listen L] [--core C] [--baudrate N [--pace]] [--faults F]."""
    add = parser.add_argument
    add("--backend", type=one_of("backend", BACKENDS), default="model", help="model (default), or rtl: gateware")
    add("--listen", default="pty", metavar="WHERE", help="pty (default), pty:/tmp/board, socket or socket:7521")
    add("--core", type=one_of("core", tuple(CONFIGS)), default="fast", help="what it was built as (default fast)")
    add("--baudrate", type=at_least(1), metavar="N", help="a host at another speed is not understood")
    add("--pace", action="store_true", help="carry no more than that speed does")
    add("--faults", metavar="F", help="make the line bad, for example flip=1e-5,drop=1e-6,seed=3")


def run(args: argparse.Namespace) -> Answer:
    """Serve until interrupted."""
    from firstspike.link.faults import parse_faults
    from firstspike.virtual.devices import make_device
    from firstspike.virtual.ports import open_port
    from firstspike.virtual.server import serve, shown
    from firstspike_contract.common.errors import UsageError

    if args.pace and args.baudrate is None:
        raise UsageError("--pace needs a speed; for example --baudrate 3000000 --pace")
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
    """Where there are signals, USR1 resets the board the next time that what this gives is called."""
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
        f"{about['url']}: a virtual board, {about['backend']}, core {about['core']}; Ctrl-C ends it\n"
        f"try: firstspike stream DIR --board {about['url']} --data mnist:test"
    )
