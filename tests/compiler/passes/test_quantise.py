"""Rounding is tested at its limits: weights that are integers already, saturation, and the search for scales."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from networks import float_layer, float_network

from firstspike_compiler.passes.grid import lay_grid
from firstspike_compiler.passes.images import generated_images
from firstspike_compiler.passes.quantise import (
    CLIPS,
    IntegerLayer,
    dequantised,
    explain_quantise,
    is_integer,
    quantise,
    round_layer,
)


@pytest.mark.parametrize(
    ("weight", "scale", "integer"),
    [
        (0.0, 0.5, True),
        (63.5, 0.5, True),  # 127 units
        (-63.5, 0.5, True),
        (64.0, 0.5, False),  # 128 units
        (0.25, 0.5, False),
        (0.5 * (1 + 0.9e-4), 0.5, True),
        (0.5 * (1 + 1.1e-4), 0.5, False),
        (1.0, None, False),
    ],
)
def test_weights_that_are_integers_already_are_recognised(weight: float, scale: float | None, integer: bool) -> None:
    assert is_integer(float_layer("hidden", np.array([[weight, 0.0]]), scale=scale)) == integer


def rounded(weights: list[float], scale: float, *, threshold: float = 1.0) -> IntegerLayer:
    """Rounds a layer of one neuron for the kernel `step`, whose kernel unit is 1."""
    ir = float_network("step", sizes=(len(weights), 1), steps=16)
    ir = replace(ir, layers=(float_layer("hidden", np.array(weights)[:, None], threshold=threshold),))
    return round_layer(ir, lay_grid(ir, 16), 0, scale)


def test_weights_are_rounded_and_saturate() -> None:
    found = rounded([0.0, 0.25, 0.3, 63.5, 63.8, -100.0], 0.5)
    assert found.weights[:, 0].tolist() == [0, 0, 1, 127, 127, -127]
    assert found.weights.dtype == np.int8
    assert (found.changed, found.saturated, found.error) == (4, 2, None)


@pytest.mark.parametrize(("threshold", "theta"), [(0.01, 1), (0.5, 1), (0.51, 2), (10.0, 20)])
def test_a_threshold_is_the_next_integer_and_at_least_1(threshold: float, theta: int) -> None:
    assert rounded([1.0], 0.5, threshold=threshold).theta == theta


@pytest.mark.parametrize("kernel", ["linear", "alpha", "step"])
def test_an_integer_layer_goes_back_to_the_units_of_the_float_network(kernel: Any) -> None:
    ir = float_network(kernel, sizes=(3, 2), steps=16, threshold=0.75)
    ir = replace(ir, layers=(replace(ir.layers[0], weights=np.full((3, 2), 0.375)),))
    grid = lay_grid(ir, 16)
    layer = round_layer(ir, grid, 0, 1 / 64)
    back = dequantised(ir, grid, 0, layer)
    np.testing.assert_allclose(back.weights, 0.375)
    assert back.threshold == pytest.approx(0.75, abs=grid.kernel_unit(kernel) / 64)


def test_trained_integers_stay() -> None:
    ir = float_network(sizes=(4, 3, 2), steps=16)
    scaled = [replace(layer, weights=np.rint(layer.weights * 8) / 8, scale=1 / 8) for layer in ir.layers]
    ir = replace(ir, layers=tuple(scaled))
    grid = lay_grid(ir, 16)
    found = quantise(ir, grid, generated_images(ir, grid, 2), lambda k, layer: False)
    for layer, own in zip(found, ir.layers, strict=True):
        np.testing.assert_array_equal(layer.weights, own.weights * 8)
        assert (layer.scale, layer.changed, layer.error) == (1 / 8, 0, None)


def tried(holds: int) -> tuple[IntegerLayer, list[float]]:
    """Returns the quantised first layer and the scales that were checked on a target that holds the first `holds`."""
    ir = float_network(sizes=(20, 30, 4), steps=64)
    grid = lay_grid(ir, 64)
    asked: list[float] = []

    def hold(k: int, layer: IntegerLayer) -> bool:
        if k == 0:
            asked.append(layer.scale)
        return len(asked) <= holds

    return quantise(ir, grid, generated_images(ir, grid, 8), hold)[0], asked


def test_the_coarsest_scale_is_always_tried_and_finer_ones_as_far_as_they_fit() -> None:
    layer, asked = tried(holds=0)
    assert len(asked) == 1, "the coarsest scale must not be checked on the target"
    assert layer.saturated == 0
    assert layer.scale > asked[0]
    assert layer.error is not None
    layer, asked = tried(holds=99)
    assert len(asked) == len(CLIPS) - 1
    assert asked == sorted(asked, reverse=True)


def test_without_images_the_coarsest_scale_is_taken() -> None:
    ir = float_network(sizes=(20, 30, 4), steps=64)
    grid = lay_grid(ir, 64)
    assert [layer.saturated for layer in quantise(ir, grid, generated_images(ir, grid, 1).head(0))] == [0, 0]


def test_the_pass_explains_what_it_did() -> None:
    trained = rounded([0.5, 0.3], 0.5)
    assert explain_quantise((trained, replace(trained, error=0.25, saturated=1))) == [
        "hidden: scale 0.5, threshold 2; trained integers, 1 of 2 weights changed",
        "hidden: scale 0.5, threshold 2; 1 of 2 weights rounded, 1 saturated, spikes shift by 0.25 steps on average",
    ]
