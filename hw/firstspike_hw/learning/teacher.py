"""Teacher: the part of a core that learns. It records an image's outputs and lets stage after stage change weights.

Tested by tests/hw/learning/test_learning.py.
"""

from enum import IntEnum
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import bits_for

from firstspike_contract import CoreConfig
from firstspike_hw.spikes.decision import output_layout, verdict_layout
from firstspike_hw.spikes.queue import BucketPort

from .output_record import OutputRecord
from .row_bits import RowBits
from .stage_learning import CHANCE_BITS, StageLearning

__all__ = ["Teacher", "filed_entries", "settings_layout"]


class Phase(IntEnum):
    IDLE = 0
    LABEL = 1  # the output of the label is marked
    STAGE = 2  # a stage begins, from the last one in use to the first
    BUSY = 3
    DONE = 4


def filed_entries(config: CoreConfig, k: int) -> int:
    """Returns the entries of the largest queue that may hold the spikes of stage k.

    That is the queue of a later stage; for the last stage it is the record of the outputs.
    """
    last = config.stages[-1]
    later = [stage.inputs for stage in config.stages[k + 1 :]]
    return max(later) if later else last.lanes * last.max_rows


def settings_layout() -> data.StructLayout:
    """Settings of learning.

    margin: steps that a learning image runs on after D.
    late:   latest step D that is soon enough.
    seed:   seed of the random bits.
    count:  learning images so far.
    """

    return data.StructLayout({"margin": 8, "late": 8, "seed": 32, "count": 32})


class Teacher(wiring.Component):
    """The unit that lets the stages change their weights, from the last one in use to the first. Ports:

    steps:     in, 0 .. max_steps. T; stable while the core is not idle.
    used:      in, 1 bit per stage. The stage holds a layer; stable while the core is not idle.
    settings:  in, `settings_layout`. Stable while the core is not idle.
    label:     in, 16 bits. Label of the image; stable during it.
    learns:    in, 1 bit. The image is a learning image; stable during it.
    begin:     in, strobe. An image starts.
    clear:     in, strobe. The image is over.
    outputs:   in, stream of `output_layout`, always taken. Decision.messages.
    verdict:   in, `verdict_layout`. Decision.verdict.
    end:       out, 0 .. max_steps - 1. OutputRecord.end; means nothing if the image does not learn.
    complete:  out, 1 bit. OutputRecord.complete; 1 if the image does not learn.
    triggered: out, 1 bit. OutputRecord.triggered; means nothing if the image does not learn.
    start:     in, strobe. Starts to change the weights.
    done:      out, 1 bit. All changes are written; set until `clear`.
    rewind:    out, strobe. Takes the queues back to their first step.
    stage<k>:  out, `StageLearning.outside`. The learning part of stage k.
    chance<k>: in, CHANCE_BITS. p of stage k.
    record<k>: out, BucketPort; not for k = 0. The queue of stage k, in which the used stage before it has its spikes.
    """

    def __init__(self, config: CoreConfig, stages: list[StageLearning]) -> None:
        self.config = config
        last = config.stages[-1]
        self.neurons = last.lanes * last.max_rows
        steps = config.max_steps
        ports: dict[str, Any] = {
            "steps": In(bits_for(steps)),
            "used": In(len(stages)),
            "settings": In(settings_layout()),
            "label": In(16),
            "learns": In(1),
            "begin": In(1),
            "clear": In(1),
            "outputs": In(stream.Signature(output_layout(self.neurons, steps), always_ready=True)),
            "verdict": In(verdict_layout(steps)),
            "end": Out(bits_for(steps - 1)),
            "complete": Out(1),
            "triggered": Out(1),
            "start": In(1),
            "done": Out(1),
            "rewind": Out(1),
        }
        for k, unit in enumerate(stages):
            ports[f"stage{k}"] = Out(unit.outside)
            ports[f"chance{k}"] = In(CHANCE_BITS)
            if k:
                ports[f"record{k}"] = Out(BucketPort(entries=config.stages[k].inputs, steps=steps))
        super().__init__(ports)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = len(self.config.stages)
        stages = [getattr(self, f"stage{k}") for k in range(count)]
        m.submodules.record = record = OutputRecord(neurons=self.neurons, steps=self.config.max_steps)
        m.submodules.bits = bits = RowBits(
            inputs=max(stage.inputs for stage in self.config.stages), layers=len(self.config.stages)
        )
        connect(m, flipped(self.outputs), record.spikes)
        m.d.comb += [
            record.steps.eq(self.steps),
            record.label.eq(self.label),
            record.margin.eq(self.settings.margin),
            record.late.eq(self.settings.late),
            record.verdict.eq(self.verdict),
            record.clear.eq(self.clear | self.begin),
            record.rewind.eq(self.rewind),
            self.end.eq(record.end),
            self.complete.eq(record.complete | ~self.learns),
            self.triggered.eq(record.triggered),
            bits.seed.eq(self.settings.seed),
            bits.count.eq(self.settings.count),
            bits.start.eq(self.begin),
        ]
        now = self._course(m, stages, bits)
        self._rows(m, stages, bits, now)
        self._marks(m, stages, record)
        self._spikes(m, stages, record, now)
        return m

    def _course(self, m: Module, stages: list[Any], bits: RowBits) -> Signal:
        """Starts the stages, from the last one in use to the first. Returns which one is at work, 1 bit per stage."""
        count = len(stages)
        phase, now = Signal(Phase), Signal(count)
        waited = Signal(range(StageLearning.BUSY + 1))
        self.mark_label = Signal()
        with m.Switch(phase):
            with m.Case(Phase.IDLE), m.If(self.start):
                m.d.sync += [phase.eq(Phase.LABEL), now.eq(1 << (count - 1)), waited.eq(0)]
            with m.Case(Phase.LABEL):
                m.d.comb += self.mark_label.eq(waited == 0)
                m.d.sync += waited.eq(waited + 1)
                with m.If((waited == StageLearning.BUSY) & bits.ready):
                    m.d.sync += phase.eq(Phase.STAGE)
                with m.Elif(waited == StageLearning.BUSY):
                    m.d.sync += waited.eq(waited)
            with m.Case(Phase.STAGE):
                m.d.sync += [now.eq(now >> 1), phase.eq(Phase.STAGE)]
                with m.If(now == 0):
                    m.d.sync += phase.eq(Phase.DONE)
                with m.If((now & self.used).any()):
                    m.d.sync += [now.eq(now), phase.eq(Phase.BUSY)]
                    m.d.comb += [self.rewind.eq(1), *(stage.start.eq(now[k]) for k, stage in enumerate(stages))]
            with m.Case(Phase.BUSY), m.If(~Cat(stage.busy & now[k] for k, stage in enumerate(stages)).any()):
                m.d.sync += [now.eq(now >> 1), phase.eq(Phase.STAGE)]
        with m.If(self.clear):
            m.d.sync += phase.eq(Phase.IDLE)
        m.d.comb += self.done.eq(phase == Phase.DONE)
        return now

    def _rows(self, m: Module, stages: list[Any], bits: RowBits, now: Signal) -> None:
        """Connects the one source of random bits to all stages; it is asked for the row of the stage at work."""
        for k, stage in enumerate(stages):
            m.d.comb += [
                stage.end.eq(self.end),
                stage.chance.eq(getattr(self, f"chance{k}")),
                stage.clear.eq(self.begin & self.learns),
                stage.bits.eq(bits.bits),
            ]
            with m.If(now[k]):
                m.d.comb += [bits.row.eq(stage.row), bits.layer.eq(sum((self.used[n] for n in range(k)), Const(0)))]

    def _marks(self, m: Module, stages: list[Any], record: OutputRecord) -> None:
        """Marks the rivals and the label in the last stage; the others take the votes of the next stage in use."""
        last = stages[-1]
        m.d.comb += [
            last.marks.valid.eq(record.rivals.valid & self.learns),
            last.marks.payload.eq(record.rivals.payload),
        ]
        with m.If(self.mark_label):
            m.d.comb += [
                last.marks.valid.eq(1),
                last.marks.payload.x.eq(self.label),
                last.marks.payload.delta.moves.eq(1),
                last.marks.payload.delta.up.eq(1),
            ]
        for k, stage in enumerate(stages[:-1]):
            for after in range(k + 1, len(stages)):
                with m.If(self._next_in_use(k, after)):
                    votes = stages[after].votes
                    m.d.comb += [
                        stage.marks.valid.eq(votes.valid & self.used[k]),
                        stage.marks.payload.x.eq(votes.payload.x),
                        stage.marks.payload.delta.eq(votes.payload.delta),
                    ]

    def _spikes(self, m: Module, stages: list[Any], record: OutputRecord, now: Signal) -> None:
        """Connects each stage to its own spikes: the queue of the next stage in use, or the record of the outputs."""
        m.d.comb += _lent(stages[-1].spikes, record.source)
        for k, stage in enumerate(stages[:-1]):
            for after in range(k + 1, len(stages)):
                with m.If(self._next_in_use(k, after) & now[k]):
                    m.d.comb += _lent(stage.spikes, getattr(self, f"record{after}"))

    def _next_in_use(self, k: int, after: int) -> Any:
        """Returns whether stage `after` is the first one in use behind stage k."""
        between = Cat(self.used[n] for n in range(k + 1, after)).any() if after > k + 1 else Const(0)
        return self.used[after] & ~between


def _lent(stage: Any, queue: Any) -> list[Any]:
    """Returns assignments by which a stage reads a queue. Their rows may differ in width."""
    return [
        queue.advance.eq(stage.advance),
        queue.open.eq(stage.open),
        queue.events.ready.eq(stage.events.ready),
        stage.occupied.eq(queue.occupied),
        stage.events.valid.eq(queue.events.valid),
        stage.events.payload.eq(queue.events.payload),
    ]
