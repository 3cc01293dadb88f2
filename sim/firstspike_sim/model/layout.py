"""Lays a network out for the compiled kernel, in flat aligned arrays, and allocates the kernel's scratch memory.

Tested by tests/sim/model/test_fast.py.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from firstspike_contract import DROPPED, Bounds, FirstspikeError, Layer, Network, worst_case

__all__ = ["BLOCK", "PLACE", "ModelPlan", "Scratch", "accumulators", "plan_of", "scratch_for"]

BLOCK: Final = 64  # neurons in a block: whole vectors, and one word of bits
_LINE: Final = 64  # bytes of a cache line; weight rows that straddle cache lines take a quarter longer

# The place of a layer in the flat arrays.
PLACE: Final = np.dtype(
    [
        ("at", "i8"),  # its neurons are at .. at + width - 1 in accumulators and delays
        ("width", "i8"),  # n_out, padded to a multiple of BLOCK with neurons of zero weights, which never fire
        ("outputs", "i8"),  # n_out
        ("rows", "i8"),  # weight rows, n_in + P; one more row, number `rows`, is zeros
        ("weights_at", "i8"),  # weight row r begins at weights_at + r * width
        ("bucket", "i8"),  # slots of one step, with room to fill up the last pass over the rows
        ("slots_at", "i8"),  # the bucket of step t begins at slots_at + t * bucket
        ("times_at", "i8"),  # the spike times of its neurons begin here
    ]
)


class ModelPlan(NamedTuple):
    """The arrays of a network, which stay as they are from image to image.

    is_step:      whether the kernel is `step`.
    undelayed:    whether no input has a delay.
    input_map:    int32 ``[addresses]``, weight row or DROPPED.
    input_delays: int32 ``[addresses]``, at most T.
    layers:       PLACE ``[L]``.
    weights:      int8, flat.
    delays:       int64, flat, at most T.
    a, m, th:     int64 ``[L, T]``.
    constants:    int64 ``[P, 3]``: layer, weight row and step of each constant input.
    fired_v:      V that neurons get when they fire: from it V can neither reach a threshold nor wrap.
    """

    is_step: bool
    undelayed: bool
    input_map: NDArray[np.int32]
    input_delays: NDArray[np.int32]
    layers: NDArray[np.void]
    weights: NDArray[np.int8]
    delays: NDArray[np.int64]
    a: NDArray[np.int64]
    m: NDArray[np.int64]
    th: NDArray[np.int64]
    constants: NDArray[np.int64]
    fired_v: int


class Scratch(NamedTuple):
    """The memory in which an image is computed.

    slope:   accumulators A, flat.
    v:       accumulators V, flat.
    slots:   int32, flat: numbers of the weight rows to read, in a bucket for each layer and step.
    filled:  int64 ``[L, T + 1]``, number of rows in each bucket.
    burst:   int64 ``[L]``: step of the only burst that the layer has had, or QUIET or MANY.
    reached: int64 ``[L]``, valid while the layer has had one burst: neurons with a larger A have fired.
    found:   int64, neurons of one layer that fire at the current step.
    fired:   int64, places in `times` of the recorded hidden spikes.
    """

    slope: NDArray[Any]
    v: NDArray[Any]
    slots: NDArray[np.int32]
    filled: NDArray[np.int64]
    burst: NDArray[np.int64]
    reached: NDArray[np.int64]
    found: NDArray[np.int64]
    fired: NDArray[np.int64]


def accumulators(network: Network, *, learning: bool = False) -> tuple[np.dtype[Any], np.dtype[Any], int]:
    """Returns the types of A and V, and `fired_v` of ModelPlan.

    The types are the narrowest compiled pair that holds the exact worst case of every layer.

    learning: the worst case is that of all weights at +-127.

    Raises FirstspikeError if 64 bits do not suffice.
    """
    layers = network.layers
    delays = [network.input_delays, *(layer.delays for layer in layers[:-1])]
    bounds = [
        worst_case(layer, network.kernel, pre, learning=learning) for layer, pre in zip(layers, delays, strict=True)
    ]
    fired_v, v_max = _fired(layers, bounds)
    span = max(b.v_max - b.v_min for b in bounds)
    a_bits = _bits(min(b.a_min for b in bounds), max(b.a_max for b in bounds))
    v_bits = _bits(fired_v - span, v_max)
    for slope, potential in ((16, 32), (32, 64), (64, 64)):  # each pair compiles its own kernel
        if a_bits <= slope and v_bits <= potential:
            return np.dtype(f"i{slope // 8}"), np.dtype(f"i{potential // 8}"), fired_v
    raise FirstspikeError(f"accumulators would need {max(a_bits, v_bits)} bits, the model has 64")


def _fired(layers: tuple[Layer, ...], bounds: list[Bounds]) -> tuple[int, int]:
    """Returns `fired_v` of ModelPlan, and the largest V or threshold."""
    span = max(b.v_max - b.v_min for b in bounds)
    fired = min(int(layer.th.min()) for layer in layers) - 1 - span
    return fired, max(max(b.v_max, int(layer.th.max())) for b, layer in zip(bounds, layers, strict=True))


def _bits(low: int, high: int) -> int:
    return max(high, ~low).bit_length() + 1


def plan_of(network: Network, potential: np.dtype[Any], fired_v: int) -> ModelPlan:
    """Returns the network in the arrays of the kernel."""
    layers = network.layers
    places = _places(network)
    weights = _aligned(int(((places["rows"] + 1) * places["width"]).sum()), np.int8)
    delays = np.zeros(int(places["width"].sum()), np.int64)
    for layer, place in zip(layers, places, strict=True):
        lo, rows, width = (int(place[field]) for field in ("weights_at", "rows", "width"))
        weights[lo : lo + rows * width].reshape(rows, width)[:, : layer.outputs] = layer.weights
        at = int(place["at"])
        delays[at : at + layer.outputs] = np.minimum(layer.delays, network.steps)
    constants = [
        (k, layer.inputs + p, t) for k, layer in enumerate(layers) for p, t in enumerate(layer.constant_times.tolist())
    ]
    a, m, th = (np.array([getattr(layer, table) for layer in layers], np.int64) for table in ("a", "m", "th"))
    return ModelPlan(
        is_step=network.kernel == "step",
        undelayed=not network.input_delays.any(),
        input_map=network.input_map.astype(np.int32),
        input_delays=_delays_by_address(network),
        layers=places,
        weights=weights,
        delays=delays,
        a=a,
        m=m,
        th=th,
        constants=np.array(constants, np.int64).reshape(-1, 3),
        fired_v=potential.type(fired_v),
    )


def scratch_for(network: Network, plan: ModelPlan, slope: np.dtype[Any], potential: np.dtype[Any]) -> Scratch:
    """Returns scratch memory for the kernel; only one thread may use it."""
    depth, neurons = len(plan.layers), len(plan.delays)
    buckets = network.steps + 1  # one more than there are steps, for events beyond the last step
    return Scratch(
        slope=_aligned(neurons, slope),
        v=_aligned(neurons, potential),
        slots=np.zeros(int(plan.layers["bucket"].sum()) * buckets, np.int32),
        filled=np.zeros((depth, buckets), np.int64),
        burst=np.zeros(depth, np.int64),
        reached=np.zeros(depth, np.int64),
        found=np.zeros(int(plan.layers["width"].max()), np.int64),
        fired=np.zeros(sum(network.sizes), np.int64),
    )


def _places(network: Network) -> NDArray[np.void]:
    """Returns the places of the layers, PLACE ``[L]``."""
    sizes = np.array(network.sizes, np.int64)
    places = np.zeros(len(network.layers), PLACE)
    width = -(-sizes[1:] // BLOCK) * BLOCK
    rows = np.array([len(layer.weights) for layer in network.layers], np.int64)
    places["width"], places["outputs"], places["rows"] = width, sizes[1:], rows
    places["at"] = np.cumsum(width) - width
    weights = (rows + 1) * width
    places["weights_at"] = np.cumsum(weights) - weights
    places["bucket"] = rows + 3
    slots = places["bucket"] * (network.steps + 1)
    places["slots_at"] = np.cumsum(slots) - slots
    places["times_at"] = np.cumsum(sizes)[:-1]
    return places


def _delays_by_address(network: Network) -> NDArray[np.int32]:
    """Returns the delay of each address, int32 ``[addresses]``, at most T; 0 for dropped inputs."""
    delays = np.zeros(network.addresses, np.int32)
    kept = network.input_map != DROPPED
    delays[kept] = np.minimum(network.input_delays, network.steps)[network.input_map[kept]]
    return delays


def _aligned(length: int, dtype: DTypeLike) -> NDArray[Any]:
    """Returns an array of zeros that starts on a cache line."""
    size = length * np.dtype(dtype).itemsize
    memory = np.zeros(size + _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + size].view(dtype)
