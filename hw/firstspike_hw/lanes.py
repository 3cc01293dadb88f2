"""Kernel lanes: A and V of some neurons, updated one row a cycle. One component per kernel, all with the same ports.

A stage feeds its lanes with operations in the order in which they take effect; each passes the phases of the kernel's
pipeline one a cycle, so nothing ever waits and nothing is forwarded: A and V are each read, changed and written in one
cycle.
"""

from typing import Any, ClassVar

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.contract import TABLE_BITS

__all__ = ["LANES", "ExponentialLanes", "Lanes", "LinearLanes", "lanes_for", "operation_layout"]


def operation_layout(*, rows: int, v_bits: int) -> data.StructLayout:
    """What all lanes do to their neurons of one row; at most one of the three.

    clear:  A = 0, V = 0, not fired.
    drive:  A += w.
    walk:   V += A rise + fall, then fire if V >= 0 for the first time.
    row:    row of the neuron state.
    rise:   m[t] - m[t-1].
    fall:   th[t-1] - th[t], -th[0] at t = 0; V is then V - th throughout, and "fires" its sign bit.
    """
    return data.StructLayout(
        {
            "clear": 1,
            "drive": 1,
            "walk": 1,
            "row": bits_for(rows - 1),
            "rise": TABLE_BITS,
            "fall": signed(v_bits),
        }
    )


class Lanes(wiring.Component):
    """Ports and the two accumulator loops that the kernels share.

    operation: may change every cycle.
    weights:   int8 per lane, belonging to the operation.
    fires, values: answer to a `walk`, `latency` cycles after it: first crossings, and V - th of every lane.
    """

    serves: ClassVar[tuple[str, ...]] = ()
    latency: ClassVar[int] = 0

    def __init__(self, *, lanes: int, rows: int, a_bits: int, v_bits: int) -> None:
        self.lanes, self.rows, self.a_bits, self.v_bits = lanes, rows, a_bits, v_bits
        self.operation_layout = operation_layout(rows=rows, v_bits=v_bits)
        super().__init__(
            {
                "operation": In(self.operation_layout),
                "weights": In(data.ArrayLayout(signed(8), lanes)),
                "fires": Out(lanes),
                "values": Out(data.ArrayLayout(signed(v_bits), lanes)),
            }
        )

    @staticmethod
    def model(state: dict[str, int], operation: dict[str, int], weight: int) -> tuple[bool, int]:
        """One lane's neuron {"a", "v", "fired"} through one operation, changed in place. Returns (fires, V - th)."""
        if operation.get("clear"):
            state.update(a=0, v=0, fired=0)
        elif operation.get("drive"):
            state["a"] += weight
        elif operation.get("walk"):
            state["v"] += state["a"] * operation["rise"] + operation["fall"]
            fires = state["v"] >= 0 and not state["fired"]
            state["fired"] |= fires
            return bool(fires), state["v"]
        return False, state["v"]

    def _delayed(self, m: Module, phases: int) -> list[Any]:
        """The operation as it arrives, registered for this group of lanes (fan-out), then a phase later, and so on."""
        stages = [self.operation]
        for k in range(phases):
            later = Signal(self.operation_layout, name=f"operation{k}")
            m.d.sync += later.eq(stages[-1])
            stages.append(later)
        return stages[1:]

    def _slopes(self, m: Module, operation: Any, weights: Any) -> Any:
        """The loop of A. Returns A of the row, registered: it belongs to the operation one phase later."""
        layout = data.ArrayLayout(signed(self.a_bits), self.lanes)
        m.submodules.a = memory = Memory(shape=layout, depth=self.rows, init=[])
        read, write = memory.read_port(domain="comb"), memory.write_port()
        slopes = Signal(layout)
        m.d.comb += [
            read.addr.eq(operation.row),
            write.addr.eq(operation.row),
            write.en.eq(operation.drive | operation.clear),
        ]
        m.d.sync += slopes.eq(read.data)
        with m.If(~operation.clear):
            m.d.comb += [write.data[k].eq(read.data[k] + weights[k]) for k in range(self.lanes)]
        return slopes

    def _potentials(self, m: Module, operation: Any, changes: list[Any]) -> None:
        """The loop of V, and the answer registered behind it."""
        values = data.ArrayLayout(signed(self.v_bits), self.lanes)
        layout = data.StructLayout({"v": values, "fired": self.lanes})
        m.submodules.v = memory = Memory(shape=layout, depth=self.rows, init=[])
        read, write = memory.read_port(domain="comb"), memory.write_port()
        after, crossed = Signal(values), Signal(self.lanes)
        m.d.comb += [
            read.addr.eq(operation.row),
            write.addr.eq(operation.row),
            write.en.eq(operation.walk | operation.clear),
            *(after[k].eq(read.data.v[k] + changes[k]) for k in range(self.lanes)),
            crossed.eq(Cat(~after[k][-1] for k in range(self.lanes))),
        ]
        with m.If(~operation.clear):
            m.d.comb += [write.data.v.eq(after), write.data.fired.eq(read.data.fired | crossed)]
        m.d.sync += [self.fires.eq(crossed & ~read.data.fired), self.values.eq(after)]


class LinearLanes(Lanes):
    """`linear`: rise is 1 and the threshold constant, so two adders do. Phases: A, V."""

    serves = ("linear",)
    latency = 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        weights = Signal.like(self.weights)
        m.d.sync += weights.eq(self.weights)
        first, second = self._delayed(m, 2)
        slopes = self._slopes(m, first, weights)
        # fall is not 0 at t = 0 alone, where A is: "or" adds them
        self._potentials(m, second, [slopes[k] | second.fall for k in range(self.lanes)])
        return m


class ExponentialLanes(Lanes):
    """`exponential`, and `linear` by its tables: one multiplier. Phases: A, product, minus threshold, V."""

    serves = ("linear", "exponential")
    latency = 5

    def elaborate(self, platform: object) -> Module:
        m = Module()
        weights = Signal.like(self.weights)
        m.d.sync += weights.eq(self.weights)
        phases = self._delayed(m, 4)
        slopes = self._slopes(m, phases[0], weights)
        shape = data.ArrayLayout(signed(self.v_bits), self.lanes)
        products, changes = Signal(shape), Signal(shape)
        for k in range(self.lanes):
            # exact in v_bits: every partial sum of V was shown to fit (contract.bounds)
            m.d.sync += products[k].eq(slopes[k] * phases[1].rise)
            m.d.sync += changes[k].eq(products[k] + phases[2].fall)
        self._potentials(m, phases[3], [changes[k] for k in range(self.lanes)])
        return m


LANES: tuple[type[Lanes], ...] = (LinearLanes, ExponentialLanes)  # the smallest first


def lanes_for(kernels: tuple[str, ...]) -> type[Lanes]:
    """The smallest lanes that serve all these kernels. Raises ValueError."""
    for lanes in LANES:
        if set(kernels) <= set(lanes.serves):
            return lanes
    raise ValueError(f"no lanes serve {', '.join(kernels)}; there are " + "; ".join(", ".join(c.serves) for c in LANES))
