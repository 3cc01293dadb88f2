"""Rules of the network itself, for every target.

Tested by tests/compiler/test_rules.py.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from firstspike_compiler.passes.grid import time_codes
from firstspike_compiler.passes.quantise import is_integer
from firstspike_compiler.violation import Violation
from firstspike_contract import WEIGHT_MAX

from .subject import Rule, Subject, sentence

__all__ = ["NETWORK_RULES"]

ORDINARY: Final = (1e-30, 1e30)  # products and quotients of numbers in this range stay far inside float64


def there_is_at_least_one_layer(subject: Subject) -> Iterator[Violation]:
    if not subject.ir.layers:
        yield Violation(
            rule=sentence(there_is_at_least_one_layer),
            node="network",
            have="0 layers",
            need="1 or more",
            remedy="add a layer",
        )


def each_layer_takes_the_spikes_of_the_one_before(subject: Subject) -> Iterator[Violation]:
    size = subject.ir.addresses
    for layer in subject.ir.layers:
        rows = len(layer.weights) - layer.constants
        if layer.weights.ndim != 2 or rows != size or len(layer.delays) != layer.weights.shape[1]:
            yield Violation(
                rule=sentence(each_layer_takes_the_spikes_of_the_one_before),
                node=layer.name,
                have=f"weights of shape {layer.weights.shape}, {layer.constants} constants, {len(layer.delays)} delays",
                need=f"{size} rows and one per constant input, a delay per neuron",
                remedy="correct the shapes",
            )
        size = layer.weights.shape[-1]


def weights_are_finite_numbers(subject: Subject) -> Iterator[Violation]:
    for layer in subject.ir.layers:
        wrong = ~np.isfinite(layer.weights)
        if wrong.any():
            where = np.argwhere(wrong)[0]
            yield Violation(
                rule=sentence(weights_are_finite_numbers),
                node=layer.name,
                have=f"{int(wrong.sum())} that are not, the first {layer.weights[tuple(where)]} at {where.tolist()}",
                need="numbers",
                remedy="train again; e.g. 0.25",
            )


def thresholds_are_positive(subject: Subject) -> Iterator[Violation]:
    for layer in subject.ir.layers:
        if not (np.isfinite(layer.threshold) and layer.threshold > 0):
            yield Violation(
                rule=sentence(thresholds_are_positive),
                node=layer.name,
                have=f"{layer.threshold:g}",
                need="more than 0",
                remedy="e.g. 1.0",
            )


def times_are_positive_and_finite(subject: Subject) -> Iterator[Violation]:
    for name in ("t_max", "tau"):
        value = getattr(subject.ir, name)
        if not (np.isfinite(value) and value > 0):
            yield Violation(
                rule=sentence(times_are_positive_and_finite),
                node="network",
                have=f"{name} {value}",
                need="> 0",
                remedy="e.g. 1.4",
            )


def numbers_are_of_ordinary_size(subject: Subject) -> Iterator[Violation]:
    ir = subject.ir
    named = [("network", name, getattr(ir, name)) for name in ("t_max", "tau")]
    for layer in ir.layers:
        named += [(layer.name, "threshold", layer.threshold), (layer.name, "scale", layer.scale or 1.0)]
        named.append((layer.name, "the largest weight", float(np.abs(layer.weights).max(initial=0)) or 1.0))
    for node, name, value in named:
        if np.isfinite(value) and value > 0 and not ORDINARY[0] <= value <= ORDINARY[1]:
            yield Violation(
                rule=sentence(numbers_are_of_ordinary_size),
                node=node,
                have=f"{name} {value:g}",
                need=f"{ORDINARY[0]:g} to {ORDINARY[1]:g}",
                remedy="scale weights and thresholds of a layer, or all times, by one factor: nothing else changes",
            )


def delays_are_not_negative(subject: Subject) -> Iterator[Violation]:
    named = [("input", subject.ir.input_delays), *((layer.name, layer.delays) for layer in subject.ir.layers)]
    for node, delays in named:
        if not (delays >= 0).all():
            yield Violation(
                rule=sentence(delays_are_not_negative),
                node=node,
                have=f"{delays.min():g}",
                need="0 or more",
                remedy="shift all times up",
            )


def output_neurons_have_no_delays(subject: Subject) -> Iterator[Violation]:
    if subject.ir.layers and subject.ir.layers[-1].delays.any():
        layer = subject.ir.layers[-1]
        yield Violation(
            rule=sentence(output_neurons_have_no_delays),
            node=layer.name,
            have=f"delays up to {layer.delays.max():g}",
            need="0",
            remedy="remove the Delay behind the outputs; the decision falls when an output crosses its threshold",
        )


def constant_inputs_spike_inside_the_window(subject: Subject) -> Iterator[Violation]:
    ir = subject.ir
    for layer in ir.layers:
        codes = time_codes(layer.constant_times, ir.t_max, subject.steps) if layer.constants else np.zeros(0, np.int64)
        if ((codes < 0) | (codes >= subject.steps)).any():
            yield Violation(
                rule=sentence(constant_inputs_spike_inside_the_window),
                node=layer.name,
                have=f"times {layer.constant_times.min():g} to {layer.constant_times.max():g}",
                need=f"0 to {(subject.steps - 1) * ir.t_max / subject.steps:g}, the last of {subject.steps} steps",
                remedy="e.g. 0",
            )


def the_encoding_is_inside_the_window(subject: Subject) -> Iterator[Violation]:
    ir, encoding = subject.ir, subject.ir.encoding
    needs = encoding.name in ("two-time", "latency")
    t_late = encoding.t_late
    good = t_late is None or (
        t_late >= 0 and time_codes(np.array([t_late]), ir.t_max, subject.steps)[0] < subject.steps
    )
    if (needs and t_late is None) or not good:
        yield Violation(
            rule=sentence(the_encoding_is_inside_the_window),
            node="input",
            have=f"{encoding.name} with t_late {t_late}",
            need=f"0 <= t_late < t_max = {ir.t_max:g}",
            remedy=f"e.g. t_late = {ir.t_max / 2:g}",
        )


def masked_inputs_have_no_weights(subject: Subject) -> Iterator[Violation]:
    ir = subject.ir
    if ir.mask is None or not ir.layers:
        return
    if len(ir.mask) != ir.addresses:
        have = f"a mask of {len(ir.mask)} for {ir.addresses} inputs"
    else:
        hidden = np.flatnonzero(~ir.mask)
        count = int(ir.layers[0].weights[hidden].any(axis=1).sum())
        if not count:
            return
        have = f"weights on {count} inputs that the mask hides"
    yield Violation(
        rule=sentence(masked_inputs_have_no_weights),
        node=ir.layers[0].name,
        have=have,
        need="none",
        remedy="set the rows of hidden inputs to 0, or leave out the mask",
    )


def quantised_weights_are_integers_times_their_scale(subject: Subject) -> Iterator[Violation]:
    for layer in subject.ir.layers:
        if layer.scale is None or layer.scale < ORDINARY[0] or not np.isfinite(layer.weights).all():
            continue
        if is_integer(layer):
            continue
        units = layer.weights / layer.scale
        worst = float(np.abs(units - np.rint(units)).max())
        have = (
            f"weights up to {worst:.3g} off an integer" if worst > 1e-4 else f"integers up to {np.abs(units).max():.0f}"
        )
        yield Violation(
            rule=sentence(quantised_weights_are_integers_times_their_scale),
            node=layer.name,
            have=f"{have} at scale {layer.scale:g}",
            need=f"integers in -{WEIGHT_MAX}..{WEIGHT_MAX}",
            remedy="leave the scale out of the metadata to have the layer quantised",
        )


def every_layer_has_a_weight_that_excites(subject: Subject) -> Iterator[Violation]:
    for layer in subject.ir.layers:
        if not (layer.weights > 0).any():
            yield Violation(
                rule=sentence(every_layer_has_a_weight_that_excites),
                node=layer.name,
                have="no positive weight, so it never spikes",
                need="one at least",
                remedy="train again",
            )


NETWORK_RULES: Final[tuple[Rule, ...]] = (
    there_is_at_least_one_layer,
    each_layer_takes_the_spikes_of_the_one_before,
    weights_are_finite_numbers,
    thresholds_are_positive,
    times_are_positive_and_finite,
    numbers_are_of_ordinary_size,
    delays_are_not_negative,
    output_neurons_have_no_delays,
    constant_inputs_spike_inside_the_window,
    the_encoding_is_inside_the_window,
    masked_inputs_have_no_weights,
    quantised_weights_are_integers_times_their_scale,
    every_layer_has_a_weight_that_excites,
)
