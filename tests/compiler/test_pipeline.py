"""The whole compiler keeps integer weights as they are, and quantises float weights with a report."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from networks import TAU_STEPS, float_network, integer_networks, random_network, sparse_images

from firstspike_compiler import pipeline
from firstspike_compiler.deployment import encode_image
from firstspike_compiler.formats.nir.reader import read_nir
from firstspike_compiler.formats.nir.writer import write_nir
from firstspike_compiler.integers import network_to_ir
from firstspike_compiler.ir import NetworkIR
from firstspike_compiler.passes.bounds import fits, layer_bounds, needed
from firstspike_compiler.passes.drop_inputs import drop_inputs
from firstspike_compiler.passes.grid import lay_grid
from firstspike_compiler.passes.images import generated_images, recode
from firstspike_compiler.passes.quantise import quantise, round_layer
from firstspike_compiler.passes.tables import choose_fraction_bits
from firstspike_compiler.passes.verify import CompilerFault
from firstspike_compiler.pipeline import compile_network
from firstspike_compiler.rules import check
from firstspike_compiler.targets import load_target
from firstspike_contract import DROPPED, KERNELS, EventSet
from firstspike_contract.arithmetic.bounds import Bounds
from firstspike_contract.arithmetic.evaluate import evaluate_set
from firstspike_contract.common.errors import FirstspikeError, RuleViolations

GENERIC = load_target("generic")


@settings(derandomize=True, deadline=None, max_examples=40)
@given(network=integer_networks())
def test_an_integer_network_written_as_nir_compiles_to_the_same_image(network, tmp_path_factory):
    """Covers every kernel, delays, constant and dropped inputs; scales and t_max are not powers of two."""
    path = tmp_path_factory.mktemp("nir") / "net.nir"
    scales = tuple(0.013 + 0.1 * k for k in range(len(network.layers)))
    write_nir(network_to_ir(network, tau_steps=TAU_STEPS * network.steps / 16, t_max=1.7, scales=scales), path)
    compiled = compile_network(read_nir(path), GENERIC, source=path)
    assert compiled.report["summary"] == "0 weights changed"
    assert encode_image(compiled.network) == encode_image(network)


@pytest.mark.parametrize("kernel", KERNELS)
def test_without_recorded_fraction_bits_the_largest_number_is_chosen(kernel):
    """A network without a recorded K gets the largest K that fits; one bit more is refused."""
    ir = replace(
        network_to_ir(random_network(4, kernel=kernel, normal_form=True), tau_steps=TAU_STEPS), fraction_bits=None
    )
    bits = compile_network(ir, GENERIC).manifest["fraction_bits"]
    if kernel in ("linear", "step"):
        assert bits == 0
        return
    assert bits > 0
    with pytest.raises(RuleViolations, match="accumulators never overflow"):
        compile_network(replace(ir, fraction_bits=bits + 1), GENERIC)


def test_recorded_fraction_bits_are_used_on_their_own_grid_only():
    ir = network_to_ir(random_network(4, kernel="exponential", normal_form=True), tau_steps=TAU_STEPS)
    grid = lay_grid(ir, 32)
    layer, rows = drop_inputs(round_layer(ir, grid, 0, 1 / 64))
    assert choose_fraction_bits(ir, lay_grid(ir, 16), (layer,), rows, GENERIC) == ir.fraction_bits
    assert choose_fraction_bits(ir, grid, (layer,), rows, GENERIC) > ir.fraction_bits


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("seed", range(2))
def test_quantised_networks_decide_like_their_float_networks(kernel, seed):
    """int8 weights on 256 steps change at most a tenth of the decisions of the float network, and few spike orders."""
    threshold = 0.3 if kernel in ("lif-2to1", "alpha") else 1.0
    ir = float_network(kernel, seed=seed, steps=256, threshold=threshold)
    report = compile_network(ir, GENERIC).report
    assert report["measured_on"] == "64 generated images"
    assert report["decisions_changed"] <= 0.1
    assert all(layer["weights_changed"] > 0 for layer in report["layers"])
    assert all(layer["order_flips"] < 0.01 for layer in report["layers"])
    assert all(layer["shift_steps"] < 4 for layer in report["layers"])


def test_outlying_weights_saturate_when_that_shifts_spikes_less():
    """One huge weight must not cost all other weights their resolution."""
    ir = float_network("linear", seed=1, steps=256)
    weights = ir.layers[0].weights.copy()
    weights[0, 0] = 40 * np.abs(weights).max()
    ir = replace(ir, layers=(replace(ir.layers[0], weights=weights), ir.layers[1]))
    layer = quantise(ir, lay_grid(ir, 256), generated_images(ir, lay_grid(ir, 256)))[0]
    assert layer.saturated == 1
    assert layer.scale < weights[0, 0] / 127


def test_calibration_reports_accuracies():
    ir = float_network("linear", steps=64)
    events = sparse_images(20, images=40, steps=64, classes=4)
    compiled = compile_network(ir, GENERIC, calibration=events)
    report = compiled.report
    assert report["measured_on"] == "40 calibration images"
    classes = evaluate_set(compiled.network, events).results["class"]
    assert report["accuracy_int"] == float((classes == events.labels).mean())
    assert abs(report["accuracy_int"] - report["accuracy_float"]) <= report["decisions_changed"]
    assert compiled.manifest["golden"]["origin"] == "calibration"
    np.testing.assert_array_equal(compiled.golden.events.labels, events.labels)


def test_calibration_images_of_another_network_are_refused():
    with pytest.raises(FirstspikeError) as error:
        compile_network(float_network(), GENERIC, calibration=sparse_images(99, steps=64))
    assert "address" in str(error.value)
    assert "this network takes 0..19" in str(error.value)


def test_a_layer_without_spikes_is_reported():
    """A threshold that no image reaches is reported with a remedy."""
    ir = float_network("linear", steps=64, threshold=1e6)
    with pytest.raises(FirstspikeError) as error:
        compile_network(ir, GENERIC, calibration=sparse_images(20, steps=64))
    assert str(error.value) == (
        "layer hidden has gone silent: 0 spikes in 8 images, 0 in float; use more time steps (--steps 256), calibrate "
        "with data like the training data, or train it quantised"
    )


def test_regridding_reports_the_change():
    ir = float_network("linear", steps=256)
    events = recode(sparse_images(20, images=30, steps=256, classes=4), 256, 16)
    compiled = compile_network(ir, GENERIC, steps=16, calibration=events)
    change = compiled.report["regrid"]
    assert (change["steps_before"], change["steps_after"], compiled.network.steps) == (256, 16, 16)
    assert change["thetas_after"][0] < change["thetas_before"][0]
    assert 0 <= change["decisions_changed"] < 0.5
    assert {"accuracy_before", "accuracy_after"} <= change.keys()
    assert "regrid" not in compile_network(ir, GENERIC).report


def test_regridding_compares_with_the_images_on_the_original_grid():
    """The accuracy before regridding is measured with the spike times of the network's own, finer grid."""
    ir = float_network("linear", steps=256, encoding="events")
    fine = sparse_images(20, images=30, steps=256, classes=4)
    compiled = compile_network(ir, GENERIC, steps=16, calibration=recode(fine, 256, 16), original=fine)
    own = compile_network(ir, GENERIC, calibration=fine)
    assert compiled.report["regrid"]["accuracy_before"] == own.report["accuracy_int"]


def test_inputs_without_weights_are_dropped_and_counted():
    ir = float_network("linear", steps=64)
    weights = ir.layers[0].weights.copy()
    weights[[2, 5]] = 0
    ir = replace(ir, layers=(replace(ir.layers[0], weights=weights), ir.layers[1]))
    events = sparse_images(20, images=20, steps=64)
    lean = compile_network(ir, GENERIC, calibration=events)
    full = compile_network(ir, GENERIC, calibration=events, keep_inputs=True)
    assert lean.report["inputs_dropped"] == 2
    assert np.flatnonzero(lean.network.input_map == DROPPED).tolist() == [2, 5]
    assert full.network.layers[0].inputs == 20
    for name in ("class", "step", "spikes_hidden"):
        np.testing.assert_array_equal(lean.golden.batch.results[name], full.golden.batch.results[name])


@pytest.mark.parametrize("encoding", ["binary", "two-time", "latency", "events"])
def test_generated_images_are_of_the_encoding(encoding):
    ir = float_network(encoding=encoding, steps=64)
    ir = NetworkIR(**{**ir.__dict__, "mask": np.arange(20) != 7})
    grid = lay_grid(ir, 64)
    events: EventSet = generated_images(ir, grid)
    codes = {"binary": {0}, "two-time": {0, grid.late}, "latency": set(range(33)), "events": set(range(64))}[encoding]
    assert set(events.events["t"].tolist()) <= codes
    assert 7 not in events.events["x"]
    assert len(events) == 64


def test_progress_is_named():
    seen = []
    compile_network(float_network(), GENERIC, progress=lambda done, total, what="": seen.append((what, done, total)))
    assert {what for what, *_ in seen} == {"float network", "integer network", "golden"}
    assert seen[-1] == ("golden", 64, 64)


@pytest.mark.parametrize("kernel", KERNELS)
def test_only_integers_that_the_target_holds_are_tried(kernel):
    """A target with just the bits that the coarsest scale needs: `compile` compiles what `check` accepts."""
    ir = float_network(kernel, seed=1, steps=64, threshold=0.3 if kernel in ("lif-2to1", "alpha") else 1.0)
    grid = lay_grid(ir, 64)
    coarsest = [round_layer(ir, grid, k, float(np.abs(layer.weights).max()) / 127) for k, layer in enumerate(ir.layers)]
    needs = [needed(ir, grid, k, layer) for k, layer in enumerate(coarsest)]
    tight = replace(GENERIC, a_bits=max(n.a_bits for n in needs), v_bits=max(n.v_bits for n in needs))
    assert check(ir, tight) == []
    compiled = compile_network(ir, tight)
    assert all(fits(bounds, tight) for bounds in layer_bounds(compiled.network))
    with pytest.raises(RuleViolations, match="accumulators never overflow"):
        compile_network(ir, replace(tight, v_bits=tight.v_bits - 2))


def test_regridding_reports_no_comparison_if_the_original_grid_needs_too_many_bits():
    """Sums at 256 steps are longer than at 16. If 64 bits do not hold them either, the report has no comparison."""
    ir = float_network("linear", steps=256)
    narrow = replace(GENERIC, v_bits=17)
    assert check(ir, narrow)
    change = compile_network(ir, narrow, steps=16).report["regrid"]
    assert None not in change.values()
    wild = replace(ir, fraction_bits=3, kernel="exponential", tau=ir.t_max / 11.0)
    assert not check(wild, GENERIC, steps=16)
    assert not check(replace(wild, fraction_bits=None), GENERIC)
    wild = replace(wild, fraction_bits=17)
    assert check(wild, GENERIC)
    change = compile_network(wild, GENERIC, steps=16).report["regrid"]
    assert (change["thetas_before"], change["decisions_changed"]) == (None, None)


def test_every_pass_says_what_it_did():
    notes = compile_network(float_network("exponential", steps=64), GENERIC, steps=32).notes
    assert [note.name for note in notes] == ["grid", "quantise", "drop_inputs", "tables", "bounds", "geometry"]
    said = {note.name: "\n".join(note.changed) for note in notes}
    assert all(note.does and note.changed for note in notes)
    assert "not the network's own 64" in said["grid"]
    assert re.search(r"hidden: scale [\d.]+, threshold \d+; \d+ of \d+ weights rounded", said["quantise"])
    assert "fraction bits: the largest number that fits" in said["tables"]
    assert "of 32 bits, V takes" in said["bounds"]


def _without_a_row(layer, keep_all):
    """Drops input 0 although its weights are not zero: a wrong pass."""
    weights = layer.weights.copy()
    weights[0] = 0
    return drop_inputs(replace(layer, weights=weights), keep_all=keep_all)


TOO_WIDE = (Bounds(a_min=0, a_max=2**40, v_min=0, v_max=1),) * 2
BROKEN = {
    "drop_inputs": (_without_a_row, r"the pass 'tables' has left \d+ nonzero weights out"),
    "map_stages": (lambda *_: None, "the pass 'geometry' has left no room for the weights on generic"),
    "layer_bounds": (lambda network: TOO_WIDE, r"the pass 'bounds' has left accumulators of \[\(42, 2\)"),
    "quantise": (lambda *given: (quantise(*given)[0],) * 2, "the pass 'quantise' has left weights of shapes"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_pass_is_found_by_the_check_after_it(name, monkeypatch):
    broken, message = BROKEN[name]
    monkeypatch.setattr(pipeline, name, broken)
    with pytest.raises(CompilerFault, match=message) as caught:
        compile_network(network_to_ir(random_network(4, kernel="linear", normal_form=True)), GENERIC)
    assert str(caught.value).endswith("this is a fault of firstspike, please report it with the network")
