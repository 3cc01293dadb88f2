"""The compiled walk of learning images (numba): `contract.learn` without its matrices.

The buckets that the walk has filled hold the events of the image. They are replayed in time order, as the gateware
does. As a neuron's own spike passes, its delta is struck out; the deltas that are left when an event passes therefore
belong to causal synapses. One word holds 64 neurons: a bit of their deltas, or the random bits of a weight row.

Tested by tests/sim/model/test_learner.py.
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
    "80717cb1"  # sha256 of kernel.py, layout.py and vectors.py; numba's cache notices changes of this file only
)

_ONE: Final = np.uint64(1)
_START: Final = np.uint64(0x9E3779B97F4A7C15)
_V_MASK: Final = np.uint64(2**V_BITS - 1)


@cached(HELPERS)
def learn_images(
    plan, scratch, notes, settings, events, offsets, labels, learning, times, read, results, triggered, ends
):
    """Computes N images; those that are `learning` may change weights. Returns the count of learning images after them.

    plan:      ModelPlan, whose weights change.
    scratch:   Scratch, overwritten.
    notes:     LearnNotes, overwritten except for the keys.
    settings:  Settings.
    events:    uint32 ``[E]``, as `run_images` takes them.
    offsets:   int64 ``[N + 1]``.
    labels:    int64 ``[N]``.
    learning:  bool ``[N]``, images that may change weights.
    times:     int16 ``[1, sum of sizes]``, scratch.
    read:      int32 ``[1, L]``, scratch.
    results:   RESULT ``[N]``, written.
    triggered: bool ``[N]``, written.
    ends:      uint16 ``[N]``, written: step to which each image ran on.
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
    """Walks the steps D + 1 .. S, and writes to `fired_at` when outputs fire. Returns the number of hidden spikes."""
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
    """Notes that the outputs in `found` fire at step t, and keeps them from firing again.

    first: t is D, so that `fired_at` is cleared before.
    """
    if first:
        notes.fired_at[:] = plan.th.shape[1]
    for k in range(count):
        j = scratch.found[k]
        notes.fired_at[j] = t
        scratch.v[plan.layers[-1].at + j] = plan.fired_v


@compiled
def _mark(plan, notes, settings, label, end, result):
    """Returns whether the image triggers; if it does, writes the deltas of the outputs to `plus` and `minus`."""
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
    """Changes the weights of all layers, from the last to the first.

    For each layer it replays the events, changes the weights, and finds the deltas of the layer before.
    """
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
    """Computes `contract.random_bits.simon_round`."""
    return y ^ (_left(x, 1) & _left(x, 8)) ^ _left(x, 2) ^ key, x


@inlined
def _left(word, count):
    return word << np.uint64(count) | word >> np.uint64(64 - count)


@inlined
def _strike(plan, scratch, notes, layer, t):
    """Strikes out the deltas of the neurons of `layer` that spike at step t: later events are not causal for them."""
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
    """Sets the delta of neuron `row` of the layer before, which is the sign of the votes of its weights."""
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
    """Moves the weights of one row by one LSB, for neurons with a delta, where the random bits allow it.

    p:    the probability of a move is 2^-p.
    u, v: random bits of the row (`contract.random_bits.row_state`).
    """
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
    """Returns random bit k of the neurons 64 * word .. 64 * word + 63, as `contract.random_bits.chances` defines it."""
    shift = np.uint64((64 * word + TAP_STEP * k) % V_BITS)
    turned = (v >> shift | v << (np.uint64(V_BITS) - shift)) & _V_MASK
    tap = np.uint64(TAP_STEP * k % U_BITS)
    return (u >> tap | u << (np.uint64(64) - tap & np.uint64(63))) ^ (turned | turned << np.uint64(V_BITS))
