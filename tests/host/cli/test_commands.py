"""Runs the commands on a small network, from the network file to the printed figures."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from networks import grid_network

from firstspike.cli.commands import demo, doctor
from firstspike.cli.commands.doctor import Diagnosis
from firstspike.datasets import read_npz
from firstspike_compiler.deployment import read_deployment
from firstspike_compiler.formats.nir.writer import write_nir
from firstspike_contract import evaluate_set

FIGURES = [
    *("accuracy", "accuracy_spiking", "tie_rate", "exact_tie_rate", "silent_rate"),
    *("spikes_input", "spikes_hidden", "spikes_total", "spikes_output", "spikes_constant"),
    *("events_dropped", "events_refused", "steps", "lookups", "images"),
    *("images_per_second", "images_per_second_plain", "images_plain", "images_golden", "mismatches"),
]


def test_check_finds_no_violation_in_a_good_network(run, net: Path) -> None:
    done = run("check", "net.nir")
    assert (done.code, done.out, done.err) == (0, "net.nir on ulx3s-85f: no rule violations\n", "")
    assert run("check", "net.nir", "--json").json == {
        "network": "net.nir",
        "target": "ulx3s-85f",
        "ok": True,
        "violations": [],
    }


def test_check_lists_every_violation(run, tmp_path: Path) -> None:
    many = grid_network(inputs=1100, mask=np.zeros(1100, bool))
    write_nir(many, tmp_path / "many.nir")
    done = run("check", "many.nir", "--json")
    assert done.code == 1
    found = done.json["violations"]
    assert [violation["rule"] for violation in found] == [
        "masked inputs have no weights",
        "the target has an address for every input",
    ]
    assert all(set(violation) == {"rule", "node", "have", "need", "remedy"} for violation in found)
    lines = run("check", "many.nir").out.splitlines()
    assert len(lines) == 3
    assert lines[-1] == "many.nir on ulx3s-85f: 2 rule violations"


def test_compile_writes_a_deployment_that_changes_no_weight(run, deployment: Path) -> None:
    read = read_deployment(deployment)
    assert read.manifest["report"]["summary"] == "0 weights changed"
    assert len(read.golden.events) == 40
    integers = [layer.weights * 64 for layer in grid_network().layers]
    assert all(np.array_equal(layer.weights, w) for layer, w in zip(read.network.layers, integers, strict=True))


def test_compile_reports_what_it_did(run, net: Path) -> None:
    done = run("compile", "net.nir", "-o", "d", "--json", "--calibrate", "yinyang:train", "--calibration-images", "30")
    assert (done.code, done.err) == (0, "")
    said = done.json
    assert (said["output"], said["network"], said["target"], said["steps_grid"]) == ("d", "net.nir", "ulx3s-85f", 16)
    assert said["report"]["measured_on"] == "30 calibration images"
    text = run("compile", "net.nir", "-o", "e").out
    assert text.startswith("e: 4-8-3, linear, T = 16, for ulx3s-85f: 0 weights changed; 0 of 4 inputs are dropped\n")


def test_compile_explains_every_pass(run, net: Path) -> None:
    done = run("compile", "net.nir", "-o", "d", "--explain")
    assert done.code == 0
    passes = [line.split(":")[0] for line in done.out.splitlines() if line[:1].isdigit()]
    assert passes == ["1. grid", "2. quantise", "3. drop_inputs", "4. tables", "5. bounds", "6. geometry"]
    said = run("compile", "net.nir", "-o", "d", "--force", "--explain", "--json").json["passes"]
    assert [note["name"] for note in said] == [name[3:] for name in passes]
    assert said[2]["changed"] == ["0 of 4 inputs have no row, 4 keep theirs"]
    assert "passes" not in run("compile", "net.nir", "-o", "d", "--force", "--json").json


def test_compile_to_another_grid_reports_the_change(run, net: Path) -> None:
    done = run("compile", "net.nir", "-o", "d", "--steps", "64", "--calibrate", "yinyang:train", "--json")
    assert done.code == 0
    assert done.json["steps_grid"] == 64
    assert done.json["encoding"] == {"name": "latency", "t_late": 2.0, "late": 32}
    change = done.json["report"]["regrid"]
    assert (change["steps_before"], change["steps_after"]) == (16, 64)


def test_the_same_network_compiles_to_the_same_bytes(run, net: Path) -> None:
    for name in ("one", "two"):
        assert run("compile", "net.nir", "-o", name).code == 0
    for file in ("manifest.yaml", "image.bin", "golden.npz"):
        assert Path("one", file).read_bytes() == Path("two", file).read_bytes()


def test_simulate_prints_the_figures_as_one_object(run, deployment: Path) -> None:
    done = run("simulate", "deployment", "--level", "model", "--data", "yinyang:test", "--json")
    assert (done.code, done.err) == (0, "")
    said = done.json
    assert [name for name in said if name in FIGURES] == FIGURES
    assert (said["dataset"], said["split"], said["images"]) == ("yinyang", "test", 1000)
    assert (said["kernel"], said["steps_grid"], said["network"]) == ("linear", 16, "net.nir")
    assert said["spikes_total"] == pytest.approx(said["spikes_input"] + said["spikes_hidden"])
    assert len(said["lookups"]) == 2
    assert said["mismatches"] == 0
    assert said["images_plain"] == 50
    assert said["images_per_second"] > said["images_per_second_plain"] > 0


def test_simulate_prints_one_figure_a_line_and_takes_a_limit(run, deployment: Path) -> None:
    done = run("simulate", "deployment", "--data", "yinyang:test", "--limit", "7")
    assert done.code == 0
    names, values = zip(*(line.split(maxsplit=1) for line in done.out.splitlines()), strict=True)
    assert [name for name in names if name in FIGURES] == FIGURES
    assert values[names.index("images")] == "7"


def test_simulate_kept_only_leaves_out_events_of_dropped_inputs(run, tmp_path: Path) -> None:
    made = grid_network()
    first = dataclasses.replace(made.layers[0], weights=made.layers[0].weights * [[1], [0], [1], [1]])
    write_nir(dataclasses.replace(made, layers=(first, *made.layers[1:])), tmp_path / "blind.nir")
    assert run("compile", "blind.nir", "-o", "blind", "--calibrate", "yinyang:train").code == 0
    all_sent, kept_only = (
        run("simulate", "blind", "--data", "yinyang:test", "--limit", "40", "--json", *words).json
        for words in ((), ("--kept-only",))
    )
    assert (all_sent["events_dropped"] > 0.9, kept_only["events_dropped"]) == (True, 0)
    for name in ("accuracy", "steps", "spikes_total", "lookups", "images"):
        assert kept_only[name] == all_sent[name]


def test_simulate_draws_the_decision_of_an_image(run, deployment: Path) -> None:
    words = ["simulate", "deployment", "--data", "yinyang:test", "--limit", "9", "--picture", "p.svg", "--image", "8"]
    assert run(*words, "--json").json["picture"] == "p.svg"
    assert Path("p.svg").read_text().startswith("<?xml")
    again = run(*words)
    assert (again.code, again.err) == (
        1,
        "error: p.svg exists and is not overwritten; use another name, or --force to replace it\n",
    )
    assert run(*words, "--force").code == 0
    beyond = run("simulate", "deployment", "--data", "yinyang:test", "--limit", "9", "--image", "9")
    assert (beyond.code, beyond.err) == (2, "error: --image 9 is not one of the 9 images; for example --image 0\n")


def test_simulate_notices_a_fast_path_that_differs_from_the_plain_one(
    run, deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from firstspike.cli import model_run

    honest = model_run.evaluate_set

    def wrong(*args):
        batch = honest(*args)
        batch.times[1][3, 0] += 1
        return batch

    monkeypatch.setattr(model_run, "evaluate_set", wrong)
    done = run("simulate", "deployment", "--data", "yinyang:test", "--limit", "20", "--json")
    assert (done.code, done.json["mismatches"]) == (1, 1)


def test_simulate_notices_a_model_that_differs_from_the_golden_answers(
    run, deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from firstspike.cli import model_run
    from firstspike_contract import Batch

    def wrong(one: Batch, other: Batch) -> list[int]:
        results = other.results.copy()
        results["class"][5] += 1
        return honest(one, dataclasses.replace(other, results=results))

    honest = model_run.differing
    monkeypatch.setattr(model_run, "differing", wrong)
    done = run("simulate", "deployment", "--data", "yinyang:test")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "error: deployment: the model's answers differ from the recorded ones for 1 of 40 golden images, "
        "the first of which is image 5; compile again\n"
    )


def test_simulate_gives_the_same_figures_for_values_and_for_their_encoded_events(run, deployment: Path) -> None:
    from firstspike.datasets import load

    samples = load("yinyang:test")
    np.save("values.npy", samples.values)
    np.save("labels.npy", samples.labels)
    done = run(
        *("encode", "values.npy", "--labels", "labels.npy", "--encoding", "latency", "--late", "8"),
        *("-o", "e.npz", "--json"),
    )
    assert done.json == {
        "output": "e.npz",
        "images": 1000,
        "spikes": 4000,
        "encoding": "latency",
        "late": 8,
        "steps_grid": 16,
        "labels": True,
    }
    assert len(read_npz("e.npz")) == 1000
    by_events = run("simulate", "deployment", "--data", "e.npz", "--json").json
    by_values = run("simulate", "deployment", "--data", "yinyang:test", "--json").json
    figures = [name for name in FIGURES if not name.startswith("images_per_second")]
    assert {name: by_events[name] for name in figures} == {name: by_values[name] for name in figures}


def test_inspect_shows_a_network_and_a_deployment(run, net: Path, deployment: Path) -> None:
    said = run("inspect", "net.nir", "--json").json
    assert (said["kernel"], said["inputs"], said["t_late"]) == ("linear", 4, 2.0)
    assert [(each["layer"], each["inputs"], each["outputs"]) for each in said["layers"]] == [
        ("hidden", 4, 8),
        ("readout", 8, 3),
    ]
    said = run("inspect", "deployment", "--json").json
    assert (said["source"], said["golden_images"], said["manifest"]["target"]) == ("net.nir", 40, "ulx3s-85f")
    for path in ("net.nir", "deployment"):
        done = run("inspect", path)
        assert (done.code, done.err) == (0, "")
        assert "linear" in done.out


def test_every_listed_target_is_accepted_by_check(run, net: Path) -> None:
    done = run("targets")
    names = [line.split()[0] for line in done.out.splitlines()[2:]]
    assert "ulx3s-85f" in names
    for name in names:
        assert run("check", "net.nir", "--target", name).code == (name == "icebreaker")  # it has one stage


def test_doctor_finds_the_packages_that_the_tests_use(run) -> None:
    done = run("doctor", "--json")
    assert done.code == 0
    states = {finding["item"]: finding["state"] for finding in done.json["findings"]}
    assert {states[item] for item in ("python", "numpy", "pyyaml", "pyserial", "cobs", "loopback")} == {"ok"}
    assert {"extra compile", "extra sim", "extra report", "g++", "iverilog", "riscv64-unknown-elf-gcc"} <= set(states)


def test_doctor_runs_the_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from firstspike_hw.silicon.tools import Tool

    script = tmp_path / "loader"
    script.write_text("#!/bin/sh\necho openFPGALoader v1.1.1\n")
    script.chmod(0o755)
    monkeypatch.setattr(Tool, "command", lambda self: str(script))
    assert doctor._loader() == [Diagnosis(item="openfpgaloader", state="ok", detail="openFPGALoader v1.1.1")]
    script.write_text("#!/bin/sh\necho 'error while loading shared libraries: libftdi1.so.2: none' >&2\nexit 127\n")
    (found,) = doctor._loader()
    assert (found.state, found.detail) == (
        "absent",
        "does not run; firstspike program needs it: apt-get install libusb-1.0-0 libftdi1-2",
    )


def test_doctor_looks_at_ports_and_their_latency_timers(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (found,) = doctor._serial(tmp_path / "dev", tmp_path / "sys")
    assert found == Diagnosis(item="serial ports", state="absent", detail="no board is connected")
    port = tmp_path / "dev" / "ttyUSB0"
    port.touch()
    timer = tmp_path / "sys" / "bus" / "usb-serial" / "devices" / "ttyUSB0" / "latency_timer"
    timer.parent.mkdir(parents=True)
    timer.write_text("16\n")
    (found,) = doctor._serial(tmp_path / "dev", tmp_path / "sys")
    assert (found.item, found.state) == (str(port), "ok")
    assert found.detail == "readable and writable; its bridge holds bytes back for 16 ms, and for 1 ms while in use"


def test_doctor_reports_a_failing_loopback(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(network):
        def classify(events):
            batch = evaluate_set(network, events)
            batch.results["class"][0] += 1
            return batch

        return classify

    monkeypatch.setattr("firstspike.virtual.core_model._model", wrong)
    done = run("doctor", "--json")
    states = {finding["item"]: finding["state"] for finding in done.json["findings"]}
    assert (done.code, states["loopback"]) == (1, "broken")


def test_train_writes_a_network_that_compiles_and_repeats_by_its_seed(run) -> None:
    words = ["train", "yinyang", "--epochs", "1", "--seed", "3", "--hidden", "12", "--json"]
    done = run(*words, "-o", "one.nir")
    assert (done.code, done.err) == (0, "")
    assert done.json["recipe"]["seed"] == 3
    assert 0 <= done.json["validation"]["accuracy"] <= 1
    assert run(*words, "-o", "two.nir").code == 0
    assert Path("one.nir").read_bytes() == Path("two.nir").read_bytes()
    assert run("compile", "one.nir", "-o", "d").code == 0
    assert sorted(path.name for path in Path().iterdir()) == ["d", "one.nir", "two.nir"]  # no checkpoint remains


def test_train_resumes_from_its_checkpoint_only_and_never_overwrites_one(run) -> None:
    words = ["train", "yinyang", "--epochs", "1", "--hidden", "12", "-o", "net.nir"]
    missing = run(*words, "--resume")
    assert (missing.code, missing.err) == (
        2,
        "error: --resume continues from net.nir.checkpoint, which does not exist; leave out --resume to start\n",
    )
    Path("net.nir.checkpoint").write_text("something")
    refused = run(*words)
    assert (refused.code, refused.err) == (
        1,
        "error: net.nir.checkpoint holds an unfinished training; continue with --resume, "
        "or start afresh with --force\n",
    )
    assert run(*words, "--force").code == 0
    done = run(*words)
    assert (done.code, done.err) == (
        1,
        "error: net.nir exists and is not overwritten; use another name, or --force to replace it\n",
    )


@pytest.mark.long  # CI runs `make demo` instead
def test_the_demo_runs_from_the_file_to_the_picture(run, tmp_path: Path) -> None:
    done = run("demo", "--limit", "200", "--json")
    assert (done.code, done.err) == (0, "")
    said = done.json
    assert (said["network"], said["images"], said["mismatches"]) == (demo.NETWORK, 200, 0)
    assert said["published"]["spikes_total"] == 139
    assert (tmp_path / "build" / "demo" / "image.bin").exists()
    assert (tmp_path / "build" / "demo.png").read_bytes().startswith(b"\x89PNG")
    text = run("demo", "--limit", "200")  # runs again over the output of the first run
    assert text.code == 0
    assert "Mostafa et al. 2017 (published)" in text.out
    assert " 97.00 %" in text.out
