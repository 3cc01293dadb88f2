"""Properties of the delta unit for all patterns of weight signs and output deltas, for up to ten outputs.

In every cycle the bench sends one neuron, with all its outputs in one row, or pauses. The reference counts `up` and
`down` as DESIGN section 4 defines them, one output after the other, and compares them when the answer is due.
"""

from typing import Any

from amaranth.hdl import Signal
from amaranth.utils import bits_for
from prover import Proof

from firstspike_hw.learning.votes import Votes

__all__ = ["delta_unit"]


def delta_unit(outputs: int) -> Proof:
    proof = Proof()
    m = proof.m
    m.submodules.unit = unit = Votes(lanes=outputs, rows=1)
    negative, plus, minus = (proof.free(name, outputs) for name in ("negative", "plus", "minus"))
    valid = proof.free("valid")
    proof.assume((plus & minus) == 0)
    m.d.comb += [
        unit.rows.valid.eq(valid),
        unit.rows.payload.last.eq(1),
        unit.rows.payload.negative.eq(negative),
        unit.rows.payload.moves.eq(plus | minus),
        unit.rows.payload.up.eq(plus),
    ]
    up = _counted(proof, "up", outputs, (~negative & plus) | (negative & minus))
    down = _counted(proof, "down", outputs, (~negative & minus) | (negative & plus))
    due, sooner, later = (
        _delayed(proof, name, value, Votes.latency)
        for name, value in (("due", valid), ("sooner", up > down), ("later", down > up))
    )
    votes = unit.sum.payload
    proof.require("an answer to every neuron, when it is due", unit.sum.valid == due)
    proof.require("sooner where up exceeds down", ~due | ((votes > 0) == sooner))
    proof.require("later where down exceeds up", ~due | ((votes < 0) == later))
    return proof


def _counted(proof: Proof, name: str, outputs: int, bits: Any) -> Any:
    """Returns the number of ones in `bits`, counted one after the other."""
    total: Any = Signal(bits_for(outputs), name=f"{name}0")
    for k in range(outputs):
        later = Signal(bits_for(outputs), name=f"{name}{k + 1}")
        proof.m.d.comb += later.eq(total + bits[k])
        total = later
    return total


def _delayed(proof: Proof, name: str, value: Any, cycles: int) -> Any:
    for k in range(cycles):
        later = Signal(name=f"{name}_delayed{k}")
        proof.m.d.sync += later.eq(value)
        value = later
    return value
