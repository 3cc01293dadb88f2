"""The compiled walk through the images (numba). `fast.py` checks every index before a walk; this file checks none.

The order of work is that of `contract.evaluate`, with three differences that change no bit of the answer:

- Weight rows that are to be read wait in buckets, one for each step. A step costs only what happens in it.
- While all weight rows of a hidden layer came in one burst at step s, V(t) = A (m[t] - m[s]). A neuron has then crossed
  the threshold if A exceeds (th[t] - 1) // (m[t] - m[s]), which is one comparison a step and needs no V. V is computed
  when a second burst comes.
- The V of a neuron that has fired is set so low that it can never reach a threshold again. The loops over neurons
  therefore need no mask.

Tested by tests/sim/model/test_fast.py.
"""

from typing import Final

import numpy as np

from firstspike_contract.core.stream_format import EVENT_BEAT

from .vectors import add_rows, advance, cached, compiled, find, inlined

__all__ = ["run_images"]

HELPERS: Final = "cacbf953"  # sha256 of layout.py and vectors.py; numba's cache notices changes of this file only
NEVER: Final = -1
QUIET: Final = -1  # value of `burst`: no weight rows yet
MANY: Final = -2  # value of `burst`: V is kept step by step

# Fields of an event in one number; numba cannot take the Layout itself.
_X_AT: Final = np.uint32(EVENT_BEAT["x"].lsb)
_T_MASK: Final = np.uint32(EVENT_BEAT["t"].largest)


@cached(HELPERS)
def run_images(plan, scratch, events, offsets, times, read, results):
    """Computes N images up to their decisions.

    plan:    ModelPlan.
    scratch: Scratch, overwritten.
    events:  uint32 ``[E]``, t in the low half and x in the high half.
    offsets: int64 ``[N + 1]``; the events of image n are offsets[n] .. offsets[n + 1] - 1.
    times:   int16 ``[N, sum of sizes]``, written: spike times.
    read:    int32 ``[N, L]``, written: weight rows read in each layer.
    results: RESULT ``[N]``, written.
    """
    for n in range(len(offsets) - 1):
        _clear(plan, scratch, n, times, read)
        _file_constants(plan, scratch)
        inputs, dropped, refused, latest = _file_events(plan, scratch, n, events, offsets[n], offsets[n + 1], times)
        t, hidden, rivals = _walk(plan, scratch, n, times, read)
        if latest > t:
            inputs = _prune_inputs(len(plan.input_map), n, t, times)
        result = results[n]
        result["spikes_input"] = inputs
        result["spikes_hidden"] = _prune_hidden(scratch, hidden, n, t, times)
        result["spikes_output"] = rivals
        result["spikes_constant"] = _constants_until(plan, t)
        result["events_dropped"] = dropped
        result["events_refused"] = refused
        result["step"] = t
        _decide(plan, scratch, rivals, n, t, times, result)


@inlined
def _clear(plan, scratch, n, times, read):
    """Clears spike times, buckets and counts of image n; the first burst of a hidden layer clears its accumulators."""
    times[n, :] = NEVER
    read[n, :] = 0
    scratch.filled[:] = 0
    last = len(plan.layers) - 1
    for layer in range(last + 1):
        scratch.burst[layer] = QUIET
        if layer == last or plan.is_step:  # the last layer's V is compared at the end, and `step` has no slope
            scratch.burst[layer] = MANY
            at, end = plan.layers[layer].at, plan.layers[layer].at + plan.layers[layer].width
            scratch.slope[at:end] = 0
            scratch.v[at:end] = 0


@inlined
def _file_row(plan, scratch, layer, t, row):
    """Files a weight row, which `layer` is to read at step t."""
    place = plan.layers[layer]
    scratch.slots[place.slots_at + t * place.bucket + scratch.filled[layer, t]] = row
    scratch.filled[layer, t] += 1


@inlined
def _file_constants(plan, scratch):
    for c in range(len(plan.constants)):
        layer, row, t = plan.constants[c]
        _file_row(plan, scratch, layer, t, row)


@inlined
def _file_events(plan, scratch, n, events, first, end, times):
    """Files the events of image n; returns how many spike, are dropped, are refused, and the latest recorded step."""
    if plan.undelayed and _is_burst(plan, events, first, end):
        return _file_burst(plan, scratch, n, events, first, end, times)
    return _file_any(plan, scratch, n, events, first, end, times)


@inlined
def _is_burst(plan, events, first, end):
    """Returns whether all events have one step and ascending addresses, and none has to be refused."""
    if end == first or events[end - 1] & _T_MASK >= plan.th.shape[1] or events[end - 1] >> _X_AT >= len(plan.input_map):
        return False
    odd = False
    for e in range(np.uintp(first), np.uintp(end - 1)):
        here, after = events[e], events[e + np.uintp(1)]
        odd |= np.uint16(here) != np.uint16(after)
        odd |= here >= after
    return not odd


@inlined
def _file_burst(plan, scratch, n, events, first, end, times):
    """Files the events of the usual image, a burst; it only has to look up weight rows."""
    t, i = np.int64(events[first] & _T_MASK), np.uintp(n)
    start = np.uintp(plan.layers[0].slots_at + t * plan.layers[0].bucket + scratch.filled[0, t])
    place = start
    for e in range(np.uintp(first), np.uintp(end)):
        x = np.uintp(events[e] >> _X_AT)
        row = plan.input_map[x]
        scratch.slots[place] = row  # the next event overwrites the row of a dropped one
        place += np.uintp(row >= 0)
        times[i, x] = t if row >= 0 else NEVER
    inputs = np.int64(place - start)
    scratch.filled[0, t] += inputs
    return inputs, end - first - inputs, 0, t


@compiled
def _file_any(plan, scratch, n, events, first, end, times):
    """Files events in any order, with delays, duplicates and values out of range."""
    steps, addresses = plan.th.shape[1], np.uintp(len(plan.input_map))
    latest, inputs, dropped, refused, i = -1, 0, 0, 0, np.uintp(n)
    for e in range(np.uintp(first), np.uintp(end)):
        t, x = np.int64(events[e] & _T_MASK), np.uintp(events[e] >> _X_AT)
        if t >= steps or x >= addresses:
            refused += 1
        elif plan.input_map[x] < 0:
            dropped += 1
        elif times[i, x] != NEVER:
            refused += 1
        else:
            recorded = min(t + np.int64(plan.input_delays[x]), steps)
            times[i, x] = recorded  # `steps` marks an input without a spike as seen, until _prune_inputs
            inputs += 1
            latest = max(latest, recorded)
            _file_row(plan, scratch, 0, recorded, plan.input_map[x])
    return inputs, dropped, refused, latest


@inlined
def _walk(plan, scratch, n, times, read):
    """Walks up to the decision step D.

    Returns D, the number of hidden spikes recorded, and the number of outputs that fire at D; `found` lists them.
    """
    depth, steps = plan.th.shape
    hidden = count = t = 0
    while True:
        for layer in range(depth):
            # With `step` an event acts at its own step, with other kernels from the next step on (kappa(0) = 0).
            _read_rows(plan, scratch, layer, t if plan.is_step else t - 1, n, read)
            count = _cross(plan, scratch, layer, t)
            if layer < depth - 1:
                hidden = _fire(plan, scratch, layer, t, count, hidden, n, times)
        if count > 0 or t == steps - 1:
            return t, hidden, count
        t += 1


@inlined
def _cross(plan, scratch, layer, t):
    """Writes the neurons that first reach the threshold at step t to `found`, and returns their number."""
    place, burst, threshold = plan.layers[layer], scratch.burst[layer], plan.th[layer, t]
    if burst == QUIET:
        return 0
    if burst == MANY:
        if not plan.is_step and t > 0:
            advance(scratch.v, scratch.slope, place.at, place.width, plan.m[layer, t] - plan.m[layer, t - 1])
        return find(scratch.v, place.at, place.width, threshold - 1, np.iinfo(scratch.v.dtype).max, scratch.found)
    dm, reached = plan.m[layer, t] - plan.m[layer, burst], scratch.reached[layer]
    if dm == 0 or (threshold - 1) // dm >= reached:
        return 0
    scratch.reached[layer] = (threshold - 1) // dm
    return find(scratch.slope, place.at, place.width, scratch.reached[layer], reached, scratch.found)


@inlined
def _fire(plan, scratch, layer, t, count, hidden, n, times):
    """Records the spikes of the neurons in `found`, files them for the next layer, and returns `hidden` after that."""
    place = plan.layers[layer]
    for k in range(count):
        j = scratch.found[np.uintp(k)]
        scratch.v[np.uintp(place.at + j)] = plan.fired_v
        recorded = t + plan.delays[np.uintp(place.at + j)]
        if recorded < plan.th.shape[1]:
            times[np.uintp(n), np.uintp(place.times_at + j)] = recorded
            scratch.fired[np.uintp(hidden)] = place.times_at + j
            hidden += 1
            _file_row(plan, scratch, layer + 1, recorded, j)
    return hidden


@inlined
def _read_rows(plan, scratch, layer, t, n, read):
    """Adds the weight rows of step t to A (with the kernel `step` to V)."""
    if t < 0 or scratch.filled[layer, t] == 0:
        return
    count = scratch.filled[layer, t]
    read[n, layer] += count
    place = plan.layers[layer]
    first = place.slots_at + t * place.bucket
    if plan.is_step:
        add_rows(
            scratch.v, place.at, place.width, plan.weights, place.weights_at, scratch.slots, first, count, place.rows, 1
        )
        return
    if scratch.burst[layer] == QUIET:
        scratch.burst[layer] = t
        scratch.reached[layer] = np.iinfo(scratch.slope.dtype).max
        scratch.slope[place.at : place.at + place.width] = 0
    elif scratch.burst[layer] != MANY:
        _settle(plan, scratch, layer, t)
    gain = plan.a[layer, t]
    add_rows(
        scratch.slope,
        place.at,
        place.width,
        plan.weights,
        place.weights_at,
        scratch.slots,
        first,
        count,
        place.rows,
        gain,
    )


@compiled
def _settle(plan, scratch, layer, t):
    """Computes V at step t of a layer that has had one burst; from then on V is kept step by step."""
    dm, reached = plan.m[layer, t] - plan.m[layer, scratch.burst[layer]], scratch.reached[layer]
    o, v = np.uintp(plan.layers[layer].at), scratch.v
    for j in range(np.uintp(plan.layers[layer].width)):
        slope = scratch.slope[o + j]
        v[o + j] = plan.fired_v if slope > reached else v.dtype.type(slope * dm)
    scratch.burst[layer] = MANY


@inlined
def _decide(plan, scratch, rivals, n, t, times, result):
    """Writes the class, `silent`, `tie` and `exact_tie` to `result`, and the times of the outputs that fire at step t.

    The class is the output with the largest V, and the lowest index among equals. Candidates are the outputs that fire
    at step t, or all outputs if the image is silent.
    """
    place = plan.layers[-1]
    winner, shared, best = -1, 0, scratch.v.dtype.type(0)
    for k in range(rivals if rivals else place.outputs):
        j = scratch.found[k] if rivals else k
        if rivals:
            times[n, place.times_at + j] = t
        v = scratch.v[place.at + j]
        if winner < 0 or v > best:
            winner, shared, best = j, 1, v
        elif v == best:
            shared += 1
    result["class"] = winner
    result["silent"] = rivals == 0
    result["tie"] = rivals > 1
    result["exact_tie"] = shared > 1


@compiled
def _prune_inputs(addresses, n, t, times):
    """Removes input spikes recorded after step t, and returns the number of those that remain."""
    inputs = 0
    for x in range(addresses):
        if times[n, x] > t:
            times[n, x] = NEVER
        inputs += times[n, x] != NEVER
    return inputs


@inlined
def _prune_hidden(scratch, hidden, n, t, times):
    """Removes hidden spikes recorded after step t, and returns the number of those that remain."""
    late = 0
    for k in range(hidden):
        spike = scratch.fired[np.uintp(k)]
        if times[n, spike] > t:
            times[n, spike] = NEVER
            late += 1
    return hidden - late


@inlined
def _constants_until(plan, t):
    count = 0
    for c in range(len(plan.constants)):
        count += plan.constants[c, 2] <= t
    return count
