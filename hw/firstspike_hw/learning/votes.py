"""The delta unit: finds the delta of a neuron, its sign of change, from the signs of its output weights by popcount."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.fabric.sizes import check_sizes

__all__ = ["Votes", "delta_layout"]

GROUP = 32  # votes that are summed at once


def delta_layout() -> data.StructLayout:
    """The delta of a neuron.

    moves: the neuron is to change; otherwise its delta is 0.
    up:    the neuron is to fire sooner; otherwise later. Valid if `moves`.
    """
    return data.StructLayout({"moves": 1, "up": 1})


class Votes(wiring.Component):
    """A counter of the votes of a neuron's output weights; their rows come one a cycle. Ports:

    rows: in, stream of `row`, always taken. One row of the neuron's weights. Its fields:
      negative: 1 bit per lane. Sign bit of the weight.
      moves:    1 bit per lane. The delta of the lane's neuron is not 0.
      up:       1 bit per lane. That delta is +1.
      last:     1 bit. The row is the neuron's last.
    sum:  out, stream of a signed number, always taken. Votes for minus votes against, over all rows of the neuron;
          `latency` cycles after the last one.
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

    def model(self, inputs: Sequence[tuple[list[int], list[int], bool]]) -> list[int]:
        """Takes rows (weight of each lane, delta of each lane, last); returns the sum of each neuron.

        Its sign is the delta of the neuron (contract.arithmetic.learn). A delta is 0 where the neuron fired before.
        """
        found, total = [], 0
        for weights, deltas, last in inputs:
            total += sum(delta if weight >= 0 else -delta for weight, delta in zip(weights, deltas, strict=True))
            if last:
                found.append(total)
                total = 0
        return found

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
        """Returns the votes for firing sooner minus the votes against, signed: `up` - `down` of docs/learning.md.

        A weight votes for firing sooner if it is >= 0 and its neuron ought to fire sooner, or if it is < 0 and its
        neuron ought to fire later. The popcount counts the votes against that were not cast, so that one suffices.
        """
        votes_for, against = moves & (negative ^ up), moves & ~(negative ^ up)
        count = popcount([*votes_for, *~against])
        return count - len(negative)


def popcount(bits: list[Any]) -> Any:
    """Returns how many of the bits are 1, by a tree of adders."""
    if len(bits) <= 3:
        return sum(bits, Const(0))
    half = len(bits) // 2
    return popcount(bits[:half]) + popcount(bits[half:])
