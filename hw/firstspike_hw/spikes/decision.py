"""Decision: the first output spike wins; ties by the largest excess V - th, then by the lowest index; silent at T-1."""

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
    """decided, then: the class, its step D, flags of RESULT, and how many outputs fired at D."""
    return data.StructLayout(
        {"decided": 1, "class": 16, "step": bits_for(steps - 1), "silent": 1, "tie": 1, "exact_tie": 1, "fired": 16}
    )


def output_layout(neurons: int, steps: int) -> data.StructLayout:
    """spike: output x fires at step t. done: nothing more comes of steps <= t."""
    return data.StructLayout({"spike": 1, "done": 1, "t": bits_for(steps - 1), "x": bits_for(neurons - 1)})


class Decision(wiring.Component):
    """The candidates of a step one by one: the outputs that fired; at T-1 all of them, for those that did not fire have
    a negative excess and cannot win over one that did.

    rows:    of the last stage, with V - th; acknowledged by `row_taken`.
    outputs: classes. steps: T.
    verdict: stands from the decision until `clear`. quiet: rows are of an image that is over.
    spikes:  the outputs that fired at D, if `tracing`.
    messages: if it `reports`: all that is taken in, also after the verdict: output x is at or above its threshold at t
             (at T-1 one that has fired may be so again).
    """

    latency = Serialiser.latency + 4  # from the row that decides, alone, to the verdict

    def __init__(self, *, lanes: int, rows: int, steps: int, value_bits: int, reports: bool = False) -> None:
        check_sizes(self, lanes=lanes, rows=rows, steps=steps)
        check_sizes(self, bits=value_bits)  # it compares them
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

    @staticmethod
    def model(excess: list[list[int]]) -> tuple[int, int, bool, bool, bool]:
        """excess[t][k] = V - th of output k -> class, step, silent, tie, exact_tie (contract.evaluate)."""
        step = next((t for t, row in enumerate(excess) if max(row) >= 0), len(excess) - 1)
        row = excess[step]
        fired = sum(v >= 0 for v in row)
        return row.index(max(row)), step, fired == 0, fired > 1, row.count(max(row)) > 1

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

        # The message on hand, and what it is.
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
            # none of a later step while the decision is being made
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

        # One candidate a cycle against the best so far.
        judged, any_fired = Signal(), Signal()  # a step is complete: look at what it gave
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
