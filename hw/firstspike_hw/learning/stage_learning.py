"""The part of a stage that learns: replay, plastic lanes and votes, behind the stage's weight memory.

Tested by tests/hw/learning/test_learning.py.
"""

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import bits_for

from firstspike_contract import StageConfig
from firstspike_contract.arithmetic.random_bits import CHANCE_MAX
from firstspike_contract.core.memories import LANE_GROUP
from firstspike_contract.core.register_map import STAGE
from firstspike_hw.fabric.memory_port import MemoryPort
from firstspike_hw.fabric.weights import WeightMemory
from firstspike_hw.spikes.queue import BucketPort

from .output_record import mark_layout
from .plastic_lanes import PlasticLanes, operation_layout, taps, turned
from .replay import Replay
from .row_bits import RowBits, row_bits_layout
from .votes import Votes, delta_layout

__all__ = ["StageLearning", "weight_write_layout"]

CHANCE_BITS = STAGE["CHANCE"].kept["p"].bits
HALF = 4  # bits of a lane's number that are decoded together


def weight_write_layout(*, lanes: int, depth: int) -> data.StructLayout:
    """A write to the weight memory.

    write:   strobe: a word is written.
    address: word address; valid with write.
    word:    int8 per lane; belongs to the write of the cycle before (WeightMemory).
    """
    return data.StructLayout({"write": 1, "address": bits_for(depth - 1), "word": lanes * 8})


class StageLearning(wiring.Component):
    """The unit that replays an image's events: it reads their weight rows, moves them and writes them back. Ports:

    inputs:    in, 0 .. inputs. Register INPUTS; stable while `busy`, as are the next two.
    constants: in, 0 .. constants. Register CONSTANTS.
    rows:      in, 0 .. max_rows. Register ROWS.
    busy:      out, 1 bit. From the cycle after `start` until the last effect.
    events:    out, BucketPort. See Replay.
    times:     in, MemoryPort. See Replay.
    address:   out, 0 .. depth - 1. The weight word to read.
    data:      in, int8 per lane. The weight word that was read.
    host:      in, `weight_write_layout`. The host's writes; its word must be 0 while weights change.
    write:     out, `weight_write_layout`. What is written to the weight memory.
    outside_port, with the signature `outside`, leads out of the stage to the teacher:
      end:     in, 0 .. steps - 1. S; stable while `busy`.
      chance:  in, CHANCE_BITS. p of the layer; stable while `busy`.
      clear:   in, strobe. Sets the deltas of all neurons to 0, in as many cycles as there are rows.
      marks:   in, stream of `mark_layout`, always taken. Deltas of single neurons, one a cycle; not while `busy`.
      start:   in, strobe. Replays the image.
      busy:    out, 1 bit. A copy of the `busy` above.
      spikes:  out, BucketPort. See Replay.
      row:     out, as wide as `x` of Replay.operation. The weight row whose random bits are needed.
      bits:    in, `row_bits_layout`. The random bits of `row`, `RowBits.latency` cycles later.
      votes:   out, stream of `mark_layout`, always taken; not in the first stage. The delta of each neuron before this
               layer that spiked: marks for its stage.
    """

    DELAY = RowBits.latency  # cycles from an operation to the lanes
    READ = DELAY - WeightMemory.latency  # cycles from an operation to the weight memory's address
    BUSY = DELAY + PlasticLanes.latency + Votes.latency + 2  # cycles after the last operation until nothing moves

    def __init__(self, config: StageConfig, *, steps: int, filed: int, votes: int, events_first: bool) -> None:
        """Sizes that do not follow from `config`:

        filed: entries of the queue that the layer's spikes are filed with.
        votes: neurons before this layer; 0 in the first stage, which sends no votes.
        """
        self.config, self.before = config, votes
        neurons = config.lanes * config.max_rows
        self.replay = Replay(
            depth=config.depth,
            inputs=config.inputs,
            constants=config.constants,
            rows=config.max_rows,
            steps=steps,
            neurons=neurons,
            filed=filed,
            events_first=events_first,
        )
        self.x_bits = len(self.replay.operation.x)
        outside: dict[str, Any] = {
            "end": Out(bits_for(steps - 1)),
            "chance": Out(CHANCE_BITS),
            "clear": Out(1),
            "marks": Out(stream.Signature(mark_layout(neurons), always_ready=True)),
            "start": Out(1),
            "busy": In(1),
            "spikes": In(BucketPort(entries=filed, steps=steps)),
            "row": In(self.x_bits),
            "bits": Out(row_bits_layout()),
        }
        if votes:
            outside["votes"] = In(stream.Signature(mark_layout(votes), always_ready=True))
        self.outside = wiring.Signature(outside)
        super().__init__(
            {
                "outside_port": In(self.outside),
                "inputs": In(bits_for(config.inputs)),
                "constants": In(bits_for(config.constants)),
                "rows": In(bits_for(config.max_rows)),
                "busy": Out(1),
                "events": Out(BucketPort(entries=config.inputs, steps=steps)),
                "times": In(MemoryPort(width=bits_for(steps - 1))),
                "address": Out(bits_for(config.depth - 1)),
                "data": In(config.lanes * 8),
                "host": In(weight_write_layout(lanes=config.lanes, depth=config.depth)),
                "write": Out(weight_write_layout(lanes=config.lanes, depth=config.depth)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port = self.outside_port
        m.submodules.replay = replay = self.replay
        connect(m, flipped(self.times), replay.times)
        connect(m, replay.events, flipped(self.events))
        connect(m, replay.spikes, flipped(port.spikes))
        m.d.comb += [
            replay.inputs.eq(self.inputs),
            replay.constants.eq(self.constants),
            replay.rows.eq(self.rows),
            replay.end.eq(port.end),
            replay.start.eq(port.start),
            port.row.eq(replay.operation.x),
        ]
        left = Signal(range(self.BUSY + 1))  # cycles until the last operation has had all its effects
        with m.If(replay.busy | port.start):
            m.d.sync += left.eq(self.BUSY)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        m.d.comb += [self.busy.eq(replay.busy | (left != 0)), port.busy.eq(self.busy)]

        # Operations on their way to the lanes: those of the replay, marks from outside, or the clearing of all rows.
        coming, wipe = self._coming(m), self._wipe(m)
        passed = [coming]
        for k in range(self.DELAY + PlasticLanes.latency - 1):
            later = Signal.like(coming, name=f"coming{k}", reset_less=True)
            m.d.sync += later.eq(passed[-1])
            passed.append(later)
        m.d.comb += self.address.eq(passed[self.READ].address)
        at_lanes, known, writes = (passed[self.DELAY + n] for n in (0, PlasticLanes.known, PlasticLanes.latency - 1))
        operation, chosen = self._decoded(m, passed[self.DELAY - 2], at_lanes, wipe)
        groups = self._lanes(m, operation, chosen, self._bits(m, at_lanes))
        m.d.comb += [
            self.write.write.eq(writes.learn | self.host.write),
            self.write.address.eq(Mux(self.host.write, self.host.address, writes.address)),
            self.write.word.eq(Cat(group.word for group in groups)),
        ]
        if self.before:
            self._votes(m, known, groups)
        return m

    def _coming(self, m: Module) -> Any:
        """Returns the next operation: that of the replay, or a mark, which is a strike that gives a delta."""
        replayed, mark = self.replay.operation, self.outside_port.marks.payload
        fields = {name: field.shape for name, field in replayed.shape()}
        coming = Signal(data.StructLayout({**fields, "delta": delta_layout()}))
        m.d.comb += [getattr(coming, name).eq(getattr(replayed, name)) for name in fields]
        with m.If(self.outside_port.marks.valid):
            m.d.comb += [coming.strike.eq(1), coming.x.eq(mark.x), coming.delta.eq(mark.delta)]
        return coming

    def _wipe(self, m: Module) -> Any:
        """Clears row by row after `clear`. Returns (whether a row is cleared in this cycle, its number)."""
        rows, row, busy = self.config.max_rows, Signal(range(max(2, self.config.max_rows))), Signal()
        with m.If(self.outside_port.clear):
            m.d.sync += [row.eq(0), busy.eq(1)]
        with m.Elif(busy):
            m.d.sync += [row.eq(row + 1), busy.eq(row != rows - 1)]
        return busy, row

    def _decoded(self, m: Module, early: Any, operation: Any, wipe: Any) -> tuple[Any, Any]:
        """Returns the operation for the lanes and, a cycle later, their bits `high` and `low`, which choose lanes.

        `early` is the operation two cycles before; from it the neuron of a mark is split into row and lane.
        """
        lanes, rows = self.config.lanes, self.config.max_rows
        out = Signal(operation_layout(rows))
        row, lane = Signal(range(max(2, rows)), reset_less=True), Signal(range(max(2, lanes)), reset_less=True)
        behind: Any = sum((early.x >= k * lanes for k in range(1, rows)), Const(0))  # rows before the neuron's
        m.d.sync += [row.eq(behind), lane.eq(early.x - Array(k * lanes for k in range(rows))[behind])]
        # The two halves of the lane's number are each decoded on their own; all bits are set when a row is cleared.
        mark_row = Signal.like(row, reset_less=True)
        wiping, wiped = wipe
        high, low = Signal(-(-lanes // 2**HALF), reset_less=True), Signal(2**HALF, reset_less=True)
        m.d.sync += [
            mark_row.eq(row),
            high.eq(Cat((lane >> HALF) == k for k in range(len(high)))),
            low.eq(Cat((lane & (2**HALF - 1)) == k for k in range(len(low)))),
        ]
        far, near = Signal.like(high, reset_less=True), Signal.like(low, reset_less=True)
        m.d.sync += [far.eq(high | wiping.replicate(len(high))), near.eq(low | wiping.replicate(len(low)))]
        m.d.comb += [
            out.clear.eq(wiping),
            out.mark.eq(operation.strike & ~wiping),
            out.learn.eq(operation.learn & ~wiping),
            out.row.eq(Mux(wiping, wiped, Mux(operation.strike, mark_row, operation.row))),
            out.delta.moves.eq(operation.delta.moves & ~wiping),
            out.delta.up.eq(operation.delta.up),
        ]
        return out, (Cat(far[k >> HALF] for k in range(lanes)), Cat(near[k % 2**HALF] for k in range(lanes)))

    def _bits(self, m: Module, operation: Any) -> Any:
        """Returns `u` and `v` as the lanes of this row see them, a cycle after the operation."""
        bits = Signal(row_bits_layout(), reset_less=True)
        u, v = turned(bits, self.config.lanes)
        with m.If(operation.first):
            m.d.sync += bits.eq(self.outside_port.bits)
        with m.Else():
            m.d.sync += [bits.u.eq(u), bits.v.eq(v)]
        return bits

    def _lanes(self, m: Module, operation: Any, chosen: tuple[Any, Any], bits: Any) -> list[PlasticLanes]:
        config, groups = self.config, []
        chance = Signal(CHANCE_MAX)
        m.d.sync += chance.eq(Cat(self.outside_port.chance > k for k in range(CHANCE_MAX)))
        for first in range(0, config.lanes, LANE_GROUP):
            lanes = min(LANE_GROUP, config.lanes - first)
            group = PlasticLanes(lanes=lanes, rows=config.max_rows)
            u, v = zip(*(taps(bits, first + k) for k in range(lanes)), strict=True)
            m.submodules[f"plastic{first // LANE_GROUP}"] = group
            part = slice(first * 8, (first + lanes) * 8)
            m.d.comb += [
                group.operation.eq(operation),
                group.weights.eq(self.data[part]),
                group.high.eq(chosen[0][first : first + lanes]),
                group.low.eq(chosen[1][first : first + lanes]),
                group.u.eq(Cat(u)),
                group.v.eq(Cat(v)),
                group.chance.eq(chance),
                group.host_word.eq(self.host.word[part]),
            ]
            groups.append(group)
        return groups

    def _votes(self, m: Module, operation: Any, groups: list[PlasticLanes]) -> None:
        m.submodules.votes = votes = Votes(lanes=self.config.lanes, rows=self.config.max_rows)
        m.d.comb += [
            votes.rows.valid.eq(operation.learn & operation.spike),
            votes.rows.payload.negative.eq(Cat(group.negative for group in groups)),
            votes.rows.payload.moves.eq(Cat(group.moves for group in groups)),
            votes.rows.payload.up.eq(Cat(group.up for group in groups)),
            votes.rows.payload.last.eq(operation.last),
        ]
        neuron = operation.x
        for k in range(Votes.latency):
            later = Signal(self.x_bits, name=f"neuron{k}", reset_less=True)
            m.d.sync += later.eq(neuron)
            neuron = later
        m.d.comb += [
            self.outside_port.votes.valid.eq(votes.sum.valid),
            self.outside_port.votes.payload.x.eq(neuron),
            self.outside_port.votes.payload.delta.moves.eq(votes.sum.payload != 0),
            self.outside_port.votes.payload.delta.up.eq(votes.sum.payload > 0),
        ]
