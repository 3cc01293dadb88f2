"""Plastic lanes: keep the deltas of some neurons, and move a row of their weights by one LSB, a row a cycle."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract.arithmetic.random_bits import CHANCE_MAX, TAP_STEP, U_BITS, V_BITS
from firstspike_hw.fabric.memory_port import IN_LOGIC
from firstspike_hw.fabric.sizes import check_sizes

from .votes import delta_layout

__all__ = ["PlasticLanes", "operation_layout", "taps", "turned"]


def operation_layout(rows: int) -> data.StructLayout:
    """An operation of the lanes on one row of their neurons: at most one of clear, mark and learn.

    mark:  the neurons of the chosen lanes get `delta`.
    clear: the neurons of the chosen lanes get `delta`; the sender chooses all lanes.
    learn: the row's weights move by the deltas, where the random bits allow it.
    row:   number of the row.
    delta: the delta of a mark or clear.
    """
    return data.StructLayout({"clear": 1, "mark": 1, "learn": 1, "row": bits_for(rows - 1), "delta": delta_layout()})


def taps(bits: Any, lane: int) -> tuple[Any, Any]:
    """Returns the bits of `u` and of `v`, CHANCE_MAX each, whose differences are the random bits of a lane."""
    places = [lane + k * TAP_STEP for k in range(CHANCE_MAX)]
    return Cat(bits.u[n % U_BITS] for n in places), Cat(bits.v[n % V_BITS] for n in places)


def turned(bits: Any, lanes: int) -> tuple[Any, Any]:
    """Returns `u` and `v` turned for the next row of lanes: the bits of neuron j + lanes are where those of j were."""
    u, v = lanes % U_BITS, lanes % V_BITS
    return Cat(bits.u[u:], bits.u[:u]), Cat(bits.v[v:], bits.v[:v])


class PlasticLanes(wiring.Component):
    """A group of lanes that does not know its place in the stage, so that all groups are alike. Ports:

    operation: in, `operation_layout`. May change every cycle.
    weights:   in, int8 per lane. Belong to the operation of the same cycle.
    high:      in, 1 bit per lane, a cycle after the operation. A lane is chosen if its bits of `high` and `low` are 1.
    low:       in, 1 bit per lane, a cycle after the operation.
    u:         in, CHANCE_MAX bits per lane, a cycle after the operation. The lanes' `taps` of the row's `u`.
    v:         in, CHANCE_MAX bits per lane, a cycle after the operation. The lanes' `taps` of the row's `v`.
    chance:    in, CHANCE_MAX bits. Bit k: the k-th random bit must be 1; 2^p - 1 for a probability of 2^-p.
    negative:  out, 1 bit per lane, `known` cycles after a `learn`. Sign bits of its weights; 0 without a `learn`.
    moves:     out, 1 bit per lane, with `negative`. The lanes' deltas are not 0; 0 without a `learn`.
    up:        out, 1 bit per lane, with `negative`. The deltas are +1; valid where `moves` is 1.
    host_word: in, int8 per lane. The host's word; must be 0 while weights change.
    word:      out, int8 per lane, `latency` cycles after a `learn`. The weights after it; otherwise the host's word.
    """

    known = 2  # cycles from a learn to the signs
    latency = 3  # cycles from a learn to the weights

    def __init__(self, *, lanes: int, rows: int) -> None:
        check_sizes(self, lanes=lanes, rows=rows)
        self.lanes, self.max_rows = lanes, rows
        super().__init__(
            {
                "operation": In(operation_layout(rows)),
                "high": In(lanes),
                "low": In(lanes),
                "weights": In(lanes * 8),
                "u": In(lanes * CHANCE_MAX),
                "v": In(lanes * CHANCE_MAX),
                "chance": In(CHANCE_MAX),
                "negative": Out(lanes),
                "moves": Out(lanes),
                "up": Out(lanes),
                "host_word": In(lanes * 8),
                "word": Out(lanes * 8),
            }
        )

    def model(self, inputs: Sequence[tuple[Any, ...]]) -> list[tuple[list[int], list[int]]]:
        """Takes ("set", {"p": p}), ("clear", row), ("mark", row, lane or None, delta), ("learn", row, weights, hits).

        hits: the random bits of each lane. Returns (deltas, new weights) of the lanes for each learn
        (contract.arithmetic.learn).
        """
        deltas, p, found = [[0] * self.lanes for _ in range(self.max_rows)], 0, []
        for name, *values in inputs:
            if name == "set":
                p = values[0]["p"]
            elif name == "clear":
                deltas[values[0]] = [0] * self.lanes
            elif name == "mark":
                row, lane, delta = values
                if lane is not None:
                    deltas[row][lane] = delta
            else:
                row, weights, hits = values
                moved = [w + d * all(h[:p]) for w, d, h in zip(weights, deltas[row], hits, strict=True)]
                found.append((list(deltas[row]), [max(-127, min(127, weight)) for weight in moved]))
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # cycle 1: random bits and deltas
        operation, weights = Signal.like(self.operation, reset_less=True), Signal.like(self.weights, reset_less=True)
        m.d.sync += [operation.eq(self.operation), weights.eq(self.weights)]
        now = self._deltas(m, operation)
        hit, moves, up = (Signal(self.lanes, reset_less=True) for _ in range(3))
        old = Signal.like(self.weights, reset_less=True)
        m.d.sync += [old.eq(weights), moves.eq(Cat(d.moves for d in now)), up.eq(Cat(d.up for d in now))]
        for k in range(self.lanes):
            part = slice(k * CHANCE_MAX, (k + 1) * CHANCE_MAX)
            m.d.sync += hit[k].eq((self.u[part] ^ self.v[part] | ~self.chance).all())
        with m.If(~operation.learn):
            m.d.sync += [old.eq(0), moves.eq(0)]
        m.d.comb += [
            self.negative.eq(Cat(old[8 * k + 7] for k in range(self.lanes))),
            self.moves.eq(moves),
            self.up.eq(up),
        ]
        # 2: the number to add to each weight; 3: it is added
        before, added = Signal.like(self.weights, reset_less=True), Signal(2 * self.lanes, reset_less=True)
        m.d.sync += before.eq(old)
        for k in range(self.lanes):
            byte = slice(8 * k, 8 * k + 8)
            one, down = (added[2 * k + n] for n in range(2))  # +1 is 0000 0001, -1 is 1111 1111
            goes = self._goes(old[byte], moves[k] & hit[k], up[k])
            m.d.sync += [one.eq(goes), down.eq(goes & ~up[k])]
            m.d.comb += self.word[byte].eq((before[byte] | self.host_word[byte]) + Cat(one, down.replicate(7)))
        return m

    def _deltas(self, m: Module, operation: Any) -> list[Any]:
        """Returns the deltas of the operation's row; a mark or a clear changes them."""
        layout = data.ArrayLayout(delta_layout(), self.lanes)
        after = Signal(layout)
        if self.max_rows == 1:
            now = Signal(layout, reset_less=True)
            with m.If(operation.clear | operation.mark):
                m.d.sync += now.eq(after)
        else:
            m.submodules.deltas = memory = Memory(shape=layout, depth=self.max_rows, init=[], attrs=IN_LOGIC)
            read, write = memory.read_port(domain="comb"), memory.write_port()
            m.d.comb += [
                read.addr.eq(operation.row),
                write.addr.eq(operation.row),
                write.data.eq(after),
                write.en.eq(operation.clear | operation.mark),
            ]
            now = read.data
        for k in range(self.lanes):
            chosen = self.high[k] & self.low[k]
            m.d.comb += after[k].as_value().eq(Mux(chosen, operation.delta.as_value(), now[k].as_value()))
        return [now[k] for k in range(self.lanes)]

    def _goes(self, weight: Any, moves: Any, up: Any) -> Any:
        """Returns whether a weight moves by one. It does not if it would leave -127 .. 127.

        It stands at the limit in the direction of `up` if bits 1 .. 6 all equal `up`, the sign bit does not, and bit 0
        is 1.
        """
        runs = [Cat(weight[n] == up for n in part).all() for part in ((1, 2, 3), (4, 5, 6))]
        stuck = runs[1] & (runs[0] & weight[0] & (weight[7] ^ up))
        return moves & ~stuck
