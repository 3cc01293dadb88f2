"""Kernel lanes: A and V of some neurons, updated one row a cycle. One component per kernel, all with the same ports.

A stage gives its lanes operations in the order in which they take effect. An operation passes the phases of the
kernel's pipeline, one a cycle. A and V are each read, changed and written in one cycle, so no operation ever waits and
no value is forwarded.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract import TABLE_BITS
from firstspike_hw.fabric.neuron_state import NeuronState
from firstspike_hw.fabric.sizes import check_sizes

__all__ = [
    "LANES",
    "AlphaLanes",
    "ExponentialLanes",
    "Lanes",
    "LifLanes",
    "LinearLanes",
    "StepLanes",
    "lanes_for",
    "operation_layout",
]


def operation_layout(*, rows: int, v_bits: int) -> data.StructLayout:
    """An operation of all lanes on their neurons of one row: at most one of clear, drive and walk.

    clear:  A = 0, V = 0, not fired.
    drive:  A += w * gain; for the kernel `step`, V += w.
    walk:   V += A * rise + fall; the neuron fires if V >= 0 for the first time.
    row:    row of the neuron state.
    gain:   a[t].
    rise:   m[t] - m[t-1].
    fall:   th[t-1] - th[t], -th[0] at t = 0. With it V holds V - th throughout, and its sign bit tells "fires".
    """
    return data.StructLayout(
        {
            "clear": 1,
            "drive": 1,
            "walk": 1,
            "row": bits_for(rows - 1),
            "gain": TABLE_BITS,
            "rise": TABLE_BITS,
            "fall": signed(v_bits),
        }
    )


class Lanes(wiring.Component):
    """The base of all kernels: the loops of A and V that they share. Ports:

    operation: in, `operation_layout`. May change every cycle.
    weights:   in, int8 per lane. Belong to the operation of the same cycle.
    fires:     out, 1 bit per lane. The neuron reaches its threshold for the first time; `latency` cycles after a walk.
    values:    out, signed `v_bits` per lane. V - th; in the same cycle as `fires`.

    With `ring` the neuron state is a ring of `rows` registers (NeuronState), and every clear, drive and walk must pass
    all rows.
    """

    serves: ClassVar[tuple[str, ...]] = ()
    latency: ClassVar[int] = 0
    multipliers: ClassVar[int] = 0  # per lane
    acts_at_once: ClassVar[bool] = False  # an event counts in the walk of its own step
    reads: ClassVar[tuple[str, ...]] = ()  # those of gain and rise that the kernel uses

    def __init__(self, *, lanes: int, rows: int, a_bits: int, v_bits: int, ring: bool = False) -> None:
        check_sizes(self, lanes=lanes, rows=rows, a_bits=a_bits, v_bits=v_bits)
        self.lanes, self.rows, self.a_bits, self.v_bits, self.ring = lanes, rows, a_bits, v_bits, ring
        self.operation_layout = operation_layout(rows=rows, v_bits=v_bits)
        super().__init__(
            {
                "operation": In(self.operation_layout),
                "weights": In(data.ArrayLayout(signed(8), lanes)),
                "fires": Out(lanes),
                "values": Out(data.ArrayLayout(signed(v_bits), lanes)),
            }
        )

    def model(self, inputs: Sequence[tuple[dict[str, int], list[int]]]) -> list[tuple[list[bool], list[int]]]:
        """Takes (operation, weight of each lane), fields of the operation that are 0 left out.

        Returns (fires, V - th) of the lanes for each walk.
        """
        neurons = [[{"a": 0, "v": 0, "fired": 0} for _ in range(self.lanes)] for _ in range(self.rows)]
        found = []
        for operation, weights in inputs:
            row = neurons[operation.get("row", 0)]
            answers = [self._through(state, operation, weight) for state, weight in zip(row, weights, strict=True)]
            if operation.get("walk"):
                found.append(([fires for fires, _ in answers], [value for _, value in answers]))
        return found

    @classmethod
    def _through(cls, state: dict[str, int], operation: dict[str, int], weight: int) -> tuple[bool, int]:
        """One neuron through one operation, changed in place. Returns (fires, V - th)."""
        before = state["fired"]
        if operation.get("clear"):
            state.update(a=0, v=0, fired=0)
        elif operation.get("drive"):
            cls._drive(state, operation, weight)
        elif operation.get("walk"):
            state["v"] += state["a"] * operation["rise"] + operation["fall"]
            state["fired"] |= state["v"] >= 0
        return state["fired"] > before, state["v"]

    @classmethod
    def _drive(cls, state: dict[str, int], operation: dict[str, int], weight: int) -> None:
        state["a"] += weight * operation.get("gain", 1)

    def _phases(self, m: Module, phases: int) -> list[Any]:
        """Returns the operation for each phase, each a cycle later. The first copy is for this group only (fan-out)."""
        stages = [self.operation]
        for k in range(phases):
            later = Signal(self.operation_layout, name=f"operation{k}", reset_less=True)
            m.d.sync += later.eq(stages[-1])
            stages.append(later)
        return stages[1:]

    def _weights(self, m: Module) -> Any:
        """Returns the weights for the first phase; 0 unless the operation is a drive."""
        weights = Signal.like(self.weights, reset_less=True)
        m.d.sync += weights.eq(self.weights)
        with m.If(~self.operation.drive):
            m.d.sync += weights.eq(0)
        return weights

    def _registered(self, m: Module, name: str, bits: int, values: list[Any]) -> Any:
        """Returns a register of one number per lane, for the next phase."""
        kept = Signal(data.ArrayLayout(signed(bits), self.lanes), name=name, reset_less=True)
        m.d.sync += [kept[k].eq(value) for k, value in enumerate(values)]
        return kept

    def _slopes(self, m: Module, operation: Any, increments: Any) -> Any:
        """Builds the loop of A. Returns A of the row, which the next phase registers.

        `increments` must be 0 unless the operation is a drive.
        """
        layout = data.ArrayLayout(signed(self.a_bits), self.lanes)
        m.submodules.a = state = NeuronState(layout, rows=self.rows, ring=self.ring)
        m.d.comb += [state.row.eq(operation.row), state.clear.eq(operation.clear)]
        m.d.comb += state.turn.eq(operation.clear | operation.drive | operation.walk)
        m.d.comb += [state.after[k].eq(state.now[k] + increments[k]) for k in range(self.lanes)]
        return state.now

    def _potentials(self, m: Module, operation: Any, changes: Any, *, driven: bool = False) -> None:
        """Builds the loop of V, and registers the answer behind it. `driven`: V changes with every drive too."""
        values = data.ArrayLayout(signed(self.v_bits), self.lanes)
        layout = data.StructLayout({"v": values, "fired": self.lanes})
        m.submodules.v = state = NeuronState(layout, rows=self.rows, ring=self.ring)
        after, crossed = Signal(values), Signal(self.lanes)
        m.d.comb += [
            state.row.eq(operation.row),
            state.clear.eq(operation.clear),
            state.turn.eq(operation.walk | operation.clear | (operation.drive if driven else 0)),
            *(after[k].eq(state.now.v[k] + changes[k]) for k in range(self.lanes)),
            crossed.eq(Cat(~after[k][-1] & operation.walk for k in range(self.lanes))),
            state.after.v.eq(after),
            state.after.fired.eq(state.now.fired | crossed),
            self.values.eq(state.latest.v),
        ]
        fires = Signal(self.lanes, reset_less=True)
        m.d.sync += fires.eq(crossed & ~state.now.fired)
        m.d.comb += self.fires.eq(fires)


class LinearLanes(Lanes):
    """Lanes of `linear`: rise is 1 and the threshold is constant, so two adders suffice. Phases: A, V."""

    serves = ("linear",)
    latency = 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        weights = self._weights(m)
        first, second = self._phases(m, 2)
        slopes = self._slopes(m, first, weights)
        # fall is nonzero only at t = 0, where A is 0: "or" adds the two
        if self.rows == 1:  # the one row's A can still be read a cycle later
            changes = [slopes[k] | second.fall for k in range(self.lanes)]
        else:
            changes = self._registered(m, "changes", self.v_bits, [slopes[k] | first.fall for k in range(self.lanes)])
        self._potentials(m, second, changes)
        return m


class StepLanes(Lanes):
    """Lanes of `step`: events act on V at once, so one adder suffices. Phases: weight or fall, V."""

    serves = ("step",)
    latency = 3
    acts_at_once = True

    @classmethod
    def _drive(cls, state: dict[str, int], operation: dict[str, int], weight: int) -> None:
        state["v"] += weight

    def elaborate(self, platform: object) -> Module:
        m = Module()
        weights = self._weights(m)
        first, second = self._phases(m, 2)
        fall = Mux(first.walk, first.fall, 0)
        changes = self._registered(m, "changes", self.v_bits, [weights[k] | fall for k in range(self.lanes)])
        self._potentials(m, second, changes, driven=True)
        return m


class ExponentialLanes(Lanes):
    """Lanes of `exponential`, and of `linear` by its tables. One multiplier; phases: A, product, minus threshold, V."""

    serves = ("linear", "exponential")
    latency = 5
    multipliers = 1
    reads = ("rise",)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        weights = self._weights(m)
        phases = self._phases(m, 4)
        now = self._slopes(m, phases[0], weights)
        slopes = self._registered(m, "slopes", self.a_bits, list(now))
        # exact in v_bits: the compiler showed that every partial sum of V fits (contract.arithmetic.bounds)
        products = self._registered(m, "products", self.v_bits, [a * phases[1].rise for a in slopes])
        changes = self._registered(m, "changes", self.v_bits, [p + phases[2].fall for p in products])
        self._potentials(m, phases[3], changes)
        return m


class AlphaLanes(Lanes):
    """Lanes of `alpha`, and of `linear` by its tables. One multiplier; phases: weighted event, A and minus threshold,
    V."""

    serves = ("linear", "alpha")
    latency = 4
    multipliers = 1
    reads = ("gain",)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        weights = self._weights(m)
        phases = self._phases(m, 3)
        increments = self._registered(m, "increments", self.a_bits, [w * phases[0].gain for w in weights])
        now = self._slopes(m, phases[1], increments)
        # rise is 1 except at t = 0, where A is 0
        changes = self._registered(m, "changes", self.v_bits, [a + phases[1].fall for a in now])
        self._potentials(m, phases[2], changes)
        return m


class LifLanes(Lanes):
    """Lanes of `lif-2to1`, and of the kernels that its tables can express. Two multipliers; phases: weighted event, A,
    product, minus threshold, V."""

    serves = ("linear", "exponential", "alpha", "lif-2to1")
    latency = 6
    multipliers = 2
    reads = ("gain", "rise")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        weights = self._weights(m)
        phases = self._phases(m, 5)
        increments = self._registered(m, "increments", self.a_bits, [w * phases[0].gain for w in weights])
        now = self._slopes(m, phases[1], increments)
        slopes = self._registered(m, "slopes", self.a_bits, list(now))
        products = self._registered(m, "products", self.v_bits, [a * phases[2].rise for a in slopes])
        changes = self._registered(m, "changes", self.v_bits, [p + phases[3].fall for p in products])
        self._potentials(m, phases[4], changes)
        return m


LANES: tuple[type[Lanes], ...] = (LinearLanes, StepLanes, ExponentialLanes, AlphaLanes, LifLanes)  # the smallest first


def lanes_for(kernels: tuple[str, ...]) -> type[Lanes]:
    """Returns the smallest lanes that serve all these kernels. Raises ValueError if there are none."""
    for lanes in LANES:
        if set(kernels) <= set(lanes.serves):
            return lanes
    raise ValueError(
        f"no lanes serve all of {', '.join(kernels)}; there are lanes that serve "
        + "; ".join(", ".join(c.serves) for c in LANES)
    )
