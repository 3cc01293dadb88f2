"""The compiled walk of images that learn (numba): `contract.learn` without its matrices.

The buckets of the walk are the record of the image. They are replayed in time order, as the gateware does: a neuron's
sign of change is struck out as its own spike passes, so that what is left at an event are the synapses it had a part
in. 64 neurons are one word: signs of change, and the random bits of a row.
"""

from typing import Final

import numpy as np

from firstspike_contract.arithmetic.random_bits import ROW_ROUNDS, STATE_ROUNDS, TAP_STEP, U_BITS, V_BITS

from .kernel import (
    _clear,
    _constants_until,
    _cross,
    _decide,
    _file_constants,
    _file_events,
    _fire,
    _prune_hidden,
    _prune_inputs,
    _read_rows,
    _walk,
)
from .vectors import cached, compiled, inlined, lowest

__all__ = ["learn_images"]

HELPERS: Final = (
    "8e766c06"  # sha256 of kernel.py, layout.py and vectors.py: numba's cache sees changes to this file only
)

_ONE: Final = np.uint64(1)
_START: Final = np.uint64(0x9E3779B97F4A7C15)
_V_MASK: Final = np.uint64(2**V_BITS - 1)


@cached(HELPERS)
def learn_images(
    plan, scratch, notes, settings, events, offsets, labels, learning, times, read, results, triggered, ends
):
    """Images 0 .. N-1 of events, uint32 ``[E]``, as `run_images` takes them; those that are `learning` change weights.

    labels int64, learning bool, results RESULT, triggered bool, ends uint16, all ``[N]``; times int16
    ``[1, sum of sizes]`` and read int32 ``[1, L]`` are scratch. settings: see `Settings` in learner.py. Returns the
    count of learning images after it.
    """
    count = settings.images
    for n in range(len(offsets) - 1):
        _clear(plan, scratch, 0, times, read)
        _file_constants(plan, scratch)
        inputs, dropped, refused, latest = _file_events(plan, scratch, 0, events, offsets[n], offsets[n + 1], times)
        t, hidden, rivals = _walk(plan, scratch, 0, times, read)
        result = results[n]
        _decide(plan, scratch, rivals, 0, t, times, result)
        result["step"] = t
        result["spikes_output"] = rivals
        ends[n] = t
        triggered[n] = False
        if learning[n]:
            end = min(t + settings.margin, plan.th.shape[1] - 1)
            hidden = _run_on(plan, scratch, notes, t, end, rivals, hidden, times, read)
            ends[n] = end
            triggered[n] = _mark(plan, notes, settings, labels[n], end, result)
            if triggered[n]:
                _change(plan, scratch, notes, settings, count, end)
            count += 1
        if latest > t:
            inputs = _prune_inputs(len(plan.input_map), 0, t, times)
        result["spikes_input"] = inputs
        result["spikes_hidden"] = _prune_hidden(scratch, hidden, 0, t, times)
        result["spikes_constant"] = _constants_until(plan, t)
        result["events_dropped"] = dropped
        result["events_refused"] = refused
    return count


@inlined
def _run_on(plan, scratch, notes, t, end, rivals, hidden, times, read):
    """Steps D + 1 .. S; the steps at which outputs fire, into `fired_at`. Returns how many hidden spikes there are."""
    last = len(plan.layers) - 1
    _note(plan, scratch, notes, rivals, t, True)
    for step in range(t + 1, end + 1):
        for layer in range(last + 1):
            _read_rows(plan, scratch, layer, step if plan.is_step else step - 1, 0, read)
            found = _cross(plan, scratch, layer, step)
            if layer < last:
                hidden = _fire(plan, scratch, layer, step, found, hidden, 0, times)
            else:
                _note(plan, scratch, notes, found, step, False)
    return hidden


@compiled
def _note(plan, scratch, notes, count, t, first):
    """The outputs of `found` fire at step t and never again."""
    if first:
        notes.fired_at[:] = plan.th.shape[1]
    for k in range(count):
        j = scratch.found[k]
        notes.fired_at[j] = t
        scratch.v[plan.layers[-1].at + j] = plan.fired_v


@compiled
def _mark(plan, notes, settings, label, end, result):
    """The signs of change of the outputs, and whether there are any."""
    wrong = result["class"] != label or result["silent"] or result["step"] > settings.late
    for k in range(plan.layers[-1].outputs):
        wrong |= k != label and notes.fired_at[k] <= end
    if wrong:
        notes.plus[:] = np.uint64(0)
        notes.minus[:] = np.uint64(0)
        first = plan.layers[-1].at >> 6
        for k in range(plan.layers[-1].outputs):
            if k == label:
                notes.plus[first + (k >> 6)] |= _ONE << np.uint64(k & 63)
            elif notes.fired_at[k] <= end:
                notes.minus[first + (k >> 6)] |= _ONE << np.uint64(k & 63)
    return wrong


@compiled
def _change(plan, scratch, notes, settings, count, end):
    """From the last layer to the first: replay its events, change its weights, find the signs of the one before."""
    x, y = settings.seed | np.uint64(count) << np.uint64(32), _START
    for number in range(STATE_ROUNDS):
        x, y = _simon(x, y, np.uint64(number))
    for layer in range(len(plan.layers) - 1, -1, -1):
        place = plan.layers[layer]
        for t in range(end + 1):
            if not plan.is_step:
                _strike(plan, scratch, notes, layer, t)
            first = place.slots_at + t * place.bucket
            for slot in range(first, first + scratch.filled[layer, t]):
                row = scratch.slots[slot]
                if layer > 0 and row < plan.layers[layer - 1].outputs:
                    _vote(plan, notes, layer, row)
                key = notes.keys_at[layer] + row
                u, v = x ^ notes.keys[key, 0], y ^ notes.keys[key, 1]
                for _ in range(ROW_ROUNDS):
                    u, v = _simon(u, v, np.uint64(0))
                _move(plan, notes, settings.chances[layer], layer, row, u, v & _V_MASK)
            if plan.is_step:
                _strike(plan, scratch, notes, layer, t)


@inlined
def _simon(x, y, key):
    """`contract.random_bits.simon_round`."""
    return y ^ (_left(x, 1) & _left(x, 8)) ^ _left(x, 2) ^ key, x


@inlined
def _left(word, count):
    return word << np.uint64(count) | word >> np.uint64(64 - count)


@inlined
def _strike(plan, scratch, notes, layer, t):
    """The neurons of `layer` that spike at step t are not changed by what comes later."""
    word = plan.layers[layer].at >> 6
    if layer == len(plan.layers) - 1:
        for k in range(plan.layers[layer].outputs):
            if notes.fired_at[k] == t:
                kept = ~(_ONE << np.uint64(k & 63))
                notes.plus[word + (k >> 6)] &= kept
                notes.minus[word + (k >> 6)] &= kept
        return
    after = plan.layers[layer + 1]
    first = after.slots_at + t * after.bucket
    for slot in range(first, first + scratch.filled[layer + 1, t]):
        j = scratch.slots[slot]
        if j < plan.layers[layer].outputs:  # not a constant input of the layer after
            kept = ~(_ONE << np.uint64(j & 63))
            notes.plus[word + (j >> 6)] &= kept
            notes.minus[word + (j >> 6)] &= kept


@inlined
def _lowest(bits):
    return np.int64(lowest(bits))  # type: ignore[call-arg]


@compiled
def _vote(plan, notes, layer, row):
    """The sign of change of neuron `row` of the layer before, by popcount of its weights' votes."""
    place = plan.layers[layer]
    base, votes = place.weights_at + row * place.width, 0
    for w in range(place.at >> 6, place.at + place.width >> 6):
        plus, minus = notes.plus[w], notes.minus[w]
        start = base + (w << 6) - place.at
        while plus:
            votes += 1 if plan.weights[start + _lowest(plus)] >= 0 else -1
            plus &= plus - _ONE
        while minus:
            votes -= 1 if plan.weights[start + _lowest(minus)] >= 0 else -1
            minus &= minus - _ONE
    word, bit = (plan.layers[layer - 1].at >> 6) + (row >> 6), _ONE << np.uint64(row & 63)
    if votes > 0:
        notes.plus[word] |= bit
    elif votes < 0:
        notes.minus[word] |= bit


@compiled
def _move(plan, notes, p, layer, row, u, v):
    """One row of weights: those of marked neurons that the random bits let move."""
    place = plan.layers[layer]
    base = place.weights_at + row * place.width
    for w in range(place.width >> 6):
        word = (place.at >> 6) + w
        plus = notes.plus[word]
        movable = plus | notes.minus[word]
        for k in range(p):
            if movable:
                movable &= _bit(u, v, w, k)
        start = base + (w << 6)
        while movable:
            k = _lowest(movable)
            movable &= movable - _ONE
            weight = plan.weights[np.uintp(start + k)]
            if plus >> np.uint64(k) & _ONE:
                plan.weights[np.uintp(start + k)] = weight + (weight < 127)
            else:
                plan.weights[np.uintp(start + k)] = weight - (weight > -127)


@inlined
def _bit(u, v, word, k):
    """Bit k of the neurons 64 word .. 64 word + 63: `contract.random_bits.chances`."""
    shift = np.uint64((64 * word + TAP_STEP * k) % V_BITS)
    turned = (v >> shift | v << (np.uint64(V_BITS) - shift)) & _V_MASK
    tap = np.uint64(TAP_STEP * k % U_BITS)
    return (u >> tap | u << (np.uint64(64) - tap & np.uint64(63))) ^ (turned | turned << np.uint64(V_BITS))
