"""Pass: converts the float times of the IR to time codes on a grid of T steps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstspike_compiler.ir import NetworkIR

__all__ = ["Grid", "explain_grid", "lay_grid", "time_codes"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """The IR's times on a grid; code t stands for the time t * dt.

    steps:          T.
    dt:             t_max / T, in time units.
    tau_steps:      tau_s / dt.
    late:           code of the encoding's t_late, or None.
    input_delays:   int64 ``[addresses]``, at most T; a spike delayed by T never arrives.
    constant_times: for each layer, int64 ``[P]``.
    delays:         for each layer, int64 ``[n_out]``, at most T.
    """

    steps: int
    dt: float
    tau_steps: float
    late: int | None
    input_delays: NDArray[np.int64]
    constant_times: tuple[NDArray[np.int64], ...]
    delays: tuple[NDArray[np.int64], ...]

    def kernel_unit(self, kernel: str) -> float:
        """Returns the float value of one unit of the integer kernel (see theta of `contract.kernel_tables`)."""
        if kernel == "linear":
            return self.dt
        return 1.0 / self.tau_steps if kernel == "alpha" else 1.0


def lay_grid(ir: NetworkIR, steps: int) -> Grid:
    """Returns the network's times on a grid of `steps` codes over t_max."""
    dt = ir.t_max / steps
    t_late = ir.encoding.t_late
    return Grid(
        steps=steps,
        dt=dt,
        tau_steps=ir.tau / dt,
        late=None if t_late is None else int(time_codes(np.array([t_late]), ir.t_max, steps)[0]),
        input_delays=np.minimum(time_codes(ir.input_delays, ir.t_max, steps), steps),
        constant_times=tuple(time_codes(layer.constant_times, ir.t_max, steps) for layer in ir.layers),
        delays=tuple(np.minimum(time_codes(layer.delays, ir.t_max, steps), steps) for layer in ir.layers),
    )


def time_codes(times: NDArray[np.float64], t_max: float, steps: int) -> NDArray[np.int64]:
    """Returns the time codes floor(t / t_max * T + 0.5) (docs/nir.md), at most 2 T; codes from T on mean never."""
    return np.floor(np.minimum(times / t_max, 2.0) * steps + 0.5).astype(np.int64)


def explain_grid(ir: NetworkIR, grid: Grid) -> list[str]:
    """Returns lines that say the step, how far rounding moved the times, and the code of the latest input spike."""
    own = "" if grid.steps == ir.steps else f", not the network's own {ir.steps}"
    lines = [f"{grid.steps} steps of {grid.dt:.6g} time units{own}"]
    times = np.concatenate(
        [ir.input_delays, *(np.concatenate([layer.constant_times, layer.delays]) for layer in ir.layers)]
    )
    codes = np.concatenate(
        [grid.input_delays, *map(np.concatenate, zip(grid.constant_times, grid.delays, strict=True))]
    )
    inside = codes < grid.steps
    moved = np.abs(codes[inside] * grid.dt - times[inside])
    if times.any():
        lines.append(
            f"{np.count_nonzero(times)} delays and times of constant inputs that are not 0, moved by up to "
            f"{moved.max(initial=0) / grid.dt:.3g} steps; {int((~inside).sum())} delays go beyond the last step"
        )
    else:
        lines.append("no delays, and no constant inputs at times other than 0")
    if grid.late is not None:
        lines.append(f"the latest input spike has the code {grid.late}")
    return lines
