"""Replay of an image's events in one stage, in time order: the order of work while the stage learns.

    for each step t = 0 .. S: strike out the neurons of the stage that spike at t; then every row of every event of t.
    (`events_first`: the other way round, as an event of step t may bring about a spike of step t.)

What is left when an event passes are the neurons that had not fired: no spike times are kept, and none compared. A step
costs a cycle, an event its rows, a struck neuron one cycle, and each of the two lists one more if it is not empty.
"""

from enum import IntEnum

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
        # What the parts below share.
        self._phase, self._t, self._row = Signal(Phase), Signal.like(self.end), Signal.like(self.rows)
        self._last_row = Signal()
        # Words from one row of an event to the next, and from the first one to this one.
        self._stride = Signal(len(self.events.events.payload) + 1)
        self._offset = Signal.like(self.operation.address)
        self._due, self._constant_x = Signal(), Signal.like(self.operation.x)  # a constant input is next; its row
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
        """Of a step: a synapse has a part in a spike if its event came before, or with it where events act at once."""
        return (Phase.DRIVE, Phase.STRIKE) if self.events_first else (Phase.STRIKE, Phase.DRIVE)

    def _look_for_constants(self, m: Module) -> None:
        """Constant inputs come after the step's spikes."""
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
        """Of the event on offer, in case it is driven."""
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
        """Neurons that fired at this step are not to change any more."""
        spike = self.spikes.events
        m.d.comb += spike.ready.eq(1)
        m.d.sync += [self.operation.strike.eq(spike.valid), self.operation.x.eq(spike.payload)]
        with m.If(~spike.valid):
            self._go_on(m, self._after(Phase.STRIKE))

    def _drive(self, m: Module) -> None:
        """The rows of each event of this step."""
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
        """To the first of these that has anything to do at this step, or else to the next step."""
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
