"""Replay of an image's events in one stage, in time order: the order of work while the stage learns.

    for each step t = 0 .. S: strike out the neurons of the stage that spike at t; then every row of every event of t.
    (`events_first`: the other way round, as an event of step t may bring about a spike of step t.)

What is left when an event passes are the neurons that had not fired: no spike times are kept, and none compared. A step
costs a cycle, an event its rows, a struck neuron one cycle, and each of the two lists one more if it is not empty.
"""

from enum import IntEnum
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.fabric.memory_port import IN_LOGIC, MemoryPort
from firstspike_hw.fabric.sizes import check_sizes
from firstspike_hw.spikes.queue import BucketPort

__all__ = ["Replay", "replay_layout"]


class Phase(IntEnum):
    IDLE = 0
    BEGIN = 1  # until the queues know what there is of the first step
    STEP = 2
    STRIKE = 3
    DRIVE = 4


def replay_layout(*, depth: int, inputs: int, rows: int, neurons: int) -> data.StructLayout:
    """learn: row `row` of event x, at weight word `address`; first, last: of its rows; spike: not a constant input.

    strike: neuron x is not to change any more.
    """
    x_bits = max(bits_for(inputs - 1), bits_for(neurons - 1))
    fields = {"learn": 1, "strike": 1, "x": x_bits, "row": bits_for(rows - 1), "first": 1, "last": 1, "spike": 1}
    return data.StructLayout({**fields, "address": bits_for(depth - 1)})


class Replay(wiring.Component):
    """Ports, all stable during a replay unless said otherwise:

    inputs, constants, rows: sizes of the layer. end: S.
    start: strobe; both queues are rewound in the same cycle. busy: from the cycle after it to the last operation.
    events: the calendar queue of the layer's inputs. spikes: the one that its own spikes were filed with.
    operation: registered.
    times: host port of the constant inputs' times (written only).
    """

    def __init__(
        self,
        *,
        depth: int,
        inputs: int,
        constants: int,
        rows: int,
        steps: int,
        neurons: int,
        filed: int,
        events_first: bool,
    ) -> None:
        """neurons: of the stage. filed: entries of the queue that its spikes are filed with."""
        check_sizes(self, depth=depth, inputs=inputs, constants=constants, rows=rows, steps=steps, neurons=neurons)
        check_sizes(self, filed=filed)
        self.max_constants, self.events_first = constants, events_first
        t_bits = bits_for(steps - 1)
        super().__init__(
            {
                "inputs": In(bits_for(inputs)),
                "constants": In(bits_for(constants)),
                "rows": In(bits_for(rows)),
                "end": In(t_bits),
                "start": In(1),
                "busy": Out(1),
                "events": Out(BucketPort(entries=inputs, steps=steps)),
                "spikes": Out(BucketPort(entries=filed, steps=steps)),
                "operation": Out(replay_layout(depth=depth, inputs=inputs, rows=rows, neurons=neurons)),
                "times": In(MemoryPort(width=t_bits)),
            }
        )

    @staticmethod
    def model(events: list[int], spikes: list[int], rows: int, end: int) -> int:
        """Cycles `busy`. events: number at each step, constant ones included; spikes: of the layer itself."""
        steps = zip(events[: end + 1], spikes[: end + 1], strict=True)
        return 1 + sum(1 + (s + 1 if s else 0) + (n * rows + 1 if n else 0) for n, s in steps)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        phase, t, r = Signal(Phase), Signal.like(self.end), Signal.like(self.rows)
        last_row, final_row = Signal(), Signal.like(self.rows)
        m.d.sync += final_row.eq(self.rows - 1)
        m.d.comb += [last_row.eq(r == final_row), self.busy.eq(phase != Phase.IDLE)]
        operation, offset, stride = (
            self.operation,
            Signal.like(self.operation.address),
            Signal(len(self.events.events.payload) + 1),
        )
        m.d.sync += stride.eq(self.inputs + self.constants)
        due, constant_x = self._constants(m, t)
        is_spike = self.events.events.valid
        x = Mux(is_spike, self.events.events.payload, constant_x)
        m.d.sync += [
            operation.learn.eq(0),
            operation.strike.eq(0),
            operation.x.eq(x),
            operation.row.eq(r),
            operation.first.eq(r == 0),
            operation.last.eq(last_row),
            operation.spike.eq(is_spike),
            operation.address.eq(x + offset),
        ]

        has_events, has_spikes = self.events.occupied | due, self.spikes.occupied

        def drive() -> None:
            m.d.comb += self.events.open.eq(1)
            m.d.sync += phase.eq(Phase.DRIVE)

        def strike() -> None:
            m.d.comb += self.spikes.open.eq(1)
            m.d.sync += phase.eq(Phase.STRIKE)

        def next_step() -> None:
            m.d.comb += [self.events.advance.eq(1), self.spikes.advance.eq(1)]
            m.d.sync += [t.eq(t + 1), phase.eq(Phase.STEP)]
            with m.If(t == self.end):
                m.d.sync += phase.eq(Phase.IDLE)

        def then(has: Any, what: Any) -> None:
            with m.If(has):
                what()
            with m.Else():
                next_step()

        with m.Switch(phase):
            with m.Case(Phase.BEGIN):
                m.d.sync += phase.eq(Phase.STEP)
            with m.Case(Phase.STEP):
                first, second = ((has_events, drive), (has_spikes, strike))[:: 1 if self.events_first else -1]
                with m.If(first[0]):
                    first[1]()
                with m.Else():
                    then(*second)
            with m.Case(Phase.STRIKE):
                m.d.comb += self.spikes.events.ready.eq(1)
                m.d.sync += [operation.strike.eq(self.spikes.events.valid), operation.x.eq(self.spikes.events.payload)]
                with m.If(~self.spikes.events.valid):
                    if self.events_first:
                        next_step()
                    else:
                        then(has_events, drive)
            with m.Case(Phase.DRIVE):
                with m.If(~is_spike & ~due):
                    if self.events_first:
                        then(has_spikes, strike)
                    else:
                        next_step()
                with m.Else():
                    m.d.sync += [operation.learn.eq(1), offset.eq(offset + stride), r.eq(r + 1)]
                    with m.If(last_row):
                        m.d.sync += [offset.eq(0), r.eq(0)]
                        m.d.comb += self.events.events.ready.eq(1)
                        with m.If(~is_spike):
                            m.d.sync += [self.passed.eq(self.passed + 1), constant_x.eq(constant_x + 1)]
        with m.If(self.start):
            m.d.sync += [t.eq(0), r.eq(0), offset.eq(0), phase.eq(Phase.BEGIN)]
            m.d.sync += [self.passed.eq(0), constant_x.eq(self.inputs)]
        return m

    def _constants(self, m: Module, t: Any) -> tuple[Signal, Signal]:
        """Whether a constant input is due at this step, and its row; they come after the step's spikes."""
        m.submodules.times = memory = Memory(
            shape=self.times.word.shape(), depth=self.max_constants, init=[], attrs=IN_LOGIC
        )
        read, write = memory.read_port(domain="comb"), memory.write_port()
        self.passed = Signal.like(self.constants)
        m.d.comb += [
            read.addr.eq(self.passed),
            write.addr.eq(self.times.address),
            write.data.eq(self.times.word),
            write.en.eq(self.times.write),
        ]
        due, x = Signal(), Signal.like(self.operation.x)
        m.d.comb += due.eq((self.passed != self.constants) & (read.data == t))
        return due, x
