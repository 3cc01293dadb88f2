"""Output record: notes which outputs of a learning image fired by S, in the order of steps, and whether it triggers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

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

__all__ = ["OutputRecord", "RecordedImage", "mark_layout"]


def mark_layout(neurons: int) -> data.StructLayout:
    """The delta of neuron x."""
    return data.StructLayout({"x": bits_for(neurons - 1), "delta": delta_layout()})


class RecordedImage(NamedTuple):
    """A learning image at its outputs, in the model.

    times:  first spike of each output, or None.
    label:  class that the image has.
    answer: class that the core gives.
    step:   D.
    silent: no output fired.
    steps:  T.
    margin: steps beyond D in which rivals count.
    late:   largest D that does not trigger.
    """

    times: list[int | None]
    label: int
    answer: int
    step: int
    silent: bool
    steps: int
    margin: int
    late: int


class OutputRecord(wiring.Component):
    """A list of the outputs' first spikes up to S, in the order of steps.

    A message may come before the decision that fixes S. Messages therefore pass a delay of DELAY cycles, after which S
    is known for every message beyond D. Ports:

    steps:     in, 0 .. steps. T; stable during an image, as are the next three.
    label:     in, 16 bits. The image's class.
    margin:    in, 8 bits. Register MARGIN.
    late:      in, 8 bits. Register LATE.
    verdict:   in, `verdict_layout`. Verdict of the decision.
    spikes:    in, stream of `output_layout`, always taken. Messages of the decision; an output may come again.
    clear:     in, strobe. Forgets the image.
    rewind:    in, strobe. Takes `source` back to its first step.
    end:       out, 0 .. steps - 1. S = min(T - 1, D + margin), from a cycle after the verdict on.
    complete:  out, 1 bit. All spikes up to S are in the list.
    triggered: out, 1 bit, valid with `complete`. The answer is wrong or late, the image is silent, or it has a rival.
    rivals:    out, stream of `mark_layout`, always taken. Each rival, `latency` cycles after its first message; its
               delta says that it is to fire later.
    source:    out, BucketPort whose `horizon` is not used. The list, step by step in ascending order, as a calendar
               queue gives it.
    """

    DELAY = 3  # cycles
    latency = DELAY

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

    def model(self, inputs: Sequence[RecordedImage]) -> list[tuple[int, bool, list[int], list[list[int]]]]:
        """Takes images. Returns (S, triggered, rivals ascending, outputs of each step) for each of them."""
        found = []
        for image in inputs:
            end = min(image.steps - 1, image.step + image.margin)
            fired = {k: t for k, t in enumerate(image.times) if t is not None and t <= end}
            rivals = [k for k in fired if k != image.label]
            triggered = image.answer != image.label or image.silent or image.step > image.late or bool(rivals)
            buckets = [[k for k in fired if fired[k] == t] for t in range(self.max_steps)]
            found.append((end, triggered, rivals, buckets))
        return found

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
        """Builds the list. Spikes come in the order of their steps, so that `source` passes it from its beginning."""
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
