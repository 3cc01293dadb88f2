"""Tests `firstspike learn`, which makes one deployment from another, and `firstspike diff`, which compares them."""

from pathlib import Path

import numpy as np
import pytest
from served import served

from firstspike_compiler.deployment import read_deployment
from firstspike_compiler.formats.nir.reader import read_nir

LESSON = ("--data", "yinyang:train", "--limit", "400")
FIGURES = [
    *("deployment", "level", "network", "target", "dataset", "split", "kernel", "steps_grid", "inputs", "inputs_seen"),
    *("board", "images", "epochs", "p", "margin", "late", "seed", "shift", "deform"),
    *("accuracy_before", "accuracy_by_class_before", "accuracy", "accuracy_by_class", "test", "accuracy_live"),
    *("trigger_rate", "weights_changed", "weight_change", "learning_images", "checks", "rolled_back", "history"),
    "seconds",
]


def test_learning_writes_a_deployment_and_a_network_file(run, deployment: Path) -> None:
    done = run(
        *("learn", deployment, *LESSON, "--hold-out", "100", "--epochs", "2", "--p", "0,1", "--json"),
        *("-o", "learnt", "--nir", "learnt.nir", "--test", "yinyang:test"),
    )
    assert (done.code, done.err) == (0, "")
    said = done.json
    assert sorted(said) == sorted([*FIGURES, "output", "nir"])
    assert (said["images"], said["learning_images"], said["checks"], said["epochs"]) == (300, 600, 2, 2)
    assert (said["p"], said["margin"], said["late"]) == ("0,1", "1", "13")
    assert said["accuracy"] > said["accuracy_before"]
    before, after = (read_deployment(folder).network for folder in (deployment, Path("learnt")))
    changed = [float((a.weights != b.weights).mean()) for a, b in zip(before.layers, after.layers, strict=True)]
    assert changed == said["weights_changed"]
    ir = read_nir(Path("learnt.nir"))
    integers = [np.rint(layer.weights / layer.scale).astype(np.int64) for layer in ir.layers]
    assert all(np.array_equal(w, layer.weights) for w, layer in zip(integers, after.layers, strict=True))
    assert ir.record["learning"]["seed"] == 1
    simulated = run("simulate", "learnt", "--data", "yinyang:test", "--json").json
    assert simulated["accuracy"] == said["accuracy"]
    assert simulated["mismatches"] == 0
    assert not Path("learnt.learning").exists()


def test_the_same_seed_learns_the_same_and_another_does_not(run, deployment: Path) -> None:
    for name, seed in (("a", "4"), ("b", "4"), ("c", "5")):
        assert run("learn", deployment, *LESSON, "--seed", seed, "-o", name).code == 0
    weights = [read_deployment(Path(name)).network.layers[0].weights for name in "abc"]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_diff_reports_what_moved(run, deployment: Path) -> None:
    run("learn", deployment, *LESSON, "-o", "learnt")
    done = run("diff", deployment, "learnt", "--json", "--picture", "moved.png")
    assert (done.code, done.err) == (0, "")
    first, second = (read_deployment(folder).network for folder in (deployment, Path("learnt")))
    for layer, a, b in zip(done.json["layers"], first.layers, second.layers, strict=True):
        moves = b.weights.astype(int) - a.weights
        assert layer["weights"] == moves.size
        assert layer["changed"] == (moves != 0).sum()
        assert layer["largest_move"] == abs(moves).max()
        assert layer["mean_move"] == abs(moves).mean()
        assert layer["up"] + layer["down"] == layer["changed"]
    assert Path("moved.png").read_bytes().startswith(b"\x89PNG")
    text = run("diff", deployment, "learnt").out
    assert text.startswith(f"{done.json['changed']:,} of {done.json['weights']:,} weights differ\n\n")


def test_nothing_moves_between_a_deployment_and_itself(run, deployment: Path) -> None:
    said = run("diff", deployment, deployment, "--json").json
    assert (said["changed"], said["weights"]) == (0, 4 * 8 + 8 * 3)
    assert run("diff", deployment, deployment).out.startswith("0 of 56 weights differ\n\n")


def test_an_interrupted_run_resumes_to_the_same_weights(run, deployment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("learn", deployment, *LESSON, "--epochs", "3", "--every", "150")
    run(*words, "-o", "whole")
    from firstspike.cli.commands import learn

    plain = learn._live

    def stop_early(total: int):
        def entry(figures) -> None:
            plain(total)(figures)
            if figures.images >= 450:
                raise KeyboardInterrupt

        return entry

    monkeypatch.setattr(learn, "_live", stop_early)
    assert run(*words, "-o", "parts").code == 130
    monkeypatch.setattr(learn, "_live", plain)
    refused = run(*words, "-o", "parts")
    assert (refused.code, refused.err) == (
        1,
        "error: parts.learning holds an unfinished run; continue with --resume, or start afresh with --force\n",
    )
    assert run(*words, "-o", "parts", "--resume").code == 0
    whole, parts = (read_deployment(Path(name)).network for name in ("whole", "parts"))
    assert all(np.array_equal(a.weights, b.weights) for a, b in zip(whole.layers, parts.layers, strict=True))


def test_a_board_on_a_bad_line_learns_the_same(run, deployment: Path) -> None:
    words = ("learn", deployment, *LESSON, "--hold-out", "100", "--every", "100", "--json")
    here = run(*words, "-o", "here").json
    with served("pty", core="learning") as port:
        done = run(*words, "--board", f"{port.url}?faults=flip=1e-4,drop=1e-5,seed=2", "-o", "there")
        assert (done.code, done.err) == (0, "")
        there = done.json
    assert (there["core"], there["verified"]) == ("learning", True)
    assert there["link"]["frames_bad"] + there["link"]["damaged_here"] > 0
    for name in ("accuracy_before", "accuracy", "history", "trigger_rate", "weights_changed", "learning_images"):
        assert there[name] == here[name]
    one, other = (read_deployment(Path(name)).network for name in ("here", "there"))
    assert all(np.array_equal(a.weights, b.weights) for a, b in zip(one.layers, other.layers, strict=True))


def test_a_board_resumes_an_interrupted_run(run, deployment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("learn", deployment, *LESSON, "--epochs", "2", "--every", "150")
    run(*words, "-o", "whole")
    from firstspike.cli.commands import learn

    plain = learn._live

    def stop_early(total: int):
        def entry(figures) -> None:
            if figures.images >= 450:
                raise KeyboardInterrupt

        return entry

    with served("pty", core="learning") as port:
        monkeypatch.setattr(learn, "_live", stop_early)
        assert run(*words, "--board", port.url, "-o", "parts").code == 130
        monkeypatch.setattr(learn, "_live", plain)
        assert run(*words, "--board", port.url, "-o", "parts", "--resume").code == 0
    whole, parts = (read_deployment(Path(name)).network for name in ("whole", "parts"))
    assert all(np.array_equal(a.weights, b.weights) for a, b in zip(whole.layers, parts.layers, strict=True))


def test_a_picture_of_the_course_is_drawn(run, deployment: Path) -> None:
    done = run("learn", deployment, *LESSON, "--hold-out", "100", "--picture", "course.svg", "--json")
    assert done.json["picture"] == "course.svg"
    assert b"<svg" in Path("course.svg").read_bytes()
    refused = run("learn", deployment, *LESSON, "--picture", "course.svg")
    assert (refused.code, refused.err) == (
        1,
        "error: course.svg exists and is not overwritten; use another name, or --force to replace it\n",
    )


def test_images_with_a_square_number_of_inputs_are_moved(run, deployment: Path) -> None:
    """The 4 inputs of Yin-Yang count as an image of 2 x 2 pixels, so that --shift has an effect."""
    plain, moved = (
        run("learn", deployment, *LESSON, "--shift", shift, "--json").json["weights_changed"] for shift in ("0", "1")
    )
    assert plain != moved


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--p", "6"), 1, "p must be in 0..5 (probability 2^-p), not 6; for example 2"),
        (("--p", "0/1/2"), 1, "learning needs one p for each of the 2 layers, not 3; for example 2,2"),
        (("--margin", "256"), 1, "margin must be in 0..255 steps, not 256; for example 16"),
        (("--late", "3,300"), 1, "late must be in 0..255 steps, not 300; for example 16"),
        (
            ("--deform", "1"),
            1,
            "only images of 28 x 28 pixels, bright ones at step 0, can be deformed; leave --deform away",
        ),
        (
            ("--p", "a"),
            2,
            "--p: a schedule is a list of p, such as 0x6,1x4,2 or 0/1,2/3 by layer; have 'a' in 'a' "
            "(see firstspike learn --help)",
        ),
        (
            ("--board", "sim:small"),
            1,
            "this core was built without learning; take one that has it, such as sim:learning, or "
            "StageConfig(learning=True) in every stage; or let the model learn: --board model:",
        ),
        (
            ("--hold-out", "400"),
            2,
            "--hold-out 400 leaves none of 400 images to learn from; for example --hold-out 5000",
        ),
        (
            ("--hold-out", "5", "--check", "yinyang:test"),
            2,
            "use --hold-out N or --check DATA for the checks, not both; for example --hold-out 5000",
        ),
        (
            ("--resume",),
            2,
            "--resume needs --checkpoint FILE or -o DIR; for example --checkpoint build/learnt.learning",
        ),
        (
            ("--resume", "-o", "new"),
            2,
            "--resume continues from new.learning, which does not exist; leave out --resume to start a run",
        ),
        (("-o", "no/where"), 1, "no/where: the folder {cwd}/no does not exist; make it first"),
        (("--nir", "no/where.nir"), 1, "no/where.nir: the folder {cwd}/no does not exist; make it first"),
    ],
)
def test_impossible_options_are_refused(run, deployment: Path, words: tuple[str, ...], code: int, message: str) -> None:
    done = run("learn", deployment, *LESSON, *words)
    assert (done.code, done.out) == (code, "")
    assert done.err == f"error: {message.format(cwd=Path.cwd())}\n"


def test_images_without_labels_or_with_wrong_ones_are_refused(run, deployment: Path) -> None:
    np.savez("bare.npz", t=[0, 3], x=[1, 2], offsets=[0, 2])
    done = run("learn", deployment, "--data", "bare.npz")
    assert (done.code, done.err) == (
        1,
        "error: learning needs a label for every image: bare.npz has none; for example --data mnist:train\n",
    )
    np.savez("wrong.npz", t=[0, 3], x=[1, 2], offsets=[0, 2], labels=[3])
    done = run("learn", deployment, "--data", "wrong.npz")
    assert (done.code, done.err) == (
        1,
        "error: image 0: label 3 is out of range; this network has classes 0..2\n",
    )


def test_networks_of_other_shapes_are_not_compared(run, deployment: Path, net: Path) -> None:
    assert run("compile", net, "-o", "finer", "--steps", "32").code == 0
    done = run("diff", deployment, "finer")
    assert (done.code, done.err) == (
        1,
        "error: two networks can be compared weight by weight if kernel, T, sizes and constant inputs agree: "
        "have linear, T = 16, 4-8-3 and linear, T = 32, 4-8-3\n",
    )
