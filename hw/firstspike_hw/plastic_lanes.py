"""Plastic lanes: signs of change of some neurons, and a row of their weights moved by one, every cycle."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.contract.random_bits import CHANCE_MAX, TAP_STEP, U_BITS, V_BITS

from .memory_port import IN_LOGIC
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

    operation: may change every cycle. chosen, weights: a bit, and int8, of every lane, belonging to it.
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
        self.lanes, self.max_rows = lanes, rows
        super().__init__(
            {
                "operation": In(operation_layout(rows)),
                "chosen": In(lanes),
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
        chosen = Signal.like(self.chosen, reset_less=True)
        m.d.sync += [operation.eq(self.operation), weights.eq(self.weights), chosen.eq(self.chosen)]
        now = self._deltas(m, operation, chosen)
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
        # 2: which bits turn over; 3: they do
        before = Signal.like(self.weights, reset_less=True)
        m.d.sync += before.eq(old)
        for k in range(self.lanes):
            byte = slice(8 * k, 8 * k + 8)
            turns = self._turns(m, old[byte], moves[k] & hit[k], up[k])
            m.d.comb += self.word[byte].eq((before[byte] ^ turns) | self.host_word[byte])
        return m

    def _deltas(self, m: Module, operation: Any, chosen: Any) -> list[Any]:
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
            m.d.comb += after[k].as_value().eq(Mux(chosen[k], operation.delta.as_value(), now[k].as_value()))
        return [now[k] for k in range(self.lanes)]

    def _turns(self, m: Module, weight: Any, moves: Any, up: Any) -> Any:
        """The bits that turn over when a weight moves by one, registered; none if it would leave -127 .. 127.

        Adding one turns over the lowest 0 and the 1s below it; subtracting one, the lowest 1 and the 0s below it.
        """
        # Bits 1 .. k-1 all equal to `up`, for k = 2 .. 7. 127 and -127 are such runs, but for their first and last bit.
        runs = [Cat(weight[n] == up for n in range(1, k)).all() for k in range(2, 8)]
        stuck = runs[-1] & weight[0] & (weight[7] ^ up)
        goes = moves & ~stuck
        first, second, run = Signal(reset_less=True), Signal(reset_less=True), Signal(6, reset_less=True)
        m.d.sync += [first.eq(goes), second.eq(goes & (weight[0] == up)), run.eq(Cat(runs))]
        return Cat(first, second, (run[k] & second for k in range(6)))
