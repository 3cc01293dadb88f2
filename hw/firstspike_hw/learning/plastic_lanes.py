"""Plastic lanes: signs of change of some neurons, and a row of their weights moved by one, every cycle."""

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
    """What the lanes do with the row of their neurons; at most one of the three.

    mark:  the neurons of the chosen lanes get `delta`. clear: likewise, and all lanes are chosen.
    learn: the row's weights move by the deltas, where the random bits allow it.
    """
    return data.StructLayout({"clear": 1, "mark": 1, "learn": 1, "row": bits_for(rows - 1), "delta": delta_layout()})


def taps(bits: Any, lane: int) -> tuple[Any, Any]:
    """The bits of `u` and `v` whose differences are the random bits of a lane, CHANCE_MAX each."""
    places = [lane + k * TAP_STEP for k in range(CHANCE_MAX)]
    return Cat(bits.u[n % U_BITS] for n in places), Cat(bits.v[n % V_BITS] for n in places)


def turned(bits: Any, lanes: int) -> tuple[Any, Any]:
    """`u` and `v` of a row of lanes as the next row sees them: neuron j + lanes where j was."""
    u, v = lanes % U_BITS, lanes % V_BITS
    return Cat(bits.u[u:], bits.u[:u]), Cat(bits.v[v:], bits.v[:v])


class PlasticLanes(wiring.Component):
    """Lanes that know nothing of their place in the stage, so that all groups are alike. Ports:

    operation: may change every cycle. weights: int8 of every lane, belonging to it.
    high, low: a bit of every lane, a cycle after the operation: chosen is the lane that has both.
    u, v:      the lanes' `taps` of the row's random bits, a cycle after the operation.
    chance:    bit k: the k-th random bit must be 1; 2^p - 1 for a probability of 2^-p.
    negative, moves, up: sign bits of the weights of a `learn`, and the deltas of its lanes, `known` cycles after it;
               without a `learn` 0, and so is what the lanes make of it.
    host_word: of the host; 0 while anything is learnt.
    word:      int8 of the lanes after a `learn`, `latency` cycles after it; or the host's.
    """

    known = 2
    latency = 3

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

    @staticmethod
    def model(weight: int, delta: int, hits: list[int], p: int) -> int:
        """A weight after a `learn`: delta -1, 0 or 1; hits: random bits of its neuron (contract.learn)."""
        moved = weight + delta * all(hits[:p])
        return max(-127, min(127, moved))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # 1: random bits and deltas
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
        # 2: what is added; 3: it is
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
        """The signs of change of the operation's row, which a mark or a clear changes."""
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
        """Whether a weight moves by one: not if it would leave -127 .. 127.

        Those two are, but for the lowest bit, the numbers of which bits 1 .. 6 are all `up`, and the sign is not.
        """
        runs = [Cat(weight[n] == up for n in part).all() for part in ((1, 2, 3), (4, 5, 6))]
        stuck = runs[1] & (runs[0] & weight[0] & (weight[7] ^ up))
        return moves & ~stuck
