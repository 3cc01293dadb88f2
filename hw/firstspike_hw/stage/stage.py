"""A stage: the hardware of one layer. Data pass its queue, sequencer, tables, weights and lanes, in this order.

Tested by tests/hw/core/test_core.py.
"""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import bits_for

from firstspike_contract import StageConfig
from firstspike_contract.core.memories import LANE_GROUP, TABLE_WORD, beats_per_word
from firstspike_contract.core.register_map import Memory as Kind
from firstspike_contract.core.stream_format import BEAT_BITS
from firstspike_hw.fabric.memory_port import MemoryPort
from firstspike_hw.fabric.relay import Relay, relayed
from firstspike_hw.fabric.weights import WeightMemory
from firstspike_hw.learning.stage_learning import StageLearning, weight_write_layout
from firstspike_hw.spikes.filing import filed_layout
from firstspike_hw.spikes.queue import BucketPort, CalendarQueue
from firstspike_hw.spikes.serialiser import Serialiser, row_layout
from firstspike_hw.spikes.spike import spike_layout

from .issue import counts_layout, stop_layout
from .lanes import lanes_for, operation_layout
from .sequencer import Sequencer
from .step_tables import StepTables

__all__ = ["Stage", "layer_layout"]


def layer_layout(config: StageConfig) -> data.StructLayout:
    """Sizes of the layer that a stage holds: the registers of these names in docs/core.md."""
    neurons = config.lanes * config.max_rows
    return data.StructLayout(
        {
            "inputs": bits_for(config.inputs),
            "constants": bits_for(config.constants),
            "outputs": bits_for(neurons),
            "rows": bits_for(config.max_rows),
        }
    )


class Stage(wiring.Component):
    """One layer of a network. A row leaves `row_latency` cycles after the sequencer decided on it. Ports:

    layer:     in, `layer_layout`. Sizes of the layer; stable during an image.
    steps:     in, 0 .. steps. T; stable during an image.
    first:     in, 1 bit. Events come from `source`; otherwise they come from `filed`.
    source:    out, BucketPort. The events of the image.
    filed:     in, stream of `filed_layout`, always taken. Spikes of the stage before; not in the first stage.
    start, clear, stop, decided, tracing, spikes, finished, counts, rows_read: see Sequencer.
    rows:      out, stream of `row_layout`, always taken. Walked rows; those on their way at `clear` still come.
    row_taken: in, strobe. Acknowledges a row; at most Serialiser.depth rows are outstanding.
    weights:   in, MemoryPort. Weight words, for the host.
    tables:    in, MemoryPort. Tables, for the host.
    times:     in, MemoryPort. Times of the constant inputs, for the host.
    Only if it learns, the last two not in the first stage:
    learning:  in, `StageLearning.outside`. The ports of StageLearning that lead out of the stage.
    record:    in, BucketPort. The queue of `filed`. The stage before reads its own spikes there, while this one rests.
    rewind:    in, strobe. Takes that queue back to its first step.
    """

    def __init__(
        self, config: StageConfig, *, steps: int, queue_inputs: int | None, value_bits: int = 0, filed: int = 0
    ) -> None:
        """Sizes that do not follow from `config`:

        queue_inputs: largest number of neurons of the stages before; None for the first stage.
        value_bits:   bits of V - th in the rows; 0 if rows carry no values.
        filed:        entries of the queues that its spikes may be filed with; 0 if it does not learn.
        """
        self.config, self.max_steps, self.queue_inputs, self.value_bits = config, steps, queue_inputs, value_bits
        self.lanes = lanes_for(config.kernels)
        self.row_latency = Sequencer.latency + WeightMemory.latency + config.wide * Relay.latency + self.lanes.latency
        self.row = row_layout(lanes=config.lanes, rows=config.max_rows, steps=steps, value_bits=value_bits)
        weight_width = BEAT_BITS * beats_per_word(Kind.WEIGHTS, config)
        ports = {
            "layer": In(layer_layout(config)),
            "steps": In(bits_for(steps)),
            "first": In(1),
            "start": In(1),
            "clear": In(1),
            "stop": In(stop_layout(steps)),
            "source": Out(BucketPort(entries=config.inputs, steps=steps)),
            "tracing": In(1),
            "spikes": Out(stream.Signature(spike_layout(steps))),
            "rows": Out(stream.Signature(self.row, always_ready=True)),
            "row_taken": In(1),
            "finished": Out(1),
            "counts": Out(counts_layout()),
            "rows_read": Out(16),
            "weights": In(MemoryPort(width=weight_width)),
            "tables": In(MemoryPort(width=TABLE_WORD.bits)),
            "times": In(MemoryPort(width=bits_for(steps - 1))),
        }
        if queue_inputs is not None:
            of_spikes = filed_layout(neurons=queue_inputs, steps=steps)
            ports["filed"] = In(stream.Signature(of_spikes, always_ready=True))
        self.unit: StageLearning | None = None
        if filed:
            self.unit = StageLearning(
                config, steps=steps, filed=filed, votes=queue_inputs or 0, events_first=self.lanes.acts_at_once
            )
            ports |= {"learning": In(self.unit.outside), "decided": In(bits_for(steps - 1))}
            if queue_inputs is not None:
                ports |= {"record": In(BucketPort(entries=config.inputs, steps=steps)), "rewind": In(1)}
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m, config = Module(), self.config
        m.submodules.sequencer = sequencer = Sequencer(
            depth=config.depth,
            inputs=config.inputs,
            constants=config.constants,
            rows=config.max_rows,
            steps=self.max_steps,
            events_first=self.lanes.acts_at_once,
            learns=self.unit is not None,
        )
        connect(m, flipped(self.times), sequencer.times)
        if self.unit is not None:
            m.d.comb += sequencer.decided.eq(self.decided)
            self._learning(m, self.unit)
        m.d.comb += [
            sequencer.steps.eq(self.steps),
            sequencer.inputs.eq(self.layer.inputs),
            sequencer.constants.eq(self.layer.constants),
            sequencer.rows.eq(self.layer.rows),
            sequencer.start.eq(self.start),
            sequencer.clear.eq(self.clear),
            sequencer.stop.eq(self.stop),
            sequencer.tracing.eq(self.tracing),
            self.spikes.valid.eq(sequencer.spikes.valid),
            self.spikes.payload.t.eq(sequencer.spikes.payload.t),
            self.spikes.payload.x.eq(sequencer.spikes.payload.x),
            sequencer.spikes.ready.eq(self.spikes.ready),
            self.finished.eq(sequencer.finished),
            self.counts.eq(sequencer.counts),
            self.rows_read.eq(sequencer.rows_read),
        ]
        self._source(m, sequencer)
        self._room(m, sequencer)
        fires, values, tail = self._lanes(m, sequencer.issue)
        m.d.comb += [
            self.rows.valid.eq(tail.walk),
            self.rows.payload.fires.eq(fires),
            self.rows.payload.row.eq(tail.row),
            self.rows.payload.t.eq(tail.t),
            self.rows.payload.last.eq(tail.last),
        ]
        if self.value_bits:
            m.d.comb += self.rows.payload.values.eq(values)
        return m

    def _source(self, m: Module, sequencer: Any) -> None:
        """Connects the sequencer to `source`, or to the queue of the spikes that the stage before has filed."""
        buckets: list[tuple[Any, Any]] = [(self.source, Const(1))]  # (queue, whether it is in use)
        if self.queue_inputs is not None:
            m.submodules.queue = queue = self._queue(m)
            horizon = self._filed_horizon(m)
            first = Signal()  # a copy, for fan-out
            m.d.sync += first.eq(self.first)
            buckets = [(self.source, first), (queue, ~first)]
            m.d.sync += sequencer.horizon.eq(Mux(first, self.source.horizon, horizon))
        else:
            m.d.sync += sequencer.horizon.eq(self.source.horizon)
        # The readers of the events. One of them works at a time, and the others ask for nothing.
        readers = [sequencer] if self.unit is None else [sequencer, self.unit.events]
        for bucket, chosen in buckets:
            asking = [(reader, chosen) for reader in readers]
            if self.unit is not None and bucket is not self.source:
                asking.append((self.record, Const(1)))
            m.d.comb += _asked(bucket, asking)
            with m.If(chosen):
                m.d.comb += sequencer.events.payload.eq(bucket.events.payload)
        # a queue that is not in use offers nothing
        m.d.comb += [
            sequencer.occupied.eq(Cat(bucket.occupied & chosen for bucket, chosen in buckets).any()),
            sequencer.events.valid.eq(Cat(bucket.events.valid & chosen for bucket, chosen in buckets).any()),
        ]
        if self.unit is not None:
            m.d.comb += _shown(self.unit.events, sequencer)
            if self.queue_inputs is not None:
                m.d.comb += [*_shown(self.record, queue), queue.rewind.eq(self.rewind)]

    def _queue(self, m: Module) -> CalendarQueue:
        """Builds the calendar queue of the spikes that the stage before files."""
        queue = CalendarQueue(entries=self.config.inputs, steps=self.max_steps, rewinds=self.unit is not None)
        filed = self.filed
        m.d.comb += [
            queue.clear.eq(self.clear),
            queue.push.valid.eq(filed.valid & filed.payload.spike),
            queue.push.payload.t.eq(filed.payload.t),
            queue.push.payload.x.eq(filed.payload.x),
        ]
        return queue

    def _filed_horizon(self, m: Module) -> Signal:
        """Returns the horizon that the stage before sent with its latest end of a step."""
        horizon = Signal(bits_for(self.max_steps))
        with m.If(self.filed.valid & self.filed.payload.done):
            m.d.sync += horizon.eq(self.filed.payload.horizon)
        with m.If(self.clear):
            m.d.sync += horizon.eq(0)
        return horizon

    def _learning(self, m: Module, unit: StageLearning) -> None:
        m.submodules.learning = unit
        connect(m, flipped(self.learning), unit.outside_port)
        m.d.comb += [
            unit.inputs.eq(self.layer.inputs),
            unit.constants.eq(self.layer.constants),
            unit.rows.eq(self.layer.rows),
            unit.times.address.eq(self.times.address),
            unit.times.word.eq(self.times.word),
            unit.times.write.eq(self.times.write),
        ]

    def _room(self, m: Module, sequencer: Any) -> None:
        """Counts the rows on their way to the serialiser's queue and in it.

        `room` leaves places for the two rows that may follow before the sequencer notices that the queue is full.
        """
        outstanding, now = Signal(range(Serialiser.depth + 1)), Signal(range(Serialiser.depth + 1))
        taken = Signal()
        m.d.comb += now.eq(outstanding + sequencer.issue.walk - taken)
        m.d.sync += [
            taken.eq(self.row_taken & ~self.clear),
            outstanding.eq(now),
            sequencer.room.eq(now <= Serialiser.depth - 2),
        ]
        with m.If(self.clear):
            m.d.sync += [outstanding.eq(0), sequencer.room.eq(0)]

    def _lanes(self, m: Module, issue: Any) -> tuple[Any, Any, Any]:
        """Builds the memories and the groups of lanes. Returns fires, values, and the issue that they answer."""
        config = self.config
        m.submodules.weights = weights = WeightMemory(width=config.lanes * 8, depth=config.depth, wide=config.wide)
        host, address = self.weights, issue.address
        write = Signal(weight_write_layout(lanes=config.lanes, depth=config.depth))
        m.d.comb += [write.write.eq(host.write), write.address.eq(host.address), write.word.eq(host.word)]
        if self.unit is not None:
            address = Mux(self.unit.busy, self.unit.address, address)
            m.d.comb += [self.unit.data.eq(weights.data), self.unit.host.eq(write)]
            write = self.unit.write
        m.d.comb += [
            weights.address.eq(Mux(host.active, host.address, address)),
            weights.write_address.eq(write.address),
            weights.write_data.eq(write.word),
            weights.write.eq(write.write),
            host.data.eq(weights.data),
        ]
        m.submodules.tables = tables = StepTables(
            lanes=self.lanes, v_bits=config.v_bits, steps=self.max_steps, wide=config.wide
        )
        connect(m, flipped(self.tables), tables.host)
        m.d.comb += tables.t.eq(issue.t)
        table = tables.table

        issues = [issue]
        for k in range(self.row_latency - Sequencer.latency):
            later = Signal.like(issue, name=f"issue{k}")
            m.d.sync += later.eq(issues[-1])
            issues.append(later)
        now = issues[WeightMemory.latency]

        fires, values = [], []
        near = self._relayed_operation(m, now, table) if config.wide else []
        for k, lsb in enumerate(range(0, config.lanes, LANE_GROUP)):
            lanes = min(LANE_GROUP, config.lanes - lsb)
            group = self.lanes(
                lanes=lanes, rows=config.max_rows, a_bits=config.a_bits, v_bits=config.v_bits, ring=config.ring
            )
            m.submodules[f"lanes{k}"] = group
            if near:
                m.d.comb += group.operation.eq(near[k])
            else:
                m.d.comb += _operation(group.operation, now, table)
            m.d.comb += group.weights.eq(weights.data[lsb * 8 : (lsb + lanes) * 8])
            fires.append(group.fires)
            values.append(group.values.as_value())
        return Cat(fires), Cat(values), issues[-1]

    def _relayed_operation(self, m: Module, issue: Any, table: Any) -> list[Any]:
        """Returns the operation for each group of lanes, a cycle later."""
        config = self.config
        operation = Signal(operation_layout(rows=config.max_rows, v_bits=config.v_bits))
        m.d.comb += _operation(operation, issue, table)
        return relayed(m, "relay{n}", operation, -(-config.lanes // LANE_GROUP))


def _operation(operation: Any, issue: Any, table: Any) -> list[Any]:
    """Returns the assignments of the lanes' operation: the sequencer's issue, with the table entry of its step."""
    return [
        operation.clear.eq(issue.clear),
        operation.drive.eq(issue.drive),
        operation.walk.eq(issue.walk),
        operation.row.eq(issue.row),
        *(getattr(operation, name).eq(getattr(table, name)) for name, _ in table.shape()),
    ]


def _asked(bucket: Any, readers: list[tuple[Any, Any]]) -> list[Any]:
    """Returns the assignments of the readers' requests to a source of events.

    readers: each reader, and whether it asks this source.
    """
    return [
        bucket.advance.eq(reduce(or_, (reader.advance & asks for reader, asks in readers))),
        bucket.open.eq(reduce(or_, (reader.open & asks for reader, asks in readers))),
        bucket.events.ready.eq(reduce(or_, (reader.events.ready & asks for reader, asks in readers))),
    ]


def _shown(reader: Any, source: Any) -> list[Any]:
    """Returns the assignments of a source's events to a reader."""
    return [
        reader.occupied.eq(source.occupied),
        reader.events.valid.eq(source.events.valid),
        reader.events.payload.eq(source.events.payload),
    ]
