"""Decision: finds the class from the rows of the output layer.

The output that fires first wins; among several at the same step the one with the largest excess V - th, then the one
with the lowest index. If no output fires by T-1, the image is silent, and the excesses at T-1 decide in this way.

Tested by tests/hw/spikes/test_serialiser.py.
"""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.fabric.elastic import Elastic
from firstspike_hw.fabric.sizes import check_sizes

from .serialiser import Serialiser, row_layout
from .spike import spike_layout

__all__ = ["Decision", "output_layout", "verdict_layout"]


def verdict_layout(steps: int) -> data.StructLayout:
    """The verdict on an image.

    decided:                 the other fields are valid.
    class, step:             the class, and the decision step D.
    silent, tie, exact_tie:  flags of the result packet.
    fired:                   number of outputs that fired at D.
    """
    return data.StructLayout(
        {"decided": 1, "class": 16, "step": bits_for(steps - 1), "silent": 1, "tie": 1, "exact_tie": 1, "fired": 16}
    )


def output_layout(neurons: int, steps: int) -> data.StructLayout:
    """A message about the outputs.

    spike: output x fires at step t.
    done:  no further spike at a step <= t.
    """
    return data.StructLayout({"spike": 1, "done": 1, "t": bits_for(steps - 1), "x": bits_for(neurons - 1)})


class Decision(wiring.Component):
    """The unit that compares the candidates of each step, one a cycle, and holds the verdict.

    The candidates are the outputs that fired at the step. At T-1 they are all outputs: one that did not fire has a
    negative excess and cannot win over one that did. Ports:

    rows:      in, stream of `row_layout`, always taken. Rows of the last stage, with V - th.
    row_taken: out, strobe. Acknowledges a row.
    outputs:   in, 0 .. lanes * rows. Number of classes.
    steps:     in, 0 .. steps. T.
    clear:     in, strobe. Forgets the verdict.
    quiet:     in, 1 bit. The rows are of an image that is over, and are ignored.
    tracing:   in, 1 bit. The image is traced.
    spikes:    out, stream of `spike_layout`. The outputs that fired at D, if `tracing`.
    verdict:   out, `verdict_layout`. Stands from the decision until `clear`.
    messages:  out, stream of `output_layout`, always taken; only if `reports`. All messages, also after the verdict.
               `spike` means that x is at or above its threshold at t; at T-1 it may be an output that fired before.
    """

    latency = Serialiser.latency + 4  # cycles to the verdict from the row that decides, if it has one candidate only

    def __init__(self, *, lanes: int, rows: int, steps: int, value_bits: int, reports: bool = False) -> None:
        check_sizes(self, lanes=lanes, rows=rows, steps=steps)
        check_sizes(self, bits=value_bits)  # values are compared, so they have a bit at least
        self.sizes = {"lanes": lanes, "rows": rows, "steps": steps, "value_bits": value_bits}
        self.reports = reports
        messages = Out(stream.Signature(output_layout(lanes * rows, steps), always_ready=True))
        super().__init__(
            {
                **({"messages": messages} if reports else {}),
                "rows": In(stream.Signature(row_layout(**self.sizes), always_ready=True)),
                "row_taken": Out(1),
                "outputs": In(bits_for(lanes * rows)),
                "steps": In(bits_for(steps)),
                "clear": In(1),
                "quiet": In(1),
                "tracing": In(1),
                "spikes": Out(stream.Signature(spike_layout(steps))),
                "verdict": Out(verdict_layout(steps)),
            }
        )

    def model(self, inputs: Sequence[list[list[int]]]) -> list[tuple[int, int, bool, bool, bool, int]]:
        """Takes images: excess[t][k] = V - th of output k at step t, for all T steps.

        Returns (class, step, silent, tie, exact_tie, fired) for each image (contract.evaluate).
        """
        found = []
        for excess in inputs:
            step = next((t for t, row in enumerate(excess) if max(row) >= 0), len(excess) - 1)
            row = excess[step]
            fired = sum(v >= 0 for v in row)
            found.append((row.index(max(row)), step, fired == 0, fired > 1, row.count(max(row)) > 1, fired))
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        serialiser = Serialiser(**self.sizes)
        m.submodules.serialiser = serialiser
        at_end = Signal()
        m.d.comb += [
            at_end.eq(self.rows.payload.t == self.steps - 1),
            serialiser.rows.valid.eq(self.rows.valid),
            serialiser.rows.payload.eq(self.rows.payload),
            serialiser.clear.eq(self.quiet),
            self.row_taken.eq(serialiser.taken),
        ]
        with m.If(at_end):
            m.d.comb += serialiser.rows.payload.fires.eq(~0)

        # The message at hand, and whether it is a candidate and fires.
        m.submodules.coming = first = Elastic(serialiser.message)
        wiring.connect(m, serialiser.messages, first.i)
        verdict, coming = self.verdict, first.o.payload
        m.submodules.message = on_hand = Elastic(
            data.StructLayout({"message": serialiser.message, "candidate": 1, "fires": 1})
        )
        is_candidate, decides, taken = Signal(), Signal(), Signal()
        message, candidate, fires = (getattr(on_hand.o.payload, name) for name in ("message", "candidate", "fires"))
        m.d.comb += [
            is_candidate.eq(coming.spike & (coming.x < self.outputs)),
            on_hand.i.valid.eq(first.o.valid),
            first.o.ready.eq(on_hand.i.ready),
            first.clear.eq(self.quiet),
            on_hand.i.payload.message.eq(coming),
            on_hand.i.payload.candidate.eq(is_candidate),
            on_hand.i.payload.fires.eq(is_candidate & (coming.value >= 0)),
            on_hand.clear.eq(self.quiet),
            # no spike of a later step while the decision is being made
            self.spikes.valid.eq(on_hand.o.valid & fires & self.tracing & ~verdict.decided & ~decides),
            self.spikes.payload.t.eq(message.t),
            self.spikes.payload.x.eq(message.x),
            on_hand.o.ready.eq(~(fires & self.tracing & ~verdict.decided) | self.spikes.ready),
        ]

        if self.reports:
            m.d.comb += [
                self.messages.valid.eq(on_hand.o.valid & on_hand.o.ready),
                self.messages.payload.spike.eq(fires),
                self.messages.payload.done.eq(message.done),
                self.messages.payload.t.eq(message.t),
                self.messages.payload.x.eq(message.x),
            ]

        # Each cycle compares one candidate with the best so far.
        judged, any_fired = Signal(), Signal()  # all candidates of a step are compared; one of them fired
        best, any_yet = Signal(signed(self.sizes["value_bits"])), Signal()
        end = Signal()
        m.d.comb += [
            decides.eq(judged & (any_fired | end)),
            taken.eq(on_hand.o.valid & on_hand.o.ready & ~verdict.decided & ~decides),
        ]
        m.d.sync += judged.eq(taken & message.done)
        with m.If(taken):
            m.d.sync += [verdict.step.eq(message.t), end.eq(message.t == self.steps - 1)]
            with m.If(candidate):
                m.d.sync += [any_yet.eq(1), any_fired.eq(any_fired | fires), verdict.fired.eq(verdict.fired + fires)]
                with m.If(~any_yet | (message.value > best)):
                    m.d.sync += [best.eq(message.value), verdict["class"].eq(message.x), verdict.exact_tie.eq(0)]
                with m.Elif(message.value == best):
                    m.d.sync += verdict.exact_tie.eq(1)
        with m.If(decides):
            m.d.sync += [
                verdict.decided.eq(1),
                verdict.silent.eq(~any_fired),
                verdict.tie.eq(verdict.fired > 1),
            ]
        with m.If(self.clear):
            m.d.sync += [verdict.eq(0), any_yet.eq(0), any_fired.eq(0), judged.eq(0)]
        return m
