"""The core's clock, made from the board's oscillator: divisors of the PLLs, and the PLL primitives.

Tested by tests/hw/silicon/test_tools.py.
"""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const, Instance, Module, Signal

from firstspike_contract import FirstspikeError

__all__ = ["Pll", "add_pll", "pll_for"]


@dataclass(frozen=True, kw_only=True)
class Pll:
    """Divisors of a PLL, and the clock that results.

    reference: divisor of the input clock.
    feedback:  divisor of the feedback.
    output:    ECP5: divisor of the oscillator. iCE40: the oscillator is divided by two to this power.
    mhz:       the clock in MHz. ECP5: input x feedback / reference. iCE40: that divided by 2^output.
    """

    reference: int
    feedback: int
    output: int
    mhz: float


def pll_for(family: str, input_mhz: float, wanted_mhz: float) -> Pll:
    """Returns the fastest clock of at most `wanted_mhz`. Raises FirstspikeError if there is none."""
    choices = _ecp5(input_mhz) if family == "ecp5" else _ice40(input_mhz)
    possible = [pll for pll in choices if pll.mhz <= wanted_mhz + 1e-9]
    if not possible:
        raise FirstspikeError(
            f"no clock of at most {wanted_mhz:g} MHz can be made of {input_mhz:g} MHz; ask for a faster one, "
            f"for example {2 * input_mhz:g}"
        )
    return max(possible, key=lambda pll: (pll.mhz, -pll.reference))


def _ecp5(input_mhz: float) -> list[Pll]:
    """Returns settings of EHXPLLL, fed back from its output: phase detector 3.125 .. 400, oscillator 400 .. 800 MHz."""
    found = []
    for reference in range(1, 129):
        if not 3.125 <= input_mhz / reference <= 400:
            continue
        for feedback in range(1, 81):
            mhz = round(input_mhz / reference * feedback, 6)
            for output in range(1, 129):
                if 500 <= mhz * output <= 700:  # well within the oscillator's range
                    found.append(Pll(reference=reference, feedback=feedback, output=output, mhz=mhz))
                    break
    return found


def _ice40(input_mhz: float) -> list[Pll]:
    """Returns settings of SB_PLL40 in SIMPLE mode: phase detector 10 .. 133, oscillator 533 .. 1066 MHz, output 2^n."""
    found = []
    for reference in range(1, 17):
        if not 10 <= input_mhz / reference <= 133:
            continue
        for feedback in range(1, 129):
            vco = round(input_mhz / reference * feedback, 6)
            if 533 <= vco <= 1066:
                for power in range(1, 7):
                    found.append(Pll(reference=reference, feedback=feedback, output=power, mhz=vco / 2**power))
    return found


def add_pll(m: Module, family: str, pll: Pll, pad: Any) -> tuple[Signal, Signal]:
    """Adds the primitive, fed by the clock at `pad`. Returns the clock, and a signal that tells that it is stable."""
    clock, locked = Signal(name="core_clk"), Signal(name="locked")
    if family == "ecp5":
        m.submodules.pll = Instance(
            "EHXPLLL",
            p_CLKI_DIV=pll.reference,
            p_CLKFB_DIV=pll.feedback,
            p_CLKOP_DIV=pll.output,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_CPHASE=pll.output - 1,
            p_FEEDBK_PATH="CLKOP",
            i_CLKI=pad,
            i_CLKFB=clock,
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(1),
            i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1),
            i_PLLWAKESYNC=Const(0),
            i_ENCLKOP=Const(0),
            o_CLKOP=clock,
            o_LOCK=locked,
        )
    else:
        m.submodules.pll = Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE",
            p_DIVR=Const(pll.reference - 1, 4),
            p_DIVF=Const(pll.feedback - 1, 7),
            p_DIVQ=Const(pll.output, 3),
            p_FILTER_RANGE=Const(1, 3),
            i_PACKAGEPIN=pad,
            i_RESETB=Const(1),
            i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=clock,
            o_LOCK=locked,
        )
    return clock, locked
