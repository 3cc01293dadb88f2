"""Small networks and a way to run the command line in this process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstspike.cli import main
from firstspike_compiler.formats.nir.writer import write_nir
from firstspike_compiler.ir import Encoding, LayerIR, NetworkIR

SEED = 20261122


def layer(name: str, inputs: int, outputs: int, *, seed: int, threshold: float = 1.0) -> LayerIR:
    """Weights between -0.5 and 0.8, all of them multiples of 1/64."""
    integers = np.random.default_rng(seed).integers(-32, 52, (inputs, outputs))
    return LayerIR(
        name=name,
        weights=integers / 64,
        threshold=threshold,
        constant_times=np.zeros(0),
        delays=np.zeros(outputs),
        scale=1 / 64,
    )


def network(inputs: int = 4, hidden: int = 8, classes: int = 3, **changes: Any) -> NetworkIR:
    """A linear network for latency-coded values in 0..1, T = 16."""
    fields: dict[str, Any] = {
        "kernel": "linear",
        "t_max": 4.0,
        "steps": 16,
        "tau": 1.0,
        "encoding": Encoding(name="latency", t_late=2.0),
        "layers": (layer("hidden", inputs, hidden, seed=SEED), layer("readout", hidden, classes, seed=SEED + 1)),
        "input_delays": np.zeros(inputs),
    }
    return NetworkIR(**{**fields, **changes})


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a command printed and returned."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in an empty folder: run("check", "net.nir")."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str | Path) -> Ran:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Ran(code=code, out=out, err=err)

    return run


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A network of 4 inputs (such as Yin-Yang's), 8 hidden neurons and 3 classes."""
    write_nir(network(), tmp_path / "net.nir")
    return tmp_path / "net.nir"


@pytest.fixture
def deployment(run: Run, net: Path) -> Path:
    """`net`, compiled with 40 images of Yin-Yang."""
    done = run("compile", net, "-o", "deployment", "--calibrate", "yinyang:train", "--calibration-images", "40")
    assert done.code == 0, done.err
    return Path("deployment").absolute()
