"""The engine: takes an image through intake, stages, decision, trace and result.

Tested by tests/hw/core/test_core.py.
"""

from enum import IntEnum
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import bits_for

from firstspike_contract import CoreConfig
from firstspike_contract.core.memories import MAP_ENTRY, TABLE_WORD, beats_per_word
from firstspike_contract.core.register_map import Memory
from firstspike_contract.core.stream_format import BEAT_BITS
from firstspike_hw.fabric.axis import axis_layout
from firstspike_hw.fabric.layouts import HEADER_FLAGS, RESULT_FLAGS, packed, seen_as
from firstspike_hw.fabric.memory_port import MemoryPort
from firstspike_hw.learning.stage_learning import CHANCE_BITS
from firstspike_hw.learning.teacher import Teacher, filed_entries, settings_layout
from firstspike_hw.spikes.decision import Decision
from firstspike_hw.spikes.filing import Filing, filed_layout
from firstspike_hw.spikes.intake import Intake
from firstspike_hw.spikes.result import ResultSender, packet_layout
from firstspike_hw.spikes.serialiser import Serialiser
from firstspike_hw.spikes.trace import Trace
from firstspike_hw.stage.issue import stop_layout
from firstspike_hw.stage.stage import Stage, layer_layout

__all__ = ["Engine", "memory_widths"]


class Phase(IntEnum):
    """Phases of the image that is worked on."""

    WAIT = 0  # for an image
    RUN = 1  # until the decision is made, every stage has finished its last step, and TLAST has come
    SETTLE = 2  # the stages' counts become valid
    SUM = 3  # the counts are added up
    SEND = 4  # trace marker and result are sent
    CLEAR = 5  # the image is forgotten
    LEARN = 6  # before CLEAR, until all weights that the image changes are written


def memory_widths(config: CoreConfig) -> dict[tuple[Memory, int], int]:
    """Returns the bits of a word for every memory of the engine that the host can reach."""
    widths = {(Memory.INPUT_MAP, 0): MAP_ENTRY.bits}
    for k, stage in enumerate(config.stages):
        widths[Memory.WEIGHTS, k] = BEAT_BITS * beats_per_word(Memory.WEIGHTS, stage)
        widths[Memory.TABLES, k] = TABLE_WORD.bits
        widths[Memory.CONSTANTS, k] = bits_for(config.max_steps - 1)
        if k < len(config.stages) - 1:
            widths[Memory.DELAYS, k] = bits_for(config.max_steps)
    return widths


class Engine(wiring.Component):
    """All units of the core but its registers. Ports (inputs from registers are stable while not `idle`):

    images:       in, stream of `axis_layout`. Images, as in docs/core.md.
    results:      out, stream of `axis_layout`. Result packets.
    trace:        out, stream of `axis_layout`. Trace.
    steps:        in, 0 .. max_steps. STEPS.
    addresses:    in, 0 .. largest number of addresses. ADDRESSES.
    active:       in, 1 bit a stage. ACTIVE.
    layer<k>:     in, `layer_layout`. Sizes of the layer in stage k.
    run:          in, 1 bit. Headers are taken.
    idle:         out, 1 bit. The engine holds no image.
    late:         out, 1 bit. STATUS.late.
    images_done:  out, 32 bits. IMAGES.
    busy:         out, 32 bits. BUSY.
    The memories' host ports, MemoryPort, are found by `memory(kind, stage)`. Only if the core learns:
    settings:     in, `settings_layout`. LEARN, LEARN_SEED, LEARN_COUNT.
    chance<k>:    in, CHANCE_BITS. p of stage k.
    learned:      out, strobe. A learning image is over.
    learning:     out, 1 bit. Weights are being changed.
    triggered:    out, 32 bits. Number of images that changed weights.
    learn_cycles: out, 32 bits. Cycles that changing weights took.
    """

    overhead = 5  # cycles of an image outside RUN: one each in WAIT, SETTLE, SUM, SEND and CLEAR

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        axis = stream.Signature(axis_layout())
        layers = {f"layer{k}": In(layer_layout(stage)) for k, stage in enumerate(config.stages)}
        memories = {_name(kind, k): In(MemoryPort(width=width)) for (kind, k), width in memory_widths(config).items()}
        super().__init__(
            {
                "images": In(axis),
                "results": Out(axis),
                "trace": Out(axis),
                "steps": In(bits_for(config.max_steps)),
                "addresses": In(bits_for(config.addresses)),
                "active": In(len(config.stages)),
                "run": In(1),
                "idle": Out(1),
                "late": Out(1),
                "images_done": Out(32),
                "busy": Out(32),
                **layers,
                **memories,
                **(self._learning_ports() if config.learns else {}),
            }
        )

    def _learning_ports(self) -> dict[str, Any]:
        chances = {f"chance{k}": In(CHANCE_BITS) for k in range(len(self.config.stages))}
        counters = {"learned": Out(1), "learning": Out(1), "triggered": Out(32), "learn_cycles": Out(32)}
        return {"settings": In(settings_layout()), **chances, **counters}

    def memory(self, kind: Memory, stage: int) -> Any:
        return getattr(self, _name(kind, stage))

    def elaborate(self, platform: object) -> Module:
        m, config = Module(), self.config
        last = len(config.stages) - 1
        # Signals, then units, that the methods below share.
        self._phase = Signal(Phase)
        self._start, self._clear, self._quiet = Signal(), Signal(), Signal()
        self._over = Signal()  # the decision is made, and every stage has finished its last step
        self._stop = Signal(stop_layout(config.max_steps))
        self._used = used = [Signal(name=f"used{k}", init=1) for k in range(last + 1)]  # stages that hold a layer
        self._intake = self._take_in(m)
        self._header = self._intake.image
        self._flags = seen_as(HEADER_FLAGS, self._header.flags)
        m.d.sync += [used[k].eq(self.active[k] if k < last else 1) for k in range(last + 1)]
        self._stages = self._chain_stages(m)
        self._feed_first_stage(m)
        self._decision = self._decide(m)
        self._teacher = self._teach(m) if config.learns else None
        m.d.comb += self.idle.eq(self._intake.idle & (self._phase == Phase.WAIT))
        self._tracer = self._trace(m)
        self._follow_image(m)
        self._let_rows_out(m)
        return m

    def _take_in(self, m: Module) -> Intake:
        config = self.config
        m.submodules.intake = intake = Intake(
            addresses=config.addresses, entries=config.stages[0].inputs, steps=config.max_steps, rewinds=config.learns
        )
        connect(m, flipped(self.images), intake.beats)
        connect(m, flipped(self.memory(Memory.INPUT_MAP, 0)), intake.map)
        m.d.comb += [intake.run.eq(self.run), intake.steps.eq(self.steps), intake.addresses.eq(self.addresses)]
        return intake

    def _chain_stages(self, m: Module) -> list[Stage]:
        """Builds the stages. Each files its spikes with the next one; an unused stage passes on those that it gets."""
        config, used = self.config, self._used
        stages: list[Stage] = []
        before: Any = None
        neurons = [stage.lanes * stage.max_rows for stage in config.stages]
        for k, built in enumerate(config.stages):
            last = k == len(config.stages) - 1
            stage = Stage(
                built,
                steps=config.max_steps,
                queue_inputs=max(neurons[:k]) if k else None,
                value_bits=built.v_bits if last else 0,
                filed=filed_entries(config, k) if config.learns else 0,
            )
            m.submodules[f"stage{k}"] = stage
            connect(m, flipped(self.memory(Memory.WEIGHTS, k)), stage.weights)
            connect(m, flipped(self.memory(Memory.TABLES, k)), stage.tables)
            connect(m, flipped(self.memory(Memory.CONSTANTS, k)), stage.times)
            m.d.comb += [
                stage.layer.eq(getattr(self, f"layer{k}")),
                stage.steps.eq(self.steps),
                stage.first.eq(~Cat(used[:k]).any() if k else 1),
                stage.start.eq(self._start & used[k]),
                stage.clear.eq(self._clear),
                stage.stop.eq(self._stop),
                stage.tracing.eq(self._flags.spikes & ~stage.first),
            ]
            if k:
                m.d.comb += [stage.filed.valid.eq(before.valid), stage.filed.payload.eq(before.payload)]
            if not last:
                # the layout of the widest stage so far; widths differ, so each field is passed on by itself
                layout = filed_layout(neurons=max(neurons[: k + 1]), steps=config.max_steps)
                before = self._file(m, k, stage, before, layout)
            stages.append(stage)
        return stages

    def _file(self, m: Module, k: int, stage: Stage, before: Any, layout: data.StructLayout) -> Any:
        """Builds serialiser and filing behind stage k. Returns the stream of filed spikes for the next stage."""
        built, steps, used = self.config.stages[k], self.config.max_steps, self._used[k]
        m.submodules[f"serialiser{k}"] = serialiser = Serialiser(lanes=built.lanes, rows=built.max_rows, steps=steps)
        m.submodules[f"filing{k}"] = filing = Filing(
            message=serialiser.message, neurons=built.lanes * built.max_rows, steps=steps
        )
        connect(m, stage.rows, serialiser.rows)
        connect(m, flipped(self.memory(Memory.DELAYS, k)), filing.delays)
        m.d.comb += [
            stage.row_taken.eq(serialiser.taken),
            serialiser.clear.eq(self._quiet),
            serialiser.messages.ready.eq(1),
            filing.messages.valid.eq(serialiser.messages.valid),
            filing.messages.payload.eq(serialiser.messages.payload),
            filing.clear.eq(self._quiet),
            filing.outputs.eq(stage.layer.outputs),
            filing.steps.eq(self.steps),
        ]
        out = stream.Signature(layout, always_ready=True).create(path=(f"filed{k}",))
        for source, chosen in ((filing.filed, used), (before, ~used)):
            if source is not None:
                with m.If(chosen):
                    m.d.sync += out.valid.eq(source.valid)
                    m.d.sync += [getattr(out.payload, f).eq(getattr(source.payload, f)) for f, _ in layout]
        return out

    def _feed_first_stage(self, m: Module) -> None:
        """The first stage in use takes its events from the intake."""
        source = self._intake.source
        for stage in self._stages:
            bucket = stage.source
            m.d.comb += [
                bucket.occupied.eq(source.occupied),
                bucket.events.valid.eq(source.events.valid),
                bucket.events.payload.eq(source.events.payload),
                bucket.horizon.eq(source.horizon),
            ]
            with m.If(stage.first):
                m.d.comb += [
                    source.advance.eq(bucket.advance),
                    source.open.eq(bucket.open),
                    source.events.ready.eq(bucket.events.ready),
                ]

    def _decide(self, m: Module) -> Decision:
        built, output = self.config.stages[-1], self._stages[-1]
        m.submodules.decision = decision = Decision(
            lanes=built.lanes,
            rows=built.max_rows,
            steps=self.config.max_steps,
            value_bits=built.v_bits,
            reports=self.config.learns,
        )
        connect(m, output.rows, decision.rows)
        m.d.comb += [
            output.row_taken.eq(decision.row_taken),
            decision.outputs.eq(output.layer.outputs),
            decision.steps.eq(self.steps),
            decision.tracing.eq(self._flags.spikes),
            decision.clear.eq(self._clear),
            decision.quiet.eq(self._quiet),
        ]
        m.d.sync += [
            self._stop.valid.eq(decision.verdict.decided & ~self._flags.run_on),
            self._stop.t.eq(decision.verdict.step),
        ]
        with m.If(self._clear):
            m.d.sync += self._stop.valid.eq(0)
        return decision

    def _teach(self, m: Module) -> Teacher:
        """Builds the teacher. A learning image runs on to S, and is kept until its weights have changed."""
        stages, verdict = self._stages, self._decision.verdict
        m.submodules.teacher = teacher = Teacher(self.config, [s.unit for s in stages if s.unit is not None])
        connect(m, self._decision.messages, teacher.outputs)
        known = Signal()
        m.d.comb += [
            # a label that is no class teaches nothing
            teacher.learns.eq(self._flags.learn & (self._header.label < stages[-1].layer.outputs)),
            teacher.steps.eq(self.steps),
            teacher.used.eq(Cat(self._used)),
            teacher.settings.eq(self.settings),
            teacher.label.eq(self._header.label),
            teacher.begin.eq(self._start),
            teacher.clear.eq(self._clear),
            teacher.verdict.eq(verdict),
            self._intake.rewind.eq(teacher.rewind),
        ]
        m.d.comb += self.learned.eq(self._clear & teacher.learns)
        m.d.sync += known.eq(verdict.decided & ~self._clear)
        with m.If(teacher.learns):  # the teacher knows S a cycle after the verdict
            m.d.sync += [
                self._stop.valid.eq(known & ~self._flags.run_on & ~self._clear),
                self._stop.t.eq(teacher.end),
            ]
        for k, stage in enumerate(stages):
            connect(m, getattr(teacher, f"stage{k}"), stage.learning)
            m.d.comb += getattr(teacher, f"chance{k}").eq(getattr(self, f"chance{k}"))
            m.d.comb += stage.decided.eq(verdict.step)
            if k:
                connect(m, getattr(teacher, f"record{k}"), stage.record)
                m.d.comb += stage.rewind.eq(teacher.rewind)
        return teacher

    def _trace(self, m: Module) -> Trace:
        """Builds the trace. Stage k's input is layer n, where n counts the used stages before it."""
        spikes = [*(stage.spikes for stage in self._stages[1:]), self._decision.spikes]
        m.submodules.tracer = tracer = Trace(sources=len(spikes), steps=self.config.max_steps)
        connect(m, flipped(self.trace), tracer.beats)
        for k, source in enumerate(spikes):
            connect(m, source, tracer.spikes[k])
            m.d.comb += tracer.layers[k].eq(sum(self._used[: k + 1], Const(0)))
        m.d.comb += [tracer.step.eq(self._decision.verdict.step), tracer.tag.eq(self._header.tag)]
        return tracer

    def _follow_image(self, m: Module) -> None:
        """Takes image after image through the phases. CLEAR ends one, and the next may start in the cycle after it."""
        phase, cycles, tracing, teacher = self._phase, Signal(32), self._flags.spikes, self._teacher
        self._is_over(m)
        m.submodules.sender = sender = ResultSender()
        connect(m, flipped(self.results), sender.beats)
        packet = Signal(packet_layout(), reset_less=True)
        m.d.comb += [
            sender.packet.payload.eq(packet),
            sender.packet.payload.cycles.eq(cycles),
            sender.packet.payload.latency.eq(self._intake.waited),
            self._clear.eq(phase == Phase.CLEAR),
            self._intake.release.eq(self._clear),
        ]
        m.d.sync += [cycles.eq(cycles + 1), self.busy.eq(self.busy + (phase != Phase.WAIT))]

        with m.Switch(phase):
            with m.Case(Phase.WAIT), m.If(self._header.ready):
                m.d.comb += self._start.eq(1)
                m.d.sync += [phase.eq(Phase.RUN), cycles.eq(3)]  # this cycle, and ahead of time SEND and CLEAR
            with m.Case(Phase.RUN), m.If(self._over & self._header.complete):
                m.d.sync += phase.eq(Phase.SETTLE)
            with m.Case(Phase.SETTLE):
                m.d.comb += self._tracer.end.eq(tracing)
                m.d.sync += phase.eq(Phase.SUM)
            with m.Case(Phase.SUM):
                m.d.sync += [*self._sum(packet), phase.eq(Phase.SEND)]
            with m.Case(Phase.SEND):
                m.d.comb += sender.packet.valid.eq(~tracing | self._tracer.settled)
                with m.If(sender.packet.valid & sender.packet.ready):
                    m.d.sync += [phase.eq(Phase.CLEAR), self.images_done.eq(self.images_done + 1)]
                    m.d.sync += self.late.eq(self.late | self._header.late)
                    if teacher is not None:
                        self._learn_before_clear(m, teacher)
            with m.Case(Phase.CLEAR):
                m.d.sync += phase.eq(Phase.WAIT)
            if teacher is not None:
                with m.Case(Phase.LEARN):
                    m.d.comb += self.learning.eq(1)
                    m.d.sync += self.learn_cycles.eq(self.learn_cycles + 1)
                    with m.If(teacher.done):
                        m.d.sync += phase.eq(Phase.CLEAR)

    def _is_over(self, m: Module) -> None:
        through, teacher = Signal(), self._teacher
        recorded = Const(1) if teacher is None else teacher.complete
        m.d.comb += self._over.eq(self._decision.verdict.decided & through & recorded)
        m.d.comb += through.eq(Cat(stage.finished | ~self._used[k] for k, stage in enumerate(self._stages)).all())

    def _learn_before_clear(self, m: Module, teacher: Teacher) -> None:
        """An image that changes weights goes to LEARN before it is cleared."""
        with m.If(teacher.learns & teacher.triggered):
            m.d.comb += teacher.start.eq(1)
            m.d.sync += [self._phase.eq(Phase.LEARN), self.triggered.eq(self.triggered + 1)]

    def _let_rows_out(self, m: Module) -> None:
        """Ignores the rows that are on their way when all stages have finished, since their steps do not matter.

        They leave within the latency of a stage. No row of the next image is ignored: that image starts at least
        `overhead - 1` cycles later, and its first row leaves at least 2 cycles and that latency after its start.
        """
        longest = max(stage.row_latency for stage in self._stages)
        left = Signal(range(longest + 2))
        m.d.comb += self._quiet.eq(left != 0)
        with m.If((self._phase == Phase.RUN) & self._over):
            m.d.sync += left.eq(longest + 1)
        with m.Elif(self._quiet):
            m.d.sync += left.eq(left - 1)

    def _sum(self, packet: Any) -> list[Any]:
        """Returns assignments of all packet fields but `cycles` and `latency`, which are known when it is sent."""
        header, verdict, teacher = self._header, self._decision.verdict, self._teacher
        stages = list(zip(self._used, self._stages, strict=True))

        def total(values: list[tuple[Any, Any]]) -> Any:
            return sum((Mux(chosen, value, 0) for chosen, value in values), Const(0))

        flags = {name: getattr(verdict, name) for name in ("silent", "tie", "exact_tie")}
        if teacher is not None:
            flags["triggered"] = teacher.triggered & teacher.learns
        return [
            packet.tag.eq(header.tag),
            packet.flags.eq(packed(RESULT_FLAGS, late=header.late, **flags)),
            packet.step.eq(verdict.step),
            packet["class"].eq(verdict["class"]),
            packet.label.eq(header.label),
            packet.spikes_input.eq(total([(stage.first & used, stage.counts.spikes) for used, stage in stages])),
            packet.spikes_hidden.eq(total([(used & ~stage.first, stage.counts.spikes) for used, stage in stages])),
            packet.spikes_constant.eq(total([(used, stage.counts.constants) for used, stage in stages])),
            packet.rows_read.eq(total([(used, stage.rows_read) for used, stage in stages])),
            packet.spikes_output.eq(Mux(verdict.silent, 0, verdict.fired)),
            packet.events_dropped.eq(header.dropped),
            packet.events_refused.eq(header.refused),
        ]


def _name(kind: Memory, stage: int) -> str:
    return f"{kind.name.lower()}{stage}"
