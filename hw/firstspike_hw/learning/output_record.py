"""Record of an image's outputs: which fired by S, filed by step, and whether there is anything to learn."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.fabric.memory_port import IN_LOGIC
from firstspike_hw.fabric.sizes import check_sizes
from firstspike_hw.spikes.decision import output_layout, verdict_layout
from firstspike_hw.spikes.queue import BucketPort

from .votes import delta_layout

__all__ = ["OutputRecord", "mark_layout"]


def mark_layout(neurons: int) -> data.StructLayout:
    """The sign of change of neuron x."""
    return data.StructLayout({"x": bits_for(neurons - 1), "delta": delta_layout()})


class OutputRecord(wiring.Component):
    """Ports:

    steps, label, margin, late: T, and of the image; stable during it. verdict: of the decision.
    spikes:    Decision.messages: an output may come again.
    clear:     forget the image.
    end:       S = min(T - 1, D + margin), a cycle after the verdict. complete: all spikes up to S are filed.
    triggered: valid with `complete`: wrong class, silent, late, or a rival.
    rivals:    every rival as it is found: to fire later.
    source:    the outputs' spikes as a calendar queue gives them, steps ascending from `rewind` on.
    """

    DELAY = 3  # cycles by which messages lag behind, so that S is known when one beyond D arrives

    def __init__(self, *, neurons: int, steps: int) -> None:
        check_sizes(self, neurons=neurons, steps=steps)
        self.neurons, self.max_steps = neurons, steps
        t_bits = bits_for(steps - 1)
        self.message = output_layout(neurons, steps)
        super().__init__(
            {
                "steps": In(bits_for(steps)),
                "label": In(16),
                "margin": In(8),
                "late": In(8),
                "verdict": In(verdict_layout(steps)),
                "spikes": In(stream.Signature(self.message, always_ready=True)),
                "clear": In(1),
                "rewind": In(1),
                "end": Out(t_bits),
                "complete": Out(1),
                "triggered": Out(1),
                "rivals": Out(stream.Signature(mark_layout(neurons), always_ready=True)),
                "source": In(BucketPort(entries=neurons, steps=steps)),
            }
        )

    @staticmethod
    def model(
        times: list[int | None], label: int, verdict: tuple[int, int, bool], settings: tuple[int, int, int]
    ) -> Any:
        """(S, triggered, rivals). times: first spike of each output, or None. verdict: class, D, silent.

        settings: T, margin, late.
        """
        answer, step, silent = verdict
        steps, margin, late = settings
        end = min(steps - 1, step + margin)
        rivals = [k for k, t in enumerate(times) if t is not None and t <= end and k != label]
        return end, answer != label or silent or step > late or bool(rivals), rivals

    def elaborate(self, platform: object) -> Module:
        m = Module()
        verdict = self.verdict
        limit, known = Signal(range(self.max_steps + 256)), Signal()
        m.d.sync += [
            known.eq(verdict.decided),
            self.end.eq(Mux(limit < self.steps, limit, self.steps - 1)),
        ]
        m.d.comb += limit.eq(verdict.step + self.margin)

        message, valid = self.spikes.payload, self.spikes.valid
        for k in range(self.DELAY):
            later, later_valid = Signal(self.message, name=f"message{k}", reset_less=True), Signal(name=f"valid{k}")
            m.d.sync += [later.eq(message), later_valid.eq(valid & ~self.clear)]
            message, valid = later, later_valid

        fired, in_time, fresh = Signal(self.neurons), Signal(), Signal()
        m.d.comb += [
            in_time.eq(~known | (message.t <= self.end)),
            fresh.eq(valid & message.spike & in_time & ~fired.bit_select(message.x, 1)),
            self.rivals.valid.eq(fresh & (message.x != self.label)),
            self.rivals.payload.x.eq(message.x),
            self.rivals.payload.delta.moves.eq(1),
        ]
        with m.If(fresh):
            m.d.sync += fired.bit_select(message.x, 1).eq(1)
        rival, ended, last = Signal(), Signal(), Signal.like(message.t)
        with m.If(self.rivals.valid):
            m.d.sync += rival.eq(1)
        with m.If(valid & message.done):
            m.d.sync += [ended.eq(1), last.eq(message.t)]
        m.d.sync += [
            self.complete.eq(known & ended & (last >= self.end)),
            self.triggered.eq((verdict["class"] != self.label) | verdict.silent | (verdict.step > self.late) | rival),
        ]

        self._list(m, fresh, message)
        with m.If(self.clear):
            m.d.sync += [known.eq(0), fired.eq(0), rival.eq(0), ended.eq(0), self.complete.eq(0)]
        return m

    def _list(self, m: Module, fresh: Any, message: Any) -> None:
        """Spikes come in the order of their steps: a list, gone through from its beginning after `rewind`."""
        entry = data.StructLayout({"t": len(message.t), "x": len(message.x)})
        m.submodules.list = memory = Memory(shape=entry, depth=self.neurons, init=[], attrs=IN_LOGIC)
        write, read = memory.write_port(), memory.read_port(domain="comb")
        count, place = (Signal(range(self.neurons + 1)) for _ in range(2))
        step = Signal.like(message.t)
        m.d.comb += [
            write.addr.eq(count),
            write.data.t.eq(message.t),
            write.data.x.eq(message.x),
            write.en.eq(fresh),
            read.addr.eq(place),
            self.source.occupied.eq((place != count) & (read.data.t == step)),
            self.source.events.valid.eq(self.source.occupied),
            self.source.events.payload.eq(read.data.x),
        ]
        with m.If(fresh):
            m.d.sync += count.eq(count + 1)
        with m.If(self.source.events.valid & self.source.events.ready):
            m.d.sync += place.eq(place + 1)
        with m.If(self.source.advance):
            m.d.sync += step.eq(step + 1)
        with m.If(self.rewind | self.clear):
            m.d.sync += [place.eq(0), step.eq(0)]
        with m.If(self.clear):
            m.d.sync += count.eq(0)
