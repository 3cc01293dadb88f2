"""The compiled walk through the images (numba). `fast.py` checks every index before it runs; nothing here does.

Same order of work as `contract.evaluate`, with three differences that change no bit of the answer:

- Rows wait in buckets by step. A step costs only what happens in it.
- As long as all rows of a hidden layer came in one burst at step s, V(t) = A (m[t] - m[s]), and a neuron has crossed
  where A exceeds (th[t] - 1) // (m[t] - m[s]): one comparison a step, no V. V is made when a second burst comes.
- A fired neuron's V is set so low that it can never reach a threshold again: no mask in the loops over neurons.
"""

from typing import Final

import numpy as np

from firstspike_contract.core.stream_format import EVENT_BEAT

from .vectors import add_rows, advance, cached, compiled, find, inlined

__all__ = ["run_images"]

HELPERS: Final = "b7885d1f"  # sha256 of layout.py and vectors.py: numba's cache sees changes to this file only
NEVER: Final = -1
QUIET: Final = -1  # of `burst`: no rows yet
MANY: Final = -2  # of `burst`: V is kept step by step

# Of an event as one number: numba takes no Layout.
_X_AT: Final = np.uint32(EVENT_BEAT["x"].lsb)
_T_MASK: Final = np.uint32(EVENT_BEAT["t"].largest)


@cached(HELPERS)
def run_images(plan, scratch, events, offsets, times, read, results):
    """Images 0 .. N-1 of events, uint32 ``[E]`` (t in the low half, x in the high one), up to their decisions.

    Fills times int16 ``[N, sum of sizes]``, read int32 ``[N, L]`` and results RESULT ``[N]``.
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
    """No spikes, empty buckets, no rows. Hidden accumulators are cleared by their first burst."""
    times[n, :] = NEVER
    read[n, :] = 0
    scratch.filled[:] = 0
    last = len(plan.layers) - 1
    for layer in range(last + 1):
        scratch.burst[layer] = QUIET
        if layer == last or plan.is_step:  # the output's V is compared at the end, `step` has no slope
            scratch.burst[layer] = MANY
            at, end = plan.layers[layer].at, plan.layers[layer].at + plan.layers[layer].width
            scratch.slope[at:end] = 0
            scratch.v[at:end] = 0


@inlined
def _file_row(plan, scratch, layer, t, row):
    """A row to be read by `layer` at step t."""
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
    """Events of image n into the buckets of the input layer; returns inputs, dropped, refused and the latest step."""
    if plan.undelayed and _is_burst(plan, events, first, end):
        return _file_burst(plan, scratch, n, events, first, end, times)
    return _file_any(plan, scratch, n, events, first, end, times)


@inlined
def _is_burst(plan, events, first, end):
    """Whether all events are of one step, by ascending address, none to be refused."""
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
    """The usual image: nothing to look up but the row."""
    t, i = np.int64(events[first] & _T_MASK), np.uintp(n)
    start = np.uintp(plan.layers[0].slots_at + t * plan.layers[0].bucket + scratch.filled[0, t])
    place = start
    for e in range(np.uintp(first), np.uintp(end)):
        x = np.uintp(events[e] >> _X_AT)
        row = plan.input_map[x]
        scratch.slots[place] = row  # a dropped one is overwritten by the next
        place += np.uintp(row >= 0)
        times[i, x] = t if row >= 0 else NEVER
    inputs = np.int64(place - start)
    scratch.filled[0, t] += inputs
    return inputs, end - first - inputs, 0, t


@compiled
def _file_any(plan, scratch, n, events, first, end, times):
    """Any order, delays, duplicates, values out of range."""
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
            times[i, x] = recorded  # `steps`: no spike, but seen; taken back by _prune_inputs
            inputs += 1
            latest = max(latest, recorded)
            _file_row(plan, scratch, 0, recorded, plan.input_map[x])
    return inputs, dropped, refused, latest


@inlined
def _walk(plan, scratch, n, times, read):
    """Steps up to the decision: D, how many hidden spikes were recorded, how many outputs fire at D (in `found`)."""
    depth, steps = plan.th.shape
    hidden = count = t = 0
    while True:
        for layer in range(depth):
            # A row of `step` acts at its own step, others from the next one on (kappa(0) = 0).
            _read_rows(plan, scratch, layer, t if plan.is_step else t - 1, n, read)
            count = _cross(plan, scratch, layer, t)
            if layer < depth - 1:
                hidden = _fire(plan, scratch, layer, t, count, hidden, n, times)
        if count > 0 or t == steps - 1:
            return t, hidden, count
        t += 1


@inlined
def _cross(plan, scratch, layer, t):
    """Neurons that first reach the threshold at step t, into `found`; how many."""
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
    """Records the spikes of `found` and files them for the next layer; returns how many there are by now."""
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
    """Adds the rows of step t to A (`step`: to V)."""
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
    """V at step t of a layer that has had one burst."""
    dm, reached = plan.m[layer, t] - plan.m[layer, scratch.burst[layer]], scratch.reached[layer]
    o, v = np.uintp(plan.layers[layer].at), scratch.v
    for j in range(np.uintp(plan.layers[layer].width)):
        slope = scratch.slope[o + j]
        v[o + j] = plan.fired_v if slope > reached else v.dtype.type(slope * dm)
    scratch.burst[layer] = MANY


@inlined
def _decide(plan, scratch, rivals, n, t, times, result):
    """The class: largest V among the outputs that fire at step t (among all, if silent), lowest index among equals."""
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
    """Takes back input spikes recorded after step t; how many remain."""
    inputs = 0
    for x in range(addresses):
        if times[n, x] > t:
            times[n, x] = NEVER
        inputs += times[n, x] != NEVER
    return inputs


@inlined
def _prune_hidden(scratch, hidden, n, t, times):
    """Takes back hidden spikes recorded after step t; how many remain."""
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
