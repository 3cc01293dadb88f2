"""Rules of the target: TARGET_RULES compare numbers, DEEP_RULES look into the weights.

Tested by tests/compiler/test_rules.py.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from firstspike_compiler.ir import LayerIR
from firstspike_compiler.passes.bounds import fits, needed
from firstspike_compiler.passes.geometry import map_stages, stage_options
from firstspike_compiler.passes.grid import lay_grid
from firstspike_compiler.passes.quantise import round_layer
from firstspike_compiler.violation import Violation
from firstspike_contract import WEIGHT_MAX
from firstspike_contract.arithmetic.tables import STEPS, TABLE_MAX
from firstspike_contract.common.errors import FirstspikeError

from .subject import Rule, Subject, sentence

__all__ = ["DEEP_RULES", "TARGET_RULES"]


def the_target_has_the_kernel(subject: Subject) -> Iterator[Violation]:
    if subject.ir.kernel not in subject.target.lanes:
        yield Violation(
            rule=sentence(the_target_has_the_kernel),
            node="network",
            have=subject.ir.kernel,
            need="one of " + ", ".join(subject.target.lanes),
            remedy=f"train with another kernel or choose another target than {subject.target.name}",
        )


def the_target_has_the_time_steps(subject: Subject) -> Iterator[Violation]:
    allowed = [steps for steps in STEPS if steps <= subject.target.steps]
    if subject.steps not in allowed:
        yield Violation(
            rule=sentence(the_target_has_the_time_steps),
            node="network",
            have=f"{subject.steps} steps",
            need="one of " + ", ".join(map(str, allowed)),
            remedy=f"compile with --steps {allowed[0]}",
        )


def the_target_has_a_stage_for_every_layer(subject: Subject) -> Iterator[Violation]:
    have, need = len(subject.ir.layers), subject.target.stages
    if have > need:
        yield Violation(
            rule=sentence(the_target_has_a_stage_for_every_layer),
            node="network",
            have=f"{have} layers",
            need=f"at most {need} on {subject.target.name}",
            remedy="train a network of fewer layers",
        )


def the_target_has_an_address_for_every_input(subject: Subject) -> Iterator[Violation]:
    have, need = subject.ir.addresses, subject.target.addresses
    if have > need:
        yield Violation(
            rule=sentence(the_target_has_an_address_for_every_input),
            node="input",
            have=f"{have} inputs",
            need=f"at most {need} on {subject.target.name}",
            remedy="train on fewer inputs",
        )


def weights_fit_the_block_memories(subject: Subject) -> Iterator[Violation]:
    ir, target = subject.ir, subject.target
    if ir.kernel not in target.lanes:
        return
    sizes = [(rows, layer.weights.shape[1]) for rows, layer in zip(_weight_rows(subject), ir.layers, strict=True)]
    if map_stages(target, ir.kernel, sizes) is not None:
        return
    lanes, alone = target.lanes[ir.kernel], []
    for layer, (rows, outputs) in zip(ir.layers, sizes, strict=True):
        options = stage_options(target, ir.kernel, rows, outputs)
        fewest = min((option.blocks for option in options), default=0)
        if not options:
            alone.append(
                (layer.name, f"{outputs} neurons", f"{lanes * target.rows}, {lanes} lanes of {target.rows} rows")
            )
        elif fewest > target.blocks:
            have = f"{outputs} neurons with {rows} weights each in {fewest} blocks at least"
            alone.append((layer.name, have, f"{target.blocks} blocks"))
    if not alone:
        alone = [
            ("network", "layers that fit one by one", f"{target.blocks} blocks and {lanes} lanes for all together")
        ]
    for node, have, need in alone:
        yield Violation(
            rule=sentence(weights_fit_the_block_memories),
            node=node,
            have=have,
            need=f"at most {need} on {target.name}",
            remedy="train fewer neurons, or zero the rows of inputs that hardly spike",
        )


def _weight_rows(subject: Subject) -> list[int]:
    """Returns the number of weight rows of each layer after dropping inputs; constant inputs are included."""
    rows = [len(layer.weights) for layer in subject.ir.layers]
    if not subject.keep_inputs:
        first = subject.ir.layers[0]
        inputs = len(first.weights) - first.constants
        rows[0] -= inputs - int(first.weights[:inputs].any(axis=1).sum())
    return rows


def the_time_window_fits_the_kernel_tables(subject: Subject) -> Iterator[Violation]:
    ir = subject.ir
    per_tau = {"exponential": 1.0, "alpha": 1.0, "lif-2to1": 0.5}.get(ir.kernel)
    if per_tau is None:
        return
    longest = float(np.log(TABLE_MAX)) / per_tau * ir.tau * subject.steps / (subject.steps - 1)
    if ir.t_max > longest:
        yield Violation(
            rule=sentence(the_time_window_fits_the_kernel_tables),
            node="network",
            have=f"t_max = {ir.t_max:g}, {ir.t_max / ir.tau:.1f} time constants",
            need=f"at most {longest:g}, as exp(t / tau) is stored in 17 bits",
            remedy="shorten the time window or lengthen tau",
        )


def accumulators_never_overflow(subject: Subject) -> Iterator[Violation]:
    ir, target = subject.ir, subject.target
    if any(the_time_window_fits_the_kernel_tables(subject)) or ir.kernel not in target.lanes:
        return
    grid = lay_grid(ir, subject.steps)
    for k, layer in enumerate(ir.layers):
        try:
            need = needed(ir, grid, k, round_layer(ir, grid, k, _scale(layer)))
        except FirstspikeError as error:
            yield Violation(
                rule=sentence(accumulators_never_overflow),
                node=layer.name,
                have=str(error),
                need=f"{target.a_bits} and {target.v_bits} bits",
                remedy="use smaller thresholds relative to the weights",
            )
            continue
        if not fits(need, target):
            yield Violation(
                rule=sentence(accumulators_never_overflow),
                node=layer.name,
                have=f"a worst case of {need.a_bits} bits in A and {need.v_bits} bits in V",
                need=f"{target.a_bits} and {target.v_bits} on {target.name}",
                remedy="use a smaller threshold relative to the weights, fewer inputs or a shorter time window",
            )


def _scale(layer: LayerIR) -> float:
    """Returns the layer's own scale; for a float layer the coarsest scale, with which no weight saturates.

    A layer that fits with the coarsest scale can be compiled: `quantise` tries finer scales only as far as the target
    holds them.
    """
    return layer.scale or float(np.abs(layer.weights).max()) / WEIGHT_MAX or 1.0


TARGET_RULES: Final[tuple[Rule, ...]] = (
    the_target_has_the_kernel,
    the_target_has_the_time_steps,
    the_target_has_a_stage_for_every_layer,
    the_target_has_an_address_for_every_input,
)
DEEP_RULES: Final[tuple[Rule, ...]] = (
    weights_fit_the_block_memories,
    the_time_window_fits_the_kernel_tables,
    accumulators_never_overflow,
)
