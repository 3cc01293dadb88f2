"""The network IR: a feed-forward TTFS network in floating point, with the scales of its integers if it has them.

Tested by tests/compiler/formats/nir/test_nir_round_trip.py.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import Kernel

__all__ = ["Encoding", "LayerIR", "NetworkIR"]


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """The rule by which values become input spikes.

    name:   `binary`, `two-time`, `latency`, or `events` (the user brings spikes).
    t_late: in time units; when dark pixels spike (`two-time`), or the darkest that spike at all (`latency`).
            None for the other encodings.
    """

    name: str = "events"
    t_late: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerIR:
    """The synapses and neurons of one layer.

    name:           node name of the neurons in the source graph; messages use it.
    weights:        float64 ``[n_in + P, n_out]``, constant inputs last.
    threshold:      > 0, in the units of `weights` times the units of the kernel.
    constant_times: float64 ``[P]``, in time units, 0 <= t < t_max.
    delays:         float64 ``[n_out]``, in time units, >= 0.
    scale:          weight of one least significant bit if the layer was trained quantised (weights / scale are
                    integers); None for a float layer.
    """

    name: str
    weights: NDArray[np.float64]
    threshold: float
    constant_times: NDArray[np.float64]
    delays: NDArray[np.float64]
    scale: float | None = None

    @property
    def constants(self) -> int:
        return len(self.constant_times)


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkIR:
    """A feed-forward TTFS network.

    kernel:        name of the kernel.
    t_max:         length of the time window in time units; a time t has the code floor(t / t_max * steps + 0.5).
    steps:         T of the time grid that the network was trained on or is meant for.
    tau:           tau_s of the kernel in time units; 1.0 for `linear` and `step`, which have none.
    encoding:      rule by which values become input spikes.
    layers:        from the first hidden layer to the outputs.
    input_delays:  float64 ``[addresses]``, in time units.
    mask:          bool ``[addresses]``, true for inputs that the network sees; None if it sees all.
    record:        training record; NIR files and manifests keep it.
    fraction_bits: K of the kernel tables that the network was trained with; None lets the compiler take the largest.
    """

    kernel: Kernel
    t_max: float
    steps: int
    tau: float
    encoding: Encoding
    layers: tuple[LayerIR, ...]
    input_delays: NDArray[np.float64]
    mask: NDArray[np.bool_] | None = None
    record: dict[str, Any] = field(default_factory=dict)
    fraction_bits: int | None = None

    @property
    def addresses(self) -> int:
        return len(self.input_delays)
