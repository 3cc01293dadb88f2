"""Fixtures: a small network, its deployment, and a function that runs the command line in this process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from networks import grid_network

from firstspike.cli import main
from firstspike_compiler.formats.nir.writer import write_nir


@dataclass(frozen=True, kw_only=True)
class Ran:
    """The exit status of a command and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The single JSON object on stdout."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


def refused(done: Ran, code: int, message: str) -> None:
    """Asserts that the command printed exactly this error on stderr and nothing on stdout."""
    assert (done.err, done.out, done.code) == (f"error: {message}\n", "", code)


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Returns a function that runs a command line in an empty folder, for example run("check", "net.nir")."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str | Path) -> Ran:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Ran(code=code, out=out, err=err)

    return run


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """Writes a network of 4 inputs (as Yin-Yang has), 8 hidden neurons and 3 classes; returns its path."""
    write_nir(grid_network(), tmp_path / "net.nir")
    return tmp_path / "net.nir"


@pytest.fixture
def deployment(run: Run, net: Path) -> Path:
    """Compiles `net` with 40 calibration images of Yin-Yang; returns the path of the deployment."""
    done = run("compile", net, "-o", "deployment", "--calibrate", "yinyang:train", "--calibration-images", "40")
    assert done.code == 0, done.err
    return Path("deployment").absolute()
