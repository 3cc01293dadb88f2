"""The picture of a decision is drawn for every shape of network, with reproducible bytes; bad requests are refused."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from networks import layer_of, network_of

from firstspike.report import decision_picture
from firstspike_contract import (
    EVENT,
    RESULT,
    Batch,
    EventSet,
    FirstspikeError,
    Network,
    UsageError,
    evaluate,
    evaluate_set,
)


def drawn(sizes: tuple[int, ...], *, kernel: str = "linear", theta: int = 200, seed: int = 5) -> Network:
    rng = np.random.default_rng(seed)
    layers = (
        layer_of(rng.integers(-40, 90, shape), theta=theta, kernel=kernel, tau_steps=6.0, fraction_bits=8)
        for shape in pairwise(sizes)
    )
    return network_of(*layers, kernel=kernel)


def draw(network: Network, path: Path, **options: object) -> bytes:
    rng = np.random.default_rng(6)
    events = np.array([(t, x) for _ in range(3) for x, t in enumerate(rng.integers(0, 6, network.addresses))], EVENT)
    images = EventSet(events=events, offsets=np.arange(4) * network.addresses)
    decision_picture(network, evaluate(network, images.image(0)), evaluate_set(network, images), path, **options)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("sizes", "kernel", "theta"),
    [
        ((25, 12, 4), "linear", 200),
        ((4, 6, 5, 3), "step", 60),
        ((9, 3), "exponential", 30),
        ((25, 9, 4), "linear", 10**6),
    ],
)
def test_every_shape_of_network_is_drawn(tmp_path: Path, sizes: tuple[int, ...], kernel: str, theta: int) -> None:
    picture = draw(drawn(sizes, kernel=kernel, theta=theta), tmp_path / "a.png", label=1)
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20]) == 1500


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_picture_has_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    network = drawn((9, 5, 3))
    first, second = draw(network, tmp_path / f"a{suffix}"), draw(network, tmp_path / f"b{suffix}")
    assert first == second
    assert b"date" not in first.lower()
    assert b"Matplotlib" not in first


def test_the_picture_shows_the_answer_and_its_causal_sets(tmp_path: Path) -> None:
    network = drawn((9, 5, 3))
    text = draw(network, tmp_path / "a.svg", label=2, title="tiny").decode()
    for needed in (
        "tiny: answer ",
        ", label 2",
        "decision: ",
        "in the causal set, for the answer",
        "time step of the input spike",  # the label of the colour bar
        "share of images",
        "20 %",
        "mean ",
        "3 images",
    ):
        assert needed in text
    assert "9-5-3, linear, T = 16: answer " in draw(network, tmp_path / "b.svg").decode()


def test_a_name_without_suffix_becomes_png(tmp_path: Path) -> None:
    network = drawn((4, 3))
    with pytest.raises(FileNotFoundError):
        draw(network, tmp_path / "picture")  # the helper reads the file without a suffix, which does not exist
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def error_of(kind: type, path: Path, images: int = 1) -> str:
    network = drawn((4, 3))
    evaluation = evaluate(network, np.array([(0, 0)], EVENT))
    batch = Batch(
        results=np.zeros(images, RESULT),
        times=tuple(np.zeros((images, n), np.int16) for n in (4, 3)),
        rows=np.zeros((images, 1), np.int32),
    )
    with pytest.raises(FirstspikeError) as caught:
        decision_picture(network, evaluation, batch, path)
    assert type(caught.value) is kind
    return str(caught.value)


def test_impossible_pictures_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert error_of(UsageError, tmp_path / "a.bmp") == (
        f"a picture is a .png or .svg file: have {tmp_path}/a.bmp; for example a.png"
    )
    assert error_of(FirstspikeError, tmp_path / "a.png", images=0) == (
        "a picture of decisions needs at least one image: the batch has 0; for example 10000"
    )
    absent = tmp_path / "no" / "a.png"
    assert error_of(FirstspikeError, absent) == f"cannot write {absent}: No such file or directory"
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert error_of(UsageError, tmp_path / "a.png") == (
        "a picture needs matplotlib, which is not installed; install it with: pip install 'firstspike[report]'"
    )


def test_reports_import_matplotlib_only_to_draw() -> None:
    code = "import sys, firstspike.report; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
