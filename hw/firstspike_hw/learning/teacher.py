"""Teacher: what a core has in addition if it learns: the record of an image, and the course of what it changes."""

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
    """Entries of the queues that the spikes of stage k may be filed with: those of later stages, or of the outputs."""
    last = config.stages[-1]
    later = [stage.inputs for stage in config.stages[k + 1 :]]
    return max(later) if later else last.lanes * last.max_rows


def settings_layout() -> data.StructLayout:
    """margin, late: steps. seed, count: of the random bits."""

    return data.StructLayout({"margin": 8, "late": 8, "seed": 32, "count": 32})


class Teacher(wiring.Component):
    """Ports:

    steps, used, settings: stable while the core is not idle. label, learns: of the image, stable during it.
    begin:    strobe: an image starts. clear: it is over.
    outputs, verdict: of the decision.
    end, complete, triggered: of OutputRecord; without a learning image `complete` is 1 and the others mean nothing.
    start:    strobe: change the weights. done: all is written, until `clear`.
    rewind:   strobe: queues go back to their first step.
    stage<k>: the learning part of stage k. record<k>: the queue of stage k, for the stage in use before it.
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
        """From the last stage in use to the first. Returns which one is at work, one bit each."""
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
        """One source of random bits for all: the row of the stage at work."""
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
        """Rivals and label for the last stage; for the others the votes of the next stage in use."""
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
        """A stage's own spikes: in the queue of the next stage in use, or in the record of the outputs."""
        m.d.comb += _lent(stages[-1].spikes, record.source)
        for k, stage in enumerate(stages[:-1]):
            for after in range(k + 1, len(stages)):
                with m.If(self._next_in_use(k, after) & now[k]):
                    m.d.comb += _lent(stage.spikes, getattr(self, f"record{after}"))

    def _next_in_use(self, k: int, after: int) -> Any:
        """Whether stage `after` is the first in use behind stage k."""
        between = Cat(self.used[n] for n in range(k + 1, after)).any() if after > k + 1 else Const(0)
        return self.used[after] & ~between


def _lent(stage: Any, queue: Any) -> list[Any]:
    """A stage goes through a queue; their rows may differ in width."""
    return [
        queue.advance.eq(stage.advance),
        queue.open.eq(stage.open),
        queue.events.ready.eq(stage.events.ready),
        stage.occupied.eq(queue.occupied),
        stage.events.valid.eq(queue.events.valid),
        stage.events.payload.eq(queue.events.payload),
    ]
