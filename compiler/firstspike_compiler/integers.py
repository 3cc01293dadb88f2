"""Turns an integer network into network IR with exact scales; compiling that IR gives the same integers back."""

import numpy as np

from firstspike_compiler.passes.grid import lay_grid
from firstspike_contract import DROPPED, Network
from firstspike_contract.common.errors import FirstspikeError

from .ir import Encoding, LayerIR, NetworkIR

__all__ = ["network_to_ir"]


def network_to_ir(
    network: Network,
    *,
    tau_steps: float = 1.0,
    t_max: float | None = None,
    scales: tuple[float, ...] | None = None,
    encoding: Encoding | None = None,
    names: tuple[str, ...] | None = None,
) -> NetworkIR:
    """Returns the float network that an integer network stands for.

    tau_steps: tau_s in time steps with which the tables were made (not read for `linear` and `step`).
    t_max:     length of the time window in time units; one unit per step by default.
    scales:    for each layer, the float weight of one least significant bit; 1/64 by default.
    encoding:  encoding of the input; `events` by default.
    names:     names of the layers; hidden1, hidden2, ..., readout by default.

    A dropped input gets a row of zeros. Raises FirstspikeError if a table cannot belong to the kernel.
    """
    t_max = float(network.steps) if t_max is None else t_max
    tau = tau_steps * t_max / network.steps if network.kernel not in ("linear", "step") else 1.0
    names = names or (*(f"hidden{k + 1}" for k in range(len(network.layers) - 1)), "readout")
    scales = scales or (1 / 64,) * len(network.layers)
    dt = t_max / network.steps
    rows = np.flatnonzero(network.input_map != DROPPED)
    input_delays = np.zeros(network.addresses)
    input_delays[rows] = network.input_delays[network.input_map[rows]] * dt
    fraction_bits = _fraction_bits(network)
    empty = NetworkIR(
        kernel=network.kernel,
        t_max=t_max,
        steps=network.steps,
        tau=tau,
        encoding=encoding or Encoding(),
        layers=(),
        input_delays=input_delays,
        fraction_bits=fraction_bits,
    )
    unit = lay_grid(empty, network.steps).kernel_unit(network.kernel)
    layers = []
    for k, (layer, scale, name) in enumerate(zip(network.layers, scales, names, strict=True)):
        weights = layer.weights.astype(np.float64) * scale
        if k == 0:
            spread = np.zeros((network.addresses + layer.constants, layer.outputs))
            spread[rows] = weights[network.input_map[rows]]
            spread[network.addresses :] = weights[layer.inputs :]
            weights = spread
        theta = int(layer.th[0]) >> _threshold_shift(network.kernel, fraction_bits)
        layers.append(
            LayerIR(
                name=name,
                weights=weights,
                threshold=theta * scale * unit,
                constant_times=layer.constant_times.astype(np.float64) * dt,
                delays=layer.delays.astype(np.float64) * dt,
                scale=scale,
            )
        )
    return NetworkIR(**{**empty.__dict__, "layers": tuple(layers)})


def _fraction_bits(network: Network) -> int:
    """Returns K, read from the table whose entry at t = 0 is 2^K; 0 for a kernel without such a table."""
    table = {"exponential": "m", "lif-2to1": "m", "alpha": "a"}.get(network.kernel)
    if table is None:
        return 0
    one = int(getattr(network.layers[0], table)[0])
    if one < 1 or one & (one - 1):
        raise FirstspikeError(f"table {table} begins with {one}, not with a power of two: not a {network.kernel} table")
    return one.bit_length() - 1


def _threshold_shift(kernel: str, fraction_bits: int) -> int:
    """Returns the number s for which th[0] = theta * 2^s."""
    return {"exponential": fraction_bits, "alpha": fraction_bits, "lif-2to1": 2 * fraction_bits}.get(kernel, 0)
