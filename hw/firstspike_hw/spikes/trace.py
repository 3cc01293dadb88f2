"""Trace: joins the spikes that the stages take in and the outputs that fire in one stream, image by image.

Tested by tests/hw/spikes/test_streams_out.py.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

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

__all__ = ["Trace", "TracedImage"]

DEPTH = 4  # spikes of a source that may wait


class TracedImage(NamedTuple):
    """The trace of one image, in the model.

    spikes: (step, neuron) of each layer's spikes in order, by the number of the layer.
    step:   the decision step, in the marker.
    tag:    the image's tag, in the marker.
    """

    spikes: dict[int, list[tuple[int, int]]]
    step: int
    tag: int


class Trace(wiring.Component):
    """A small queue for each source. Of several spikes that wait, the one of the latest layer leaves first: a spike of
    a late layer has the shorter way to the decision, which ends the image. Ports:

    spikes:  in, a stream of `spike_layout` for each source.
    layers:  in, 7 bits for each source, stable during an image. Layer number in the beats of the source.
    end:     in, strobe. All spikes of the image are in; the marker follows them.
    step:    in, 0 .. steps - 1, stable from `end` to the marker. Step in the marker.
    tag:     in, 8 bits, stable from `end` to the marker. Tag in the marker.
    settled: out, 1 bit. A cycle ago no spike and no marker was waiting inside.
    beats:   out, stream of `axis_layout`. TRACE_BEATs, `latency` cycles after the spike if none waits; `last` marks the
             marker.
    """

    latency = 2

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

    def model(self, inputs: Sequence[tuple[Any, ...]]) -> list[TracedImage]:
        """Takes ("set", {"layers": layer of each source}), ("spike", source, t, x) and ("end", step, tag), in order.

        Returns the images. The order of beats between sources depends on their timing; a TracedImage leaves it out.
        """
        layers: list[int] = [0] * self.sources
        spikes: dict[int, list[tuple[int, int]]] = {}
        found = []
        for name, *values in inputs:
            if name == "set":
                layers = values[0]["layers"]
            elif name == "spike":
                source, t, x = values
                spikes.setdefault(layers[source], []).append((t, x))
            else:
                found.append(TracedImage(spikes, *values))
                spikes = {}
        return found

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
            # later layers first (see above)
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
