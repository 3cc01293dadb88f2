"""The tables `a`, `m`, `th`, with which one recurrence computes all five kernels (docs/arithmetic.md).

Tested by tests/contract/arithmetic/test_tables_validation.py.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.common.errors import FirstspikeError, UsageError
from firstspike_contract.common.names import unknown

from .network import KERNELS, Kernel

__all__ = ["STEPS", "TABLE_BITS", "TABLE_MAX", "Tables", "exp_table", "integer_threshold", "kernel_tables"]

TABLE_BITS: Final = 17  # width of `a` and `m`, unsigned
TABLE_MAX: Final = 2**TABLE_BITS - 1
STEPS: Final = (16, 32, 64, 128, 256)  # admissible T
_THRESHOLD_MAX: Final = 2**62  # V - th then fits int64 for every V below 2**62


@dataclass(frozen=True, kw_only=True, eq=False)
class Tables:
    """The tables of one layer, int64 ``[T]`` each. The kernel `step` reads `th` only.

    a:  scale of an event, >= 0.
    m:  course of time, >= 0 and non-decreasing.
    th: threshold, > 0.
    """

    a: NDArray[np.int64]
    m: NDArray[np.int64]
    th: NDArray[np.int64]


def exp_table(steps: int, tau_steps: float, fraction_bits: int) -> NDArray[np.int64]:
    """Returns round(2^K exp(t / tau)) for t = 0 .. T-1, halves to even: int64 ``[steps]``, non-decreasing, first 2^K.

    steps:         T.
    tau_steps:     tau in time steps (`h` of DESIGN section 2 is the table of 2 tau).
    fraction_bits: K.

    Raises FirstspikeError if an entry exceeds TABLE_MAX, UsageError if tau or K is out of range.
    """
    if not (np.isfinite(tau_steps) and tau_steps > 0):
        raise UsageError(f"the time constant must be a positive number of steps, not {tau_steps}; for example 51.2")
    if not 0 <= fraction_bits <= TABLE_BITS:
        raise UsageError(f"fraction bits must be in 0..{TABLE_BITS}, not {fraction_bits}; for example 9")
    largest = fraction_bits * np.log(2.0) + (steps - 1) / tau_steps
    if largest > np.log(TABLE_MAX + 0.5):
        raise FirstspikeError(
            f"a table of 2^{fraction_bits} exp(t / {tau_steps:g}) over {steps} steps needs "
            f"{largest / np.log(2.0):.1f} bits, the core has {TABLE_BITS}; "
            f"use fewer fraction bits or a shorter time window"
        )
    return np.rint(np.exp2(fraction_bits) * np.exp(np.arange(steps) / tau_steps)).astype(np.int64)


def integer_threshold(theta: float) -> int:
    """Returns the smallest integer >= theta, but at least 1.

    theta: threshold in units of (weight LSB x kernel unit), see `kernel_tables`.

    An excess over an integer in the last bits of a float does not count, so an integer network that went through
    floating point and back keeps its integer. Raises FirstspikeError if theta is not a positive number.
    """
    if not (np.isfinite(theta) and theta > 0):
        raise FirstspikeError(f"a threshold must be a positive number, not {theta}; for example 1.0")
    return max(1, int(np.ceil(theta * (1 - 1e-12))))


def kernel_tables(kernel: Kernel, *, steps: int, tau_steps: float, theta: int, fraction_bits: int) -> Tables:
    """Returns the tables of one layer (DESIGN section 2); th[t] = theta * {1, x, h*h, x, 1}[t], for KERNELS in order.

    steps:         T, one of STEPS.
    tau_steps:     tau_s in time steps (tau_s / dt); not read by `linear` and `step`.
    theta:         integer threshold >= 1 in units of (weight LSB x kernel unit): theta_float / scale for `exponential`,
                   `lif-2to1` and `step`; theta_float / (scale dt) for `linear`; theta_float / scale * tau_steps for
                   `alpha`, whose m counts steps.
    fraction_bits: K of x = round(2^K exp(t/tau)) and h = round(2^K exp(t/(2 tau))); not read by `linear` and `step`.

    Raises UsageError for an unknown kernel, T, tau or K; FirstspikeError for entries wider than the core's tables.
    """
    if kernel not in KERNELS:
        raise UsageError(unknown("kernel", kernel, KERNELS))
    if steps not in STEPS:
        raise UsageError(f"the number of time steps must be a power of two in 16..256, not {steps}; for example 16")
    if theta < 1:
        raise FirstspikeError(f"an integer threshold must be at least 1, not {theta}; for example 256")
    one = np.ones(steps, dtype=np.int64)
    count = np.arange(steps, dtype=np.int64)
    if kernel == "linear":
        a, m, unit = one, count, one
    elif kernel == "exponential":
        m = unit = exp_table(steps, tau_steps, fraction_bits)
        a = one
    elif kernel == "lif-2to1":
        a = m = exp_table(steps, 2.0 * tau_steps, fraction_bits)
        unit = m * m
    elif kernel == "alpha":
        a = unit = exp_table(steps, tau_steps, fraction_bits)
        m = count
    else:
        a, m, unit = one, np.zeros_like(one), one
    if theta * int(unit[-1]) > _THRESHOLD_MAX:
        raise FirstspikeError(
            f"a threshold table up to {theta} x {int(unit[-1])} is wider than 62 bits; use fewer fraction bits"
        )
    return Tables(a=a, m=m, th=theta * unit)
