"""The integer network, on which compiler, models and gateware agree.

Tested by tests/contract/arithmetic/test_evaluate.py and tests/contract/arithmetic/test_validation.py.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["DROPPED", "KERNELS", "NO_SPIKE", "WEIGHT_MAX", "Kernel", "Layer", "Network"]

Kernel = Literal["linear", "exponential", "lif-2to1", "alpha", "step"]
KERNELS: Final[tuple[str, ...]] = get_args(Kernel)

NO_SPIKE: Final = -1  # in arrays of spike times: this neuron did not spike
DROPPED: Final = -1  # in an input map: this address has no row
WEIGHT_MAX: Final = 127  # int8, symmetric


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One layer of neurons and the synapses into it.

    weights:        int8 ``[n_in + P, n_out]``; row i < n_in belongs to pre-synaptic neuron i, the last P rows belong to
                    the constant inputs.
    a, m, th:       int64 ``[T]``, the tables of the layer's kernel over time (DESIGN section 2; docs/arithmetic.md).
    constant_times: int64 ``[P]``, time codes 0..T-1 at which the constant inputs spike in every image.
    delays:         int64 ``[n_out]``, steps >= 0 between crossing the threshold and the recorded spike.
    source_inputs:  weight rows of the layer in the source network: dropped inputs included, constant inputs not.
    """

    weights: NDArray[np.int8]
    a: NDArray[np.int64]
    m: NDArray[np.int64]
    th: NDArray[np.int64]
    constant_times: NDArray[np.int64]
    delays: NDArray[np.int64]
    source_inputs: int

    @property
    def constants(self) -> int:
        return len(self.constant_times)

    @property
    def inputs(self) -> int:
        return len(self.weights) - self.constants

    @property
    def outputs(self) -> int:
        return int(self.weights.shape[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A feed-forward TTFS network in integers.

    kernel:       kernel of every layer.
    steps:        T, number of time codes, a power of two in 16..256.
    input_map:    int64 ``[addresses]``, row of layer 0 for each external address, or DROPPED.
    input_delays: int64 ``[layers[0].inputs]``, steps >= 0 added to the time of an input event, by row.
    layers:       from input to output; ``layers[k].outputs == layers[k + 1].inputs``.
    """

    kernel: Kernel
    steps: int
    input_map: NDArray[np.int64]
    input_delays: NDArray[np.int64]
    layers: tuple[Layer, ...]

    @property
    def addresses(self) -> int:
        return len(self.input_map)

    @property
    def classes(self) -> int:
        return self.layers[-1].outputs

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons per layer as the user sees them: external addresses, hidden layers, outputs."""
        return (self.addresses, *(layer.outputs for layer in self.layers))
