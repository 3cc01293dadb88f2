"""The training loop learns, is deterministic, resumes to the same bits, and refuses what does not fit."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from firstspike_compiler.training import Recipe, list_recipes, load_mask, load_recipe, train
from firstspike_compiler.training.augment import Augmentation, deform
from firstspike_contract.common.errors import FirstspikeError, UsageError

SMALL = Recipe(
    name="small", data="bars", hidden=(24,), epochs=6, batch=20, validation=100, warm_up=0.5, average=0.9,
    start=((0.05, 0.1), (0.1, 0.2)),
)  # fmt: skip


def bars(n: int = 600, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Returns images of one thick horizontal or vertical bar with a little noise, uint8 ``[n, 784]``, and labels."""
    rng = np.random.default_rng(seed)
    images, labels = (rng.random((n, 28, 28)) < 0.02), rng.integers(0, 2, n)
    for image, label in zip(images, labels, strict=True):
        at = rng.integers(4, 20)
        (image if label else image.T)[at : at + 4, 3:25] = True
    return (images.reshape(n, -1) * 255).astype(np.uint8), labels


def weights(ir) -> list[np.ndarray]:
    return [layer.weights for layer in ir.layers]


def test_learns_a_small_task_with_integer_weights() -> None:
    seen = []
    ir = train(SMALL, *bars(), epoch_done=seen.append)
    assert [f["epoch"] for f in seen] == list(range(1, 7))
    assert seen[-1]["accuracy"] > 0.95
    for layer, unit in zip(ir.layers, SMALL.units, strict=True):
        integers = layer.weights / layer.scale
        assert layer.scale == 1 / unit
        assert np.array_equal(integers, np.rint(integers))
        assert np.abs(integers).max() <= 127
    assert ir.record["recipe"]["seed"] == SMALL.seed


def test_the_same_seed_gives_the_same_network_and_another_seed_another() -> None:
    data = bars()
    short = dataclasses.replace(SMALL, epochs=2, augment=Augmentation())
    first, second = train(short, *data), train(short, *data)
    other = train(dataclasses.replace(short, seed=2), *data)
    assert all(np.array_equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))
    assert not np.array_equal(weights(first)[0], weights(other)[0])


def test_an_interrupted_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    data, checkpoint = bars(), tmp_path / "run.npz"

    class Interrupted(Exception):
        pass

    def stop_after_three(figures: dict) -> None:
        if figures["epoch"] == 4:
            raise Interrupted  # the checkpoint of epoch 4 is not written yet

    with pytest.raises(Interrupted):
        train(SMALL, *data, checkpoint=checkpoint, epoch_done=stop_after_three)
    seen: list[dict] = []
    resumed = train(SMALL, *data, checkpoint=checkpoint, resume=True, epoch_done=seen.append)
    assert seen[0]["epoch"] == 4
    whole = train(SMALL, *data)
    assert all(np.array_equal(a, b) for a, b in zip(weights(resumed), weights(whole), strict=True))
    assert resumed.record == whole.record


def test_masked_inputs_and_inputs_that_never_spike_have_zero_rows() -> None:
    values, labels = bars()
    values[:, 300] = 0
    ir = train(dataclasses.replace(SMALL, epochs=1, mask="checkerboard"), values, labels)
    mask = load_mask("checkerboard", 784)
    assert mask is not None
    assert mask.sum() == 392
    assert not ir.layers[0].weights[~mask].any()
    assert mask[300]
    assert not ir.layers[0].weights[300].any()
    assert ir.layers[0].weights[mask].any()
    np.testing.assert_array_equal(ir.mask, mask)


def test_spike_cost_buys_fewer_spikes() -> None:
    counts = []
    for cost in (0.0, 0.2):
        seen: list[dict] = []
        train(dataclasses.replace(SMALL, spike_cost=cost), *bars(), epoch_done=seen.append)
        counts.append(seen[-1]["spikes_hidden"])
    assert counts[1] < 0.7 * counts[0]


def test_deep_networks_with_constant_inputs_train() -> None:
    deep = dataclasses.replace(
        SMALL, hidden=(24, 12), units=(256, 64, 64), constants=((0.2,), (), (0.0,)), epochs=8,
        start=((0.05, 0.1), (0.2, 0.3), (0.2, 0.3)),
    )  # fmt: skip
    seen: list[dict] = []
    ir = train(deep, *bars(), epoch_done=seen.append)
    assert [layer.weights.shape for layer in ir.layers] == [(785, 24), (24, 12), (13, 2)]
    assert ir.layers[0].constant_times.tolist() == [0.2]
    assert seen[-1]["accuracy"] > 0.9


def test_deformation_is_the_identity_at_strength_zero_and_moves_by_the_shift() -> None:
    values, _ = bars(20)
    still = Augmentation(rotation=0, scale=0, shear=0, shift=0, elastic_amplitude=0)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(deform(values, still, rng), values // 255)
    moved = deform(values, Augmentation(), rng)
    assert 0.5 < moved.sum() / (values // 255).sum() < 1.5
    assert (moved != values // 255).any()


def test_every_shipped_recipe_loads() -> None:
    assert {"mnist", "mnist-exponential", "yinyang"} <= set(list_recipes())
    for name in list_recipes():
        assert load_recipe(name).name == name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": "alpha"}, "training recipe: kernel is 'alpha'; it must be one of linear, exponential"),
        ({"steps": 17}, "training recipe: steps is 17; it must be a power of two in 16..256, such as 16"),
        ({"units": (256,)}, "training recipe: units is [256]; it must be one entry for each of the 2 layers"),
        ({"units": (256, 0)}, "training recipe: units is [256, 0]; it must be positive integers, such as 256"),
        (
            {"start": ((0.1,), (0.1, 0.2))},
            "training recipe: start is [(0.1,), (0.1, 0.2)]; "
            "it must be a mean and a standard deviation for each layer, such as 0.02, 0.1",
        ),
        (
            {"hidden": (9999999999999,)},
            "training recipe: hidden is [9999999999999]; it must be 1 to 16 layers of 1 to 65536 neurons, such as 600",
        ),
        (
            {"hidden": (1,) * 17},
            f"training recipe: hidden is {[1] * 17}; it must be 1 to 16 layers of 1 to 65536 neurons, such as 600",
        ),
        ({"spike_cost": -1.0}, "training recipe: spike_cost is -1.0; it must be at least 0, such as 0.0035"),
        ({"late": 0.3}, "training recipe: late is 0.3; it must be a time for two-time and latency, else none"),
        (
            {"encoding": "two-time", "late": 9.0},
            "training recipe: late is 9.0; it must be above 0 and at most 1.312",
        ),
    ],
)
def test_recipes_out_of_range_are_refused(change: dict, message: str) -> None:
    with pytest.raises(FirstspikeError) as error:
        dataclasses.replace(SMALL, **change)
    assert str(error.value) == message


def test_bad_recipe_files_and_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        load_recipe("mnst")
    assert str(error.value) == f"unknown recipe 'mnst', did you mean mnist? known: {', '.join(list_recipes())}"
    file = tmp_path / "r.yaml"
    for text, message in (
        (
            "data: mnist\nhiden: [3]",
            f"{file}: not a training recipe: unknown field 'hiden', did you mean hidden? known: ",
        ),
        ("- 1", f"{file}: not a training recipe: expected a mapping such as `data: mnist`"),
        ("a: [", f"{file}: not a training recipe: not readable as YAML"),
        ("a: &a [x]\nb: [*a, *a]", f"{file}: not a training recipe: not readable as YAML"),
        (
            "data: mnist\nt_max: .inf",
            f"{file}: not a training recipe: t_max is inf, which is no number; for example 0.5",
        ),
        ("data: mnist\nhidden: [x]", f"{file}: not a training recipe: invalid literal for int() with base 10: 'x'"),
        ("data: mnist\naugment: {shift: x}", f"{file}: not a training recipe: could not convert string to float: 'x'"),
        ("data: mnist\naugment: 1", f"{file}: not a training recipe: 'int' object is not iterable"),
        ("data: mnist\nepochs: x", "training recipe: epochs is 'x'; it must be of the type int"),
        ("data: mnist\nlate: x", "training recipe: late is 'x'; it must be of the type float | None"),
        ("data: \xe9", f"{file}: not a training recipe: not text in UTF-8"),
    ):
        file.write_bytes(text.encode("latin-1"))
        with pytest.raises(FirstspikeError) as refused:
            load_recipe(str(file))
        assert str(refused.value).startswith(message)
    values, labels = bars(50)
    with pytest.raises(FirstspikeError) as error:
        train(SMALL, values, labels[:-1])
    assert str(error.value) == "50 images but 49 labels; there must be one label for each image"
    with pytest.raises(FirstspikeError) as error:
        train(SMALL, values, labels)
    assert str(error.value) == "recipe holds out 100 of 50 images; hold out at least 1 and leave at least 1"


def test_bad_masks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FirstspikeError) as error:
        load_mask("checkerboard", 100)
    assert str(error.value) == "mask checkerboard needs a 28 x 28 input; this data has 100 inputs"
    path = tmp_path / "m.npy"
    np.save(path, np.ones(5, bool))
    with pytest.raises(FirstspikeError) as error:
        load_mask(str(path), 4)
    assert str(error.value) == f"mask '{path}' has shape (5,); it must hold 4 booleans or zeros and ones"
    with pytest.raises(FirstspikeError, match="cannot be read"):
        load_mask(str(tmp_path / "none.npy"), 4)
