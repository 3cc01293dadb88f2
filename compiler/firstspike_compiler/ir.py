"""The network IR: a feed-forward TTFS network in floating point, with the scales of its integers if there are any."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import Kernel

__all__ = ["Encoding", "LayerIR", "NetworkIR"]


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How values become input spikes: `binary`, `two-time`, `latency`, or `events` (the user brings spikes).

    t_late: float time of dark pixels in `two-time`, of the darkest that spike in `latency`; None otherwise.
    """

    name: str = "events"
    t_late: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerIR:
    """Synapses and neurons of one layer.

    name:           node name of the neurons in the source graph, for messages.
    weights:        float64 ``[n_in + P, n_out]``, constant inputs last.
    threshold:      > 0, in the units of `weights` times the units of the kernel.
    constant_times: float64 ``[P]``, in time units, 0 <= t < t_max.
    delays:         float64 ``[n_out]``, in time units, >= 0.
    scale:          weight per least significant bit if trained quantised (weights / scale are integers), else None.
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

    t_max:        length of the time window in time units; a time t has the code floor(t / t_max * steps + 0.5).
    steps:        T; time grid the network was trained or is meant for.
    tau:          tau_s of the kernel in time units; 1.0 for `linear` and `step`, which have none.
    mask:         bool ``[addresses]``, inputs that the network sees, or None for all.
    input_delays: float64 ``[addresses]``, in time units.
    record:       the training record, kept through NIR and the manifest.
    fraction_bits: K of the kernel tables if the network was trained on them, else None: the compiler takes the largest.
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
