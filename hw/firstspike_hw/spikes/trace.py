"""Trace: the spikes that the stages take in and the outputs that fire, as one stream, image by image."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract.core.trace import TRACE_BEAT
from firstspike_hw.fabric.axis import axis_layout
from firstspike_hw.fabric.layouts import packed
from firstspike_hw.fabric.sizes import check_sizes

from .spike import spike_layout

__all__ = ["Trace"]

DEPTH = 4  # spikes that a source may be ahead


class Trace(wiring.Component):
    """Ports:

    spikes:  source k; its beats carry layer number `layers[k]`.
    end:     strobe: all spikes of the image are in; the marker `(step, tag)` goes behind them.
    settled: no spike and no marker was waiting inside a cycle ago.
    clear:   none.
    """

    def __init__(self, *, sources: int, steps: int) -> None:
        check_sizes(self, sources=sources, steps=steps)
        self.sources = sources
        spike = stream.Signature(spike_layout(steps))
        super().__init__(
            {
                "spikes": In(spike).array(sources),
                "layers": In(data.ArrayLayout(TRACE_BEAT["layer"].bits, sources)),
                "end": In(1),
                "step": In(bits_for(steps - 1)),
                "tag": In(8),
                "settled": Out(1),
                "beats": Out(stream.Signature(axis_layout())),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fifos = []
        for k, source in enumerate(self.spikes):
            m.submodules[f"fifo{k}"] = fifo = SyncFIFO(width=len(source.payload.as_value()), depth=DEPTH)
            m.d.comb += [
                fifo.w_data.eq(source.payload),
                fifo.w_en.eq(source.valid),
                source.ready.eq(fifo.w_rdy),
            ]
            fifos.append(fifo)
        pending, empty, free = Signal(), Signal(), Signal()
        m.d.comb += [
            empty.eq(~Cat(fifo.r_rdy for fifo in fifos).any()),
            free.eq(~self.beats.valid | self.beats.ready),
        ]
        m.d.sync += self.settled.eq(empty & ~pending & ~self.beats.valid & ~self.end)
        with m.If(self.end):
            m.d.sync += pending.eq(1)
        with m.If(free):
            m.d.sync += self.beats.valid.eq(~empty | pending)
            with m.If(empty):
                m.d.sync += [
                    self.beats.payload.data.eq(packed(TRACE_BEAT, x=self.tag, t=self.step, end=1)),
                    self.beats.payload.last.eq(1),
                    pending.eq(self.end),
                ]
            # later layers first: theirs is the shorter way to the decision
            for k, fifo in enumerate(fifos):
                spike = data.View(self.spikes[k].payload.shape(), fifo.r_data)
                others = Cat(later.r_rdy for later in fifos[k + 1 :]).any() if k + 1 < len(fifos) else Const(0)
                with m.If(fifo.r_rdy & ~others):
                    m.d.comb += fifo.r_en.eq(1)
                    m.d.sync += [
                        self.beats.payload.data.eq(packed(TRACE_BEAT, x=spike.x, t=spike.t, layer=self.layers[k])),
                        self.beats.payload.last.eq(0),
                    ]
        return m
