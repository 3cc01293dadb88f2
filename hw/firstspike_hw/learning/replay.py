"""Replay: repeats an image's events in one stage, in time order, while the stage learns.

    for each step t = 0 .. S: strike out the neurons of the stage that spike at t; then every row of every event of t.

With `events_first` a step's events come before its strikes, since an event of step t can cause a spike at step t.

When an event passes, the neurons that are not struck out had not fired before it. Therefore no spike time is stored and
none is compared. A step takes one cycle, an event one cycle for each row, a strike one cycle, and each of the two lists
one cycle more if it is not empty.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.fabric.memory_port import IN_LOGIC, MemoryPort
from firstspike_hw.fabric.sizes import check_sizes
from firstspike_hw.spikes.queue import BucketPort

__all__ = ["Replay", "ReplayedImage", "replay_layout"]


class Phase(IntEnum):
    """Phases of a replay."""

    IDLE = 0
    BEGIN = 1  # until the queues know whether the first step has events
    STEP = 2
    STRIKE = 3
    DRIVE = 4


def replay_layout(*, depth: int, inputs: int, rows: int, neurons: int) -> data.StructLayout:
    """An operation: at most one of learn and strike.

    learn:   row `row` of event x, at weight word `address`, may change.
    strike:  neuron x must not change any more.
    x:       input of a learn, neuron of a strike.
    row:     row of neurons of a learn.
    first:   it is the first row of its event.
    last:    it is the last row of its event.
    spike:   the event is a spike; otherwise it is of a constant input.
    address: weight word.
    """
    x_bits = max(bits_for(inputs - 1), bits_for(neurons - 1))
    fields = {"learn": 1, "strike": 1, "x": x_bits, "row": bits_for(rows - 1), "first": 1, "last": 1, "spike": 1}
    return data.StructLayout({**fields, "address": bits_for(depth - 1)})


class ReplayedImage(NamedTuple):
    """An image as a learning stage replays it, in the model.

    events:    (t, x) of the layer's input spikes, in the order of filing.
    spikes:    (t, x) of the layer's own spikes, in the order of filing.
    constants: times of the constant inputs, ascending.
    inputs:    number of the layer's inputs.
    rows:      number of its rows of neurons.
    end:       S, the last step.
    """

    events: list[tuple[int, int]]
    spikes: list[tuple[int, int]]
    constants: list[int]
    inputs: int
    rows: int
    end: int


class Replay(wiring.Component):
    """The order of work of a stage that learns. Ports:

    inputs:    in, 0 .. inputs. Register INPUTS; stable during a replay, as are the next three.
    constants: in, 0 .. constants. Register CONSTANTS.
    rows:      in, 0 .. rows. Register ROWS.
    end:       in, 0 .. steps - 1. S.
    start:     in, strobe. Begins a replay; both queues are rewound in the same cycle.
    busy:      out, 1 bit. High from the cycle after `start` to the last decision about an operation.
    events:    out, BucketPort. The calendar queue of the layer's inputs.
    spikes:    out, BucketPort. The calendar queue that holds the layer's own spikes.
    operation: out, `replay_layout`, registered.
    times:     in, MemoryPort. Times of the constant inputs; the host only writes them here.
    """

    latency = 1  # cycles from a decision here to `operation`

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
        """depth, inputs, constants, rows: largest sizes of the layer, as in StageConfig.

        steps:        largest T.
        neurons:      neurons of the stage.
        filed:        entries of the queue that holds the stage's own spikes.
        events_first: a step's events come before its strikes (kernel `step`).
        """
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

    def model(self, inputs: Sequence[ReplayedImage]) -> list[tuple[Any, ...]]:
        """Takes images; returns ("strike", x) and ("learn", x, row, first, last, spike, address) in order."""
        found: list[tuple[Any, ...]] = []
        for image in inputs:
            rows, stride = range(image.rows), image.inputs + len(image.constants)
            for t in range(image.end + 1):
                strikes = [("strike", x) for when, x in reversed(image.spikes) if when == t]
                xs = [(x, True) for when, x in reversed(image.events) if when == t]
                xs += [(image.inputs + k, False) for k, when in enumerate(image.constants) if when == t]
                learns = [
                    ("learn", x, row, row == 0, row == image.rows - 1, spike, row * stride + x)
                    for x, spike in xs
                    for row in rows
                ]
                found += learns + strikes if self.events_first else strikes + learns
        return found

    def cycles(self, image: ReplayedImage) -> int:
        """Returns the number of cycles in which `busy` stands."""
        cycles = 1
        for t in range(image.end + 1):
            events = sum(when == t for when, _ in image.events) + image.constants.count(t)
            spikes = sum(when == t for when, _ in image.spikes)
            cycles += 1 + (spikes + 1 if spikes else 0) + (events * image.rows + 1 if events else 0)
        return cycles

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Signals that the methods below share.
        self._phase, self._t, self._row = Signal(Phase), Signal.like(self.end), Signal.like(self.rows)
        self._last_row = Signal()
        # Distances in weight words: from one row of an event to the next, and from its first row to this one.
        self._stride = Signal(len(self.events.events.payload) + 1)
        self._offset = Signal.like(self.operation.address)
        self._due, self._constant_x = Signal(), Signal.like(self.operation.x)  # a constant input is due; its row
        self._passed = Signal.like(self.constants)  # constant inputs so far
        final_row = Signal.like(self.rows)
        m.d.sync += [final_row.eq(self.rows - 1), self._stride.eq(self.inputs + self.constants)]
        m.d.comb += [self._last_row.eq(self._row == final_row), self.busy.eq(self._phase != Phase.IDLE)]
        self._look_for_constants(m)
        self._prepare_operation(m)
        with m.Switch(self._phase):
            with m.Case(Phase.BEGIN):
                m.d.sync += self._phase.eq(Phase.STEP)
            with m.Case(Phase.STEP):
                self._go_on(m, self._order)
            with m.Case(Phase.STRIKE):
                self._strike(m)
            with m.Case(Phase.DRIVE):
                self._drive(m)
        with m.If(self.start):
            m.d.sync += [self._t.eq(0), self._row.eq(0), self._offset.eq(0), self._phase.eq(Phase.BEGIN)]
            m.d.sync += [self._passed.eq(0), self._constant_x.eq(self.inputs)]
        return m

    @property
    def _order(self) -> tuple[Phase, ...]:
        """The order within a step.

        An event has a part in a spike if it came before it. Where events act at once, an event of the same step has
        one, too.
        """
        return (Phase.DRIVE, Phase.STRIKE) if self.events_first else (Phase.STRIKE, Phase.DRIVE)

    def _look_for_constants(self, m: Module) -> None:
        """Looks up whether a constant input is due at this step. Constant inputs come after the step's spikes."""
        m.submodules.times = memory = Memory(
            shape=self.times.word.shape(), depth=self.max_constants, init=[], attrs=IN_LOGIC
        )
        read, write = memory.read_port(domain="comb"), memory.write_port()
        m.d.comb += [
            read.addr.eq(self._passed),
            write.addr.eq(self.times.address),
            write.data.eq(self.times.word),
            write.en.eq(self.times.write),
            self._due.eq((self._passed != self.constants) & (read.data == self._t)),
        ]

    def _prepare_operation(self, m: Module) -> None:
        """Prepares the operation of the event on offer, for the case that it is used."""
        operation, event = self.operation, self.events.events
        x = Mux(event.valid, event.payload, self._constant_x)
        m.d.sync += [
            operation.learn.eq(0),
            operation.strike.eq(0),
            operation.x.eq(x),
            operation.row.eq(self._row),
            operation.first.eq(self._row == 0),
            operation.last.eq(self._last_row),
            operation.spike.eq(event.valid),
            operation.address.eq(x + self._offset),
        ]

    def _strike(self, m: Module) -> None:
        """Strikes out the neurons that fired at this step."""
        spike = self.spikes.events
        m.d.comb += spike.ready.eq(1)
        m.d.sync += [self.operation.strike.eq(spike.valid), self.operation.x.eq(spike.payload)]
        with m.If(~spike.valid):
            self._go_on(m, self._after(Phase.STRIKE))

    def _drive(self, m: Module) -> None:
        """Passes the rows of each event of this step."""
        event = self.events.events
        with m.If(~event.valid & ~self._due):
            self._go_on(m, self._after(Phase.DRIVE))
        with m.Else():
            m.d.sync += [self.operation.learn.eq(1), self._offset.eq(self._offset + self._stride)]
            m.d.sync += self._row.eq(self._row + 1)
            with m.If(self._last_row):
                m.d.sync += [self._offset.eq(0), self._row.eq(0)]
                m.d.comb += event.ready.eq(1)
                with m.If(~event.valid):
                    m.d.sync += [self._passed.eq(self._passed + 1), self._constant_x.eq(self._constant_x + 1)]

    def _after(self, phase: Phase) -> tuple[Phase, ...]:
        return self._order[self._order.index(phase) + 1 :]

    def _go_on(self, m: Module, phases: tuple[Phase, ...]) -> None:
        """Goes to the first of these phases that has work at this step, or else to the next step."""
        if not phases:
            m.d.comb += [self.events.advance.eq(1), self.spikes.advance.eq(1)]
            m.d.sync += [self._t.eq(self._t + 1), self._phase.eq(Phase.STEP)]
            with m.If(self._t == self.end):
                m.d.sync += self._phase.eq(Phase.IDLE)
            return
        first, *others = phases
        bucket = self.events if first == Phase.DRIVE else self.spikes
        with m.If(bucket.occupied | self._due if first == Phase.DRIVE else bucket.occupied):
            m.d.comb += bucket.open.eq(1)
            m.d.sync += self._phase.eq(first)
        with m.Else():
            self._go_on(m, tuple(others))
