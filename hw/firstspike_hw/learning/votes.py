"""The delta unit: the sign of change of a neuron, from the signs of its output weights, by popcount."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.fabric.sizes import check_sizes

__all__ = ["Votes", "delta_layout"]

GROUP = 32  # votes that are summed at once


def delta_layout() -> data.StructLayout:
    """Sign of change of a neuron: none unless `moves`; then to fire sooner (`up`) or later."""
    return data.StructLayout({"moves": 1, "up": 1})


class Votes(wiring.Component):
    """The rows of a neuron's weights, one a cycle, then its sign of change. Ports:

    rows:  always taken. negative: sign bits; moves, up: the deltas of the same lanes; last: of the neuron's rows.
    sum:   votes for less votes against, of all the rows; `latency` cycles after the last one.
    """

    latency = 3

    def __init__(self, *, lanes: int, rows: int) -> None:
        check_sizes(self, lanes=lanes, rows=rows)
        self.lanes = lanes
        self.row = data.StructLayout({"negative": lanes, "moves": lanes, "up": lanes, "last": 1})
        self.sum_bits = bits_for(lanes * rows) + 1
        super().__init__(
            {
                "rows": In(stream.Signature(self.row, always_ready=True)),
                "sum": Out(stream.Signature(signed(self.sum_bits), always_ready=True)),
            }
        )

    @staticmethod
    def model(weights: list[int], deltas: list[int]) -> int:
        """The sign of change of a neuron (contract.learn): -1, 0 or 1. deltas: 0 where it was not before the spike."""
        up = sum((w >= 0) == (d > 0) for w, d in zip(weights, deltas, strict=True) if d)
        down = sum((w >= 0) != (d > 0) for w, d in zip(weights, deltas, strict=True) if d)
        return (up > down) - (up < down)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        row, parts = self.rows.payload, []
        for lsb in range(0, self.lanes, GROUP):
            part = slice(lsb, min(self.lanes, lsb + GROUP))
            votes = self._majority(row.negative[part], row.moves[part], row.up[part])
            held = Signal(signed(bits_for(GROUP) + 1), name=f"part{lsb // GROUP}")
            m.d.sync += held.eq(votes)
            parts.append(held)
        valid, last = Signal(2), Signal(2)
        m.d.sync += [valid.eq(Cat(self.rows.valid, valid)), last.eq(Cat(row.last, last))]
        total, so_far = Signal(signed(self.sum_bits)), Signal(signed(self.sum_bits))
        m.d.sync += total.eq(sum(parts, Const(0)))
        out = self.sum
        m.d.sync += out.valid.eq(valid[1] & last[1])
        with m.If(valid[1]):
            m.d.sync += [out.payload.eq(so_far + total), so_far.eq(Mux(last[1], 0, so_far + total))]
        return m

    def _majority(self, negative: Any, moves: Any, up: Any) -> Any:
        """Votes for firing sooner less votes against, signed: `up` and `down` of DESIGN section 4.

        A weight votes for its own sign: for firing sooner if it is positive and its neuron ought to, or neither.
        Votes against are counted as those not cast, so that one popcount does.
        """
        votes_for, against = moves & (negative ^ up), moves & ~(negative ^ up)
        count = popcount([*votes_for, *~against])
        return count - len(negative)


def popcount(bits: list[Any]) -> Any:
    """How many of the bits are 1, by a tree of adders."""
    if len(bits) <= 3:
        return sum(bits, Const(0))
    half = len(bits) // 2
    return popcount(bits[:half]) + popcount(bits[half:])
