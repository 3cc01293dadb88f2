"""Filing of a stage's spikes with the next stage: the neuron's delay is added, the horizon follows behind."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.fabric.memory_port import IN_BLOCKS, MemoryPort
from firstspike_hw.fabric.sizes import check_sizes

__all__ = ["Filing", "filed_layout"]


def filed_layout(*, neurons: int, steps: int) -> data.StructLayout:
    """spike: neuron x spikes at t. done: every spike at a step < horizon is filed, this one included."""
    fields = {"spike": 1, "t": bits_for(steps - 1), "x": bits_for(neurons - 1), "done": 1, "horizon": bits_for(steps)}
    return data.StructLayout(fields)


class Filing(wiring.Component):
    """Messages of a serialiser in, spikes with their recorded time out; what would come at T or later is no spike.

    outputs: neurons of the layer; lanes beyond them are ignored.
    steps:   T.
    filed:   always taken, `latency` cycles after the message.
    """

    latency = 3

    def __init__(self, *, message: data.StructLayout, neurons: int, steps: int) -> None:
        check_sizes(self, neurons=neurons, steps=steps)
        self.neurons, self.max_steps, self.message = neurons, steps, message
        super().__init__(
            {
                "outputs": In(bits_for(neurons)),
                "steps": In(bits_for(steps)),
                "clear": In(1),
                "messages": In(stream.Signature(message, always_ready=True)),
                "filed": Out(stream.Signature(filed_layout(neurons=neurons, steps=steps), always_ready=True)),
                "delays": In(MemoryPort(width=bits_for(steps))),
            }
        )

    @staticmethod
    def model(t: int, x: int, delays: list[int], steps: int) -> int | None:
        """Recorded time of neuron x that crossed its threshold at t, or None."""
        if x >= len(delays) or t + delays[x] >= steps:
            return None
        return t + delays[x]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.delay = memory = Memory(
            shape=bits_for(self.max_steps), depth=self.neurons, init=[], attrs=IN_BLOCKS
        )
        read, write = memory.read_port(), memory.write_port()
        m.d.comb += [
            read.addr.eq(Mux(self.delays.active, self.delays.address, self.messages.payload.x)),
            self.delays.data.eq(read.data),
            write.addr.eq(self.delays.address),
            write.data.eq(self.delays.word),
            write.en.eq(self.delays.write),
        ]
        # 1: look up; 2: the delay, registered; 3: recorded time
        messages = [Signal(self.message, name=f"message{k}", reset_less=True) for k in range(2)]
        valids, delay = [Signal(name=f"valid{k}") for k in range(2)], Signal.like(read.data, reset_less=True)
        m.d.sync += [delay.eq(read.data)]
        for later, before in zip(messages, (self.messages.payload, messages[0]), strict=True):
            m.d.sync += later.eq(before)
        for later, before in zip(valids, (self.messages.valid, valids[0]), strict=True):
            m.d.sync += later.eq(before & ~self.clear)
        message, valid = messages[1], valids[1]

        recorded = Signal(bits_for(2 * self.max_steps))
        out = self.filed
        m.d.comb += recorded.eq(message.t + delay)
        m.d.sync += [
            out.valid.eq(valid & ~self.clear),
            out.payload.spike.eq(message.spike & (message.x < self.outputs) & (recorded < self.steps)),
            out.payload.t.eq(recorded),
            out.payload.x.eq(message.x),
            out.payload.done.eq(message.done),
            out.payload.horizon.eq(message.t + 1),
        ]
        return m
