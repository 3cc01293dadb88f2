"""Networks and images derived for measurements: a seed gives the same result each time, and the rest is unchanged."""

import subprocess
import sys
from pathlib import Path

import derive
import numpy as np
import pytest
from derived.images import Selection, changed, permuted, rotated
from derived.networks import random_network, scratch, shuffled, with_delays

from firstspike_compiler.formats.nir.reader import read_nir

ROOT = Path(__file__).parents[2]


def test_a_random_network_depends_on_its_seed_alone() -> None:
    first, again, other = (random_network("alpha", (6, 5, 3), seed) for seed in (1, 1, 2))
    assert [layer.weights.shape for layer in first.layers] == [(6, 5), (5, 3)]
    assert all(np.array_equal(a.weights, b.weights) for a, b in zip(first.layers, again.layers, strict=True))
    assert not np.array_equal(first.layers[0].weights, other.layers[0].weights)


def test_delays_are_whole_steps_on_inputs_and_hidden_neurons_only() -> None:
    made = with_delays(random_network("linear", (6, 5, 3), 1), most=4, seed=1)
    tick = made.t_max / made.steps
    for delays in (made.input_delays, made.layers[0].delays):
        steps = delays / tick
        assert np.array_equal(steps, np.rint(steps))
        assert 0 <= steps.min() < steps.max() <= 4
    assert not made.layers[-1].delays.any()


def test_shuffling_permutes_weights_and_leaves_rows_of_zeros() -> None:
    seen = np.arange(784) >= 100
    start = scratch(1, 32, seen)
    made = shuffled(start, 0.2, seed=3)
    for before, after in zip(start.layers, made.layers, strict=True):
        assert np.array_equal(np.sort(before.weights, axis=None), np.sort(after.weights, axis=None))
        moved = (before.weights != after.weights).mean()
        assert 0.1 < moved < 0.21
    assert not made.layers[0].weights[:100].any()


def test_turning_and_permuting_keep_images_images() -> None:
    digit = np.zeros((1, 784), np.uint8)
    digit[0, 28 * 4 + 10 : 28 * 4 + 18] = 255  # a bar near the upper edge
    assert np.array_equal(rotated(digit, 0.0), digit)
    half = rotated(digit, 180.0)
    assert np.array_equal(half.reshape(28, 28), digit.reshape(28, 28)[::-1, ::-1])
    assert np.array_equal(np.sort(permuted(digit, 7)), np.sort(digit))
    assert not np.array_equal(permuted(digit, 7), digit)


def test_a_selection_takes_and_changes_images() -> None:
    every = changed("mnist:test", Selection(first=200))
    few = changed("mnist:test", Selection(first=200, without=9))
    assert every.labels is not None
    assert few.labels is not None
    assert len(every) == 200
    assert np.array_equal(few.labels, every.labels[every.labels != 9])
    assert len(changed("mnist:test", Selection(last=7))) == 7


def test_the_program_writes_a_network_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "made" / "net.nir"
    words = ["random", "step", "--sizes", "5", "4", "2", "-o", str(output)]
    assert derive.main(words) == 0
    assert capsys.readouterr().out == f"{output}: written, seed 1\n"
    assert derive.main(words) == 1
    message = f"error: {output} exists and is not overwritten; use another name, or --force\n"
    assert capsys.readouterr().err == message
    assert derive.main([*words, "--force"]) == 0
    delayed = tmp_path / "delayed.nir"
    assert derive.main(["delays", str(output), "-o", str(delayed)]) == 0
    assert read_nir(str(delayed)).layers[0].delays.any()


def test_a_network_needs_two_sizes(tmp_path: Path) -> None:
    program = [sys.executable, str(ROOT / "benchmarks" / "derive.py")]
    words = ["random", "step", "--sizes", "5", "-o", str(tmp_path / "x.nir")]
    done = subprocess.run([*program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("error: sizes are at least two numbers >= 1, not [5]; for example 16 120 3\n")
