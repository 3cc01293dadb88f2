"""Compares the figures of `firstspike estimate` for a small network with figures computed by hand."""

from pathlib import Path

import numpy as np
import pytest

from firstspike_compiler.deployment import read_deployment
from firstspike_contract import CONFIGS
from firstspike_contract.core.cycles import image_cycles

FIGURES = [
    *("lut", "ff", "bram", "dsp", "clock_mhz", "cycles", "latency_us", "images_per_second"),
    *("row_reads", "weight_bits_read", "adds", "weight_bits", "memory_bits", "images", "available"),
]


def test_the_figures_of_the_golden_images(run, deployment: Path) -> None:
    done = run("estimate", "deployment", "--core", "tiny", "--clock", "50", "--json")
    assert (done.code, done.err) == (0, "")
    said = done.json
    assert [name for name in said if name in FIGURES] == FIGURES
    assert (said["core"], said["target"], said["clock_mhz"]) == ("tiny", "ulx3s-85f", 50)
    assert (said["bram"], said["dsp"]) == (10, 12)
    assert said["available"] == {"lut": 83640, "bram": 208, "dsp": 156}
    read = read_deployment("deployment")
    cycles = image_cycles(read.network, CONFIGS["tiny"], read.golden.batch)
    assert said["cycles"]["mean"] == pytest.approx(cycles.mean())
    assert said["cycles"]["p99"] == pytest.approx(np.percentile(cycles, 99))
    assert said["latency_us"] == pytest.approx(cycles.mean() / 50)
    assert said["images_per_second"] == pytest.approx(50e6 / cycles.mean())

    # The network 4-8-3 runs on stages of 8 and 4 lanes. Each event reads one memory word of its stage, which holds one
    # byte for each lane, and each byte is added once.
    batch = read.golden.batch
    hidden = (batch.times[0] <= batch.results["step"][:, None]).sum(axis=1)
    assert said["weight_bits"] == (4 * 8 + 8 * 3) * 8
    assert said["memory_bits"] == (8 * 512 + 4 * 512) * 8
    events = batch.rows.astype(np.int64)
    assert (events[:, 0] <= hidden).all()
    assert said["row_reads"] == pytest.approx(events.sum(axis=1).mean())
    assert said["weight_bits_read"] == pytest.approx((events @ [8, 4]).mean() * 8)
    walked = (batch.results["step"] + 1.0).mean()
    assert said["adds"] == pytest.approx((events @ [8, 4]).mean() + walked * 12)


def test_a_data_set_and_the_targets_own_clock(run, deployment: Path) -> None:
    words = ("estimate", "deployment", "--target", "icepi-zero")
    said = run(*words, "--data", "yinyang:test", "--limit", "30", "--json").json
    assert (said["core"], said["clock_mhz"], said["images"]) == ("tiny", 75, "30 images of yinyang:test")
    text = run(*words).out
    assert "available          lut 24,288, bram 56, dsp 28" in text
    assert "images             the 40 golden images" in text


def test_a_target_without_a_part(run, deployment: Path) -> None:
    done = run("estimate", "deployment", "--target", "generic")
    assert (done.code, done.out) == (1, "")
    assert done.err == ("error: the target generic has no device; use a target with one, such as ulx3s-85f\n")


@pytest.mark.parametrize("command", ["estimate", "build"])
def test_no_clock_at_all(run, deployment: Path, command: str) -> None:
    done = run(command, "deployment", "--clock", "0", *(("-o", "out") if command == "build" else ()))
    assert (done.code, done.out) == (2, "")
    message = "a clock must be above 0 MHz, and '0' is not; for example 100"
    assert done.err == f"error: --clock: {message} (see firstspike {command} --help)\n"
