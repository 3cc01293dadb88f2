"""What all commands share: help, unknown words, exit status, stdout and stderr."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firstspike import __version__
from firstspike.cli import app, files
from firstspike_contract.common.errors import FirstspikeError, UsageError

FIRSTSPIKE = [sys.executable, "-m", "firstspike"]


def test_no_arguments_prints_the_help(run) -> None:
    done = run()
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("usage: firstspike COMMAND ...\n")
    assert all(f"\n  {name} " in done.out for name in app.COMMANDS)
    assert "docs/glossary.md explains the terms" in done.out
    assert run("--help") == run("-h") == run("help") == done


def test_the_version_is_that_of_the_package(run) -> None:
    done = run("--version")
    assert (done.code, done.out, done.err) == (0, f"firstspike {__version__}\n", "")


@pytest.mark.parametrize("name", app.COMMANDS)
def test_every_command_explains_itself_with_an_example(run, name: str) -> None:
    done = run(name, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"usage: firstspike {name} [-h] [--json]")
    example = done.out.partition("\nexample:\n")[2]
    assert f"\n  firstspike {name}" in f"\n{example}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["chekc"], f"unknown command 'chekc', did you mean check? known: {', '.join(app.COMMANDS)}"),
        (["xyzzy"], f"unknown command 'xyzzy'; known: {', '.join(app.COMMANDS)}"),
        (
            ["--jsno"],
            "unknown option --jsno before the command; options follow the command, as in firstspike check NET --json",
        ),
        (
            ["targets", "--jsno"],
            "unknown option --jsno, did you mean --json? known: --help, --json (see firstspike targets --help)",
        ),
        (["targets", "all"], "there is one argument too many: 'all' (see firstspike targets --help)"),
        (["check"], "the following arguments are required: NET (see firstspike check --help)"),
        (
            ["simulate", "d", "--data", "mnist:test", "--limit", "0"],
            "--limit: '0' is not an integer of at least 1, such as 1 (see firstspike simulate --help)",
        ),
        (
            ["simulate", "d", "--data", "mnist:test", "--level", "modle"],
            "--level: unknown level 'modle', did you mean model? known: model, rtl (see firstspike simulate --help)",
        ),
        (
            ["simulate", "d", "--data", "mnist:test", "--picture", "a.pdf"],
            "--picture: a picture is a .png or .svg file: have a.pdf; for example decision.png "
            "(see firstspike simulate --help)",
        ),
        (
            ["compile", "n", "-o", "d", "--steps", "20"],
            "--steps: '20' is not a number of time steps: 16, 32, 64, 128 or 256 (see firstspike compile --help)",
        ),
        (
            ["train", "-o", "n", "--lambda", "nan"],
            "--lambda: 'nan' is not a number of at least 0, such as 0.0035 (see firstspike train --help)",
        ),
        (
            ["train", "-o", "n", "--hidden", "6oo"],
            "--hidden: '6oo' is not a list of layer sizes, such as 600 or 300,100 (see firstspike train --help)",
        ),
        (
            ["train", "-o", "n", "--kernel", "exponental"],
            "--kernel: unknown kernel 'exponental', did you mean exponential? known: linear, exponential "
            "(see firstspike train --help)",
        ),
        (
            ["encode", "i.npy", "-o", "e.npz", "--encoding", "latncy"],
            "--encoding: unknown encoding 'latncy', did you mean latency? known: binary, two-time, latency "
            "(see firstspike encode --help)",
        ),
    ],
)
def test_a_wrong_command_line_is_refused_with_a_reason(run, words: list[str], message: str) -> None:
    done = run(*words)
    assert (done.code, done.out, done.err) == (2, "", f"error: {message}\n")


def test_with_json_an_error_is_a_json_object_on_stdout(run) -> None:
    done = run("check", "--json")
    message = "the following arguments are required: NET (see firstspike check --help)"
    assert done.code == 2
    assert done.json == {"error": message, "exit_code": 2}
    assert done.err == f"error: {message}\n"


def raising(error: BaseException) -> Callable[[list[str]], int]:
    def run(words: list[str]) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (FirstspikeError("no"), 1, "no"),
        (UsageError("what"), 2, "what"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), 1, "No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "/etc/x"), 1, "/etc/x: Permission denied"),
        (MemoryError(), 1, "there is not enough memory: use a smaller network or fewer images"),
        (MemoryError("Unable to allocate 9 TiB"), 1, "there is not enough memory: Unable to allocate 9 TiB"),
        (OSError("unable to open\nat line 3"), 1, "unable to open"),
        (
            ModuleNotFoundError("No module named 'numba'", name="numba"),
            2,
            "firstspike targets needs the package numba, which is not installed; "
            "install it with: pip install 'firstspike[sim]'",
        ),
    ],
)
def test_an_expected_failure_gives_one_line_and_an_exit_status(
    run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    monkeypatch.setattr(app, "_run", raising(error))
    done = run("targets")
    assert (done.code, done.out, done.err) == (code, "", f"error: {message}\n")


def test_a_missing_module_of_firstspike_itself_is_a_bug_and_not_an_extra(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_run", raising(ModuleNotFoundError("x", name="firstspike.nowhere")))
    with pytest.raises(ModuleNotFoundError):
        run("targets")


def test_every_extra_that_an_error_can_name_contains_its_package() -> None:
    import tomllib

    pyproject = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    extras = pyproject["project"]["optional-dependencies"]
    for package, extra in app.EXTRA_OF.items():
        # llvmlite comes with numba
        wanted = "numba" if package == "llvmlite" else package
        assert any(line.startswith(wanted) for line in extras[extra]), (package, extra)


def test_a_closed_pipe_on_stdout_prints_no_error() -> None:
    with subprocess.Popen(
        [*FIRSTSPIKE, "targets"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # before the command writes anything
        assert process.stderr.read() == ""
        assert process.wait() == app.READER_GONE


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.mark.parametrize(
    ("words", "code", "err"),
    [
        ("targets >&-", 0, ""),
        ("targets --x 2>&-", 2, ""),
        ("targets --x >&-", 2, "error: unknown option --x; known: --help, --json (see firstspike targets --help)\n"),
        pytest.param("targets >/dev/full", 1, "error: standard output: No space left on device\n", marks=FULL),
        pytest.param("targets --json >/dev/full", 1, "error: standard output: No space left on device\n", marks=FULL),
        pytest.param("targets --help >/dev/full", 1, "error: standard output: No space left on device\n", marks=FULL),
        pytest.param("targets --json >/dev/full 2>/dev/full", 1, "", marks=FULL),
    ],
)
def test_closed_and_full_streams(words: str, code: int, err: str) -> None:
    line = f"{shlex.join(FIRSTSPIKE)} {words}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", err)


def signalled(number: signal.Signals, code: str) -> subprocess.CompletedProcess[str]:
    """Runs `code` and sends it a signal as soon as it prints a line to say that it is ready."""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate()  # `code` ends by itself after a minute if the signal does nothing
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


IMPORTING = """
import sys, time
from firstspike.cli import main
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            print("ready", flush=True)
            time.sleep(60)
sys.meta_path.insert(0, Slow())
sys.exit(main())
"""


def test_an_interrupt_during_the_imports_gives_one_line() -> None:
    done = signalled(signal.SIGINT, IMPORTING)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")


WRITING = """
import sys, time
from firstspike.cli import main
from firstspike_compiler.deployment import directory
def slow(path, data):
    path.write_bytes(data[:10])
    print("ready", flush=True)
    time.sleep(60)
directory._write_file = slow
sys.argv = ["firstspike", "compile", "net.nir", "-o", "d"]
sys.exit(main())
"""


def test_terminated_while_writing_leaves_nothing_behind(run, net: Path) -> None:
    done = signalled(signal.SIGTERM, WRITING)
    assert (done.returncode, done.stdout, done.stderr) == (app.TERMINATED, "", "")
    assert [path.name for path in Path().iterdir()] == ["net.nir"]


def test_an_interrupt_ends_a_training_with_130_and_one_line(tmp_path: Path) -> None:
    words = ["train", "yinyang", "--epochs", "3000", "-o", str(tmp_path / "net.nir")]
    checkpoint = tmp_path / "net.nir.checkpoint"
    with subprocess.Popen([*FIRSTSPIKE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not checkpoint.exists() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "", "error: interrupted\n")
    assert checkpoint.exists()  # training can resume from it
    assert not (tmp_path / "net.nir").exists()


def test_json_prints_one_object_and_nothing_on_stderr_without_a_terminal() -> None:
    done = subprocess.run([*FIRSTSPIKE, "targets", "--json"], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert {target["name"] for target in json.loads(done.stdout)["targets"]} >= {"ulx3s-85f"}


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    writing = files.whole_file(path)
    writing.__enter__().write_text("half")
    assert not writing.__exit__(RuntimeError, RuntimeError("cut"), None)
    assert list(tmp_path.iterdir()) == []
    with files.whole_file(path) as draft:
        draft.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_replaced_only_when_forced(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    message = f"{path} exists and is not overwritten; use another name, or --force to replace it"
    with pytest.raises(FirstspikeError) as caught:
        files.refuse_existing(path, force=False)
    assert str(caught.value) == message
    with files.whole_file(path, force=True) as draft:
        draft.write_text("new")
    assert path.read_text() == "new"


def test_an_output_in_a_missing_folder_or_over_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FirstspikeError) as caught:
        files.refuse_existing(tmp_path / "no" / "a.txt", force=False)
    assert (
        str(caught.value) == f"{tmp_path / 'no' / 'a.txt'}: the folder {tmp_path / 'no'} does not exist; make it first"
    )
    with pytest.raises(FirstspikeError) as caught:
        files.refuse_existing(tmp_path, force=True)
    assert str(caught.value) == f"{tmp_path} is a directory; --force replaces files only"
