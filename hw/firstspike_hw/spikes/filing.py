"""Filing: adds each neuron's delay to its spike and files it with the next stage, followed by the horizon.

Tested by tests/hw/spikes/test_serialiser.py.
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.fabric.memory_port import IN_BLOCKS, MemoryPort
from firstspike_hw.fabric.sizes import check_sizes

__all__ = ["Filing", "filed_layout"]


def filed_layout(*, neurons: int, steps: int) -> data.StructLayout:
    """A message to the next stage.

    spike: neuron x spikes at step t.
    done:  every spike at a step < `horizon` is filed, this one included.
    """
    fields = {"spike": 1, "t": bits_for(steps - 1), "x": bits_for(neurons - 1), "done": 1, "horizon": bits_for(steps)}
    return data.StructLayout(fields)


class Filing(wiring.Component):
    """A pipeline from a serialiser's messages to spikes at their recorded time; after T-1 there is no spike. Ports:

    outputs:  in, 0 .. neurons. Neurons of the layer; lanes beyond them are ignored.
    steps:    in, 0 .. steps. T.
    clear:    in, 1 bit. Forgets the messages inside.
    messages: in, stream of `message`, always taken.
    filed:    out, stream of `filed_layout`, always taken, `latency` cycles after the message.
    delays:   in, MemoryPort. The delay of each neuron, in steps.
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

    def model(self, inputs: Sequence[tuple[Any, ...]]) -> list[tuple[tuple[int, int] | None, int | None]]:
        """Takes ("set", {"steps": T, "delays": delay of each neuron}) and ("message", spike, done, t, x), in order.

        Returns for each message the spike (recorded time, neuron) or None, and the new horizon or None.
        """
        steps, delays, found = 0, [], []
        for name, *values in inputs:
            if name == "set":
                steps, delays = values[0]["steps"], values[0]["delays"]
                continue
            spike, done, t, x = values
            filed = spike and x < len(delays) and t + delays[x] < steps
            found.append(((t + delays[x], x) if filed else None, t + 1 if done else None))
        return found

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
        # cycle 1: look up the delay; 2: register it; 3: add it
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
