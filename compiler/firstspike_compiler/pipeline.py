"""The compiler from top to bottom: makes integer network, manifest, report and golden answers from IR and target."""

import os
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Final

from firstspike_compiler import passes
from firstspike_compiler.deployment.golden import Golden
from firstspike_compiler.passes.bounds import explain_bounds, fits, layer_bounds, needed
from firstspike_compiler.passes.drop_inputs import drop_inputs, explain_drop_inputs
from firstspike_compiler.passes.geometry import explain_geometry, map_stages
from firstspike_compiler.passes.grid import Grid, explain_grid, lay_grid
from firstspike_compiler.passes.images import generated_images, recode
from firstspike_compiler.passes.measure import IMAGES, float_answers, measure, refuse_silent_layers
from firstspike_compiler.passes.quantise import IntegerLayer, explain_quantise, is_integer, quantise
from firstspike_compiler.passes.tables import build_network, choose_fraction_bits, explain_tables
from firstspike_compiler.passes.verify import (
    verify_bounds,
    verify_geometry,
    verify_grid,
    verify_integers,
    verify_network,
)
from firstspike_contract import EventSet, Network
from firstspike_contract.arithmetic.evaluate import evaluate_set
from firstspike_contract.arithmetic.validation import check_events
from firstspike_contract.common.errors import FirstspikeError, RuleViolations
from firstspike_contract.common.progress import Progress, part_of, unheard

from .ir import NetworkIR
from .lowered import Lowered, PassNote
from .manifest import make_manifest
from .rules import check
from .targets import Target

__all__ = ["GOLDEN_IMAGES", "Compiled", "compile_network", "lower"]

GOLDEN_IMAGES: Final = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Compiled:
    """A compiled network, which `write_deployment` writes.

    network:  integer network.
    manifest: plain Python values, as they stand in manifest.yaml.
    report:   quantisation report, plain Python values; the manifest contains it.
    golden:   golden images with their answers.
    notes:    one note for each pass, for `compile --explain`.
    """

    network: Network
    manifest: dict[str, Any]
    report: dict[str, Any]
    golden: Golden
    notes: tuple[PassNote, ...]


def compile_network(
    ir: NetworkIR,
    target: Target,
    *,
    steps: int | None = None,
    calibration: EventSet | None = None,
    original: EventSet | None = None,
    keep_inputs: bool = False,
    progress: Progress = unheard,
    source: str | os.PathLike[str] | None = None,
) -> Compiled:
    """Compiles a network for a target; equal arguments give equal results, to the byte.

    steps:       T; a number other than the network's own moves its times to that grid (re-gridding).
    calibration: images on a grid of `steps`. The first IMAGES of them choose the scales of float layers, and the
                 report measures them; the first GOLDEN_IMAGES become the golden images. None means that random images
                 of the network's encoding serve instead.
    original:    the images of `calibration` on the network's own grid, for the comparison that re-gridding reports.
                 None means that the codes of `calibration` are converted; that cannot restore what a coarser grid lost.
    keep_inputs: inputs without weights keep their rows.
    progress:    called for each part of the work, with its name.
    source:      file that the manifest names, with its sha256.

    Raises RuleViolations with every violated rule (`rules.check`), and FirstspikeError if a layer is silent or the
    calibration events do not belong to the network.
    """
    steps = ir.steps if steps is None else steps
    violations = check(ir, target, steps=steps, keep_inputs=keep_inputs)
    if violations:
        raise RuleViolations(violations)
    grid = lay_grid(ir, steps)
    images = generated_images(ir, grid, GOLDEN_IMAGES) if calibration is None else calibration.head(IMAGES)
    lowered = lower(ir, grid, target, images, keep_inputs=keep_inputs)
    check_events(images, lowered.network)
    report = _report(ir, lowered, images, own_data=calibration is not None, progress=progress)
    if steps != ir.steps:
        own = recode(images, steps, ir.steps) if original is None else original.head(len(images))
        report["regrid"] = _regrid(ir, lowered, images, own, target, keep_inputs=keep_inputs)
    golden_events = images.head(GOLDEN_IMAGES)
    golden = Golden(
        events=golden_events, batch=evaluate_set(lowered.network, golden_events, part_of(progress, "golden"))
    )
    origin = "generated" if calibration is None else "calibration"
    manifest = make_manifest(ir, target, lowered, golden, report, origin=origin, source=source)
    return Compiled(network=lowered.network, manifest=manifest, report=report, golden=golden, notes=lowered.notes)


def lower(ir: NetworkIR, grid: Grid, target: Target, images: EventSet, *, keep_inputs: bool = False) -> Lowered:
    """Runs the passes in order, and verifies the result of each.

    images: images on `grid`, with which the scales of float layers are chosen.

    `rules.check` must have passed before: no pass refuses a network. Raises CompilerFault if a pass did its work wrong.
    """
    verify_grid(ir, grid)
    notes = [_note(passes.grid, explain_grid(ir, grid))]

    layers = quantise(ir, grid, images, lambda k, layer: _holds(ir, grid, target, k, layer))
    verify_integers(ir, layers)
    notes.append(_note(passes.quantise, explain_quantise(layers)))

    first, rows = drop_inputs(layers[0], keep_all=keep_inputs)
    kept = (first, *layers[1:])
    notes.append(_note(passes.drop_inputs, explain_drop_inputs(rows)))

    fraction_bits = choose_fraction_bits(ir, grid, kept, rows, target)
    network = build_network(ir, grid, kept, rows, fraction_bits)
    verify_network(layers, rows, network)
    notes.append(_note(passes.tables, explain_tables(ir, grid, network, fraction_bits)))

    bounds = layer_bounds(network)
    verify_bounds(bounds, target)
    notes.append(_note(passes.bounds, explain_bounds(layers, bounds, target)))

    sizes = [(len(layer.weights), layer.weights.shape[1]) for layer in kept]
    stages = verify_geometry(map_stages(target, ir.kernel, sizes), target)
    notes.append(_note(passes.geometry, explain_geometry([layer.name for layer in layers], stages, target)))
    return Lowered(
        network=network,
        grid=grid,
        layers=layers,
        rows=rows,
        fraction_bits=fraction_bits,
        stages=stages,
        bounds=bounds,
        notes=tuple(notes),
    )


def _holds(ir: NetworkIR, grid: Grid, target: Target, k: int, layer: IntegerLayer) -> bool:
    """Returns whether the accumulators of the target hold layer k with these integers."""
    try:
        return fits(needed(ir, grid, k, layer), target)
    except FirstspikeError:  # the layer's tables would be too wide
        return False


def _note(module: ModuleType, changed: list[str]) -> PassNote:
    """Returns the note of a pass; its purpose is the first line of the docstring of its file."""
    does = (module.__doc__ or "").partition("\n")[0].removeprefix("Pass: ")
    return PassNote(name=module.__name__.rpartition(".")[2], does=does, changed=tuple(changed))


def _report(ir: NetworkIR, lowered: Lowered, images: EventSet, *, own_data: bool, progress: Progress) -> dict[str, Any]:
    """Returns the quantisation report.

    own_data: the images are the user's, not generated ones.

    If every layer has trained integers and the images are generated, nothing is measured, and `measured_on` is None.
    """
    changed = sum(layer.changed for layer in lowered.layers)
    weights = sum(layer.weights.size for layer in lowered.layers)
    report: dict[str, Any] = {
        "weights": weights,
        "weights_changed": changed,
        "summary": f"{changed} weights changed",
        "layers": [
            {
                "name": layer.name,
                "scale": layer.scale,
                "theta": layer.theta,
                "weights_changed": layer.changed,
                "weights_saturated": layer.saturated,
                "shift_steps": layer.error,
            }
            for layer in lowered.layers
        ],
        "inputs_dropped": int((lowered.rows.input_map < 0).sum()),
        "measured_on": None,
    }
    if own_data or not all(map(is_integer, ir.layers)):
        floats = float_answers(ir, images, lowered.grid.steps, part_of(progress, "float network"))
        batch, measured = measure(lowered.network, images, floats, part_of(progress, "integer network"))
        refuse_silent_layers(ir, batch, floats, own_data=own_data)
        for layer, of_layer in zip(report["layers"], measured.pop("layers"), strict=True):
            layer |= of_layer
        report["measured_on"] = f"{len(images)} {'calibration' if own_data else 'generated'} images"
        report |= measured
    return report


def _regrid(
    ir: NetworkIR, after: Lowered, images: EventSet, own: EventSet, target: Target, *, keep_inputs: bool
) -> dict[str, Any]:
    """Returns how compiling for another number of steps than the network's own changed its thresholds and answers.

    images, own: the same images on the new grid and on the network's own.

    Entries that need the network on its own grid are None if the target cannot hold it there, even with accumulators
    of 64 bits.
    """
    new = evaluate_set(after.network, images).results
    change: dict[str, Any] = {
        "steps_before": ir.steps,
        "steps_after": after.grid.steps,
        "thetas_before": None,
        "thetas_after": [layer.theta for layer in after.layers],
        "images": len(images),
        "decisions_changed": None,
        "mean_decision_before": None,
        "mean_decision_after": float(new["step"].mean()) / after.grid.steps * ir.t_max,
    }
    labels = images.labels
    if labels is not None:
        change |= {"accuracy_before": None, "accuracy_after": float((new["class"] == labels).mean())}
    roomy = next((t for t in (target, _without_limits(target)) if not _broken(ir, t, keep_inputs)), None)
    if roomy is None:
        return change
    before = lower(ir, lay_grid(ir, ir.steps), roomy, own, keep_inputs=keep_inputs)
    old = evaluate_set(before.network, own).results
    change |= {
        "thetas_before": [layer.theta for layer in before.layers],
        "decisions_changed": float((old["class"] != new["class"]).mean()),
        "mean_decision_before": float(old["step"].mean()) / ir.steps * ir.t_max,
    }
    if labels is not None:
        change["accuracy_before"] = float((old["class"] == labels).mean())
    return change


def _broken(ir: NetworkIR, target: Target, keep_inputs: bool) -> bool:
    """Returns whether the network on its own grid breaks a rule that the passes rely on."""
    return bool(check(ir, replace(target, steps=max(target.steps, ir.steps)), keep_inputs=keep_inputs))


def _without_limits(target: Target) -> Target:
    """Returns the target with accumulators as wide as the model's."""
    return replace(target, a_bits=64, v_bits=64)
