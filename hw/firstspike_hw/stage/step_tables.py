"""Tables of a stage: for each step those of a[t], m[t] - m[t-1] and th[t-1] - th[t] that its lanes need."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Const, Module, Mux, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for
from numpy.typing import NDArray

from firstspike_contract import TABLE_BITS
from firstspike_contract.core.memories import TABLE_WORD
from firstspike_contract.core.unloading import table_words
from firstspike_hw.fabric.layouts import seen_as
from firstspike_hw.fabric.memory_port import IN_BLOCKS, MemoryPort
from firstspike_hw.fabric.relay import Relay
from firstspike_hw.fabric.sizes import check_sizes

from .lanes import Lanes

__all__ = ["StepTables", "table_layout"]


def table_layout(lanes: type[Lanes], v_bits: int) -> data.StructLayout:
    """The stored entry of a step.

    gain: a[t], only if the lanes read it.
    rise: m[t] - m[t-1], only if the lanes read it.
    fall: th[t-1] - th[t].
    """
    fields: dict[str, Any] = {name: TABLE_BITS for name in lanes.reads}
    return data.StructLayout({**fields, "fall": signed(v_bits)})


class StepTables(wiring.Component):
    """A memory with the table entries of all steps. Ports:

    t:     in, 0 .. steps - 1. Step.
    table: out, `table_layout`. The entry of `t`, registered, `latency` cycles later.
    host:  in, MemoryPort. Word t is the TABLE_WORD of step t. A field that is not stored reads back as the value that
           it has in every network that these lanes serve.
    """

    latency = 2  # cycles from t to its entry; if `wide`, the host reads it a cycle later still

    def __init__(self, *, lanes: type[Lanes], v_bits: int, steps: int, wide: bool = False) -> None:
        """`wide`: the host reads an entry through a relay, a cycle later."""
        check_sizes(self, v_bits=v_bits, steps=steps)
        self.lanes, self.steps, self.layout, self.wide = lanes, steps, table_layout(lanes, v_bits), wide
        super().__init__(
            {"t": In(bits_for(steps - 1)), "table": Out(self.layout), "host": In(MemoryPort(width=TABLE_WORD.bits))}
        )

    def model(self, inputs: Sequence[tuple[Any, ...]]) -> list[dict[str, int]]:
        """Takes ("write", t, fields of a TABLE_WORD), ("read", t) of the stage and ("show", t) of the host, in order.

        Returns the stored entry for each read, and the fields of a TABLE_WORD for each show.
        """
        words: dict[int, dict[str, int]] = {}
        found = []
        for name, t, *values in inputs:
            if name == "write":
                words[t] = values[0]
                continue
            stored = {field: words[t][field] for field in self.lanes.reads}
            change = words[t]["threshold_change"]
            implied = {"gain": 1, "rise": int(t > 0 and not self.lanes.acts_at_once)}
            found.append(
                {**stored, "fall": -change} if name == "read" else {**implied, **stored, "threshold_change": change}
            )
        return found

    @staticmethod
    def stored(beats: NDArray[np.uint32]) -> dict[str, NDArray[np.int64]]:
        """Returns gain, rise and fall ``[T]`` for the beats ``[4 T]`` that the host writes; the inverse of `beats`."""
        table = {name: words.astype(np.int64) for name, words in table_words(beats).items()}
        return {"gain": table["gain"], "rise": table["rise"], "fall": -table["threshold_change"]}

    @staticmethod
    def beats(lanes: type[Lanes], stored: dict[str, NDArray[np.int64]]) -> NDArray[np.uint32]:
        """Returns the beats uint32 ``[4 T]`` that the host reads for stored fields ``[T]``."""
        steps = len(stored["fall"])
        words = np.zeros(steps, TABLE_WORD.dtype)
        words["gain"] = stored.get("gain", np.ones(steps, np.int64))
        words["rise"] = stored.get("rise", (np.arange(steps) > 0).astype(np.int64) * (not lanes.acts_at_once))
        words["threshold_change"] = -stored["fall"]
        return words.view("<u4")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.tables = memory = Memory(shape=self.layout, depth=self.steps, init=[], attrs=IN_BLOCKS)
        read, write = memory.read_port(), memory.write_port()
        host = self.host
        word, shown = seen_as(TABLE_WORD, host.word), seen_as(TABLE_WORD, host.data)
        m.d.sync += self.table.eq(read.data)
        m.d.comb += [
            read.addr.eq(Mux(host.active, host.address, self.t)),
            write.addr.eq(host.address),
            write.data.fall.eq(-word.threshold_change),
            write.en.eq(host.write),
        ]
        seen = self.table
        if self.wide:
            m.submodules.relay = relay = Relay(self.layout)
            m.d.comb += relay.i.eq(self.table)
            seen = relay.o
        implied = {"gain": Const(1), "rise": Const(0) if self.lanes.acts_at_once else host.address != 0}
        for name, value in implied.items():
            stored = name in self.lanes.reads
            if stored:
                m.d.comb += getattr(write.data, name).eq(getattr(word, name))
            m.d.comb += getattr(shown, name).eq(getattr(seen, name) if stored else value)
        m.d.comb += shown.threshold_change.eq(-seen.fall)
        return m
