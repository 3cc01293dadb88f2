"""Kernel lanes: A and V of some neurons, updated one row a cycle. One component per kernel, all with the same ports.

A stage feeds its lanes with operations in the order in which they take effect; each passes the phases of the kernel's
pipeline one a cycle, so nothing ever waits and nothing is forwarded: A and V are each read, changed and written in one
cycle.
"""

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
    """What all lanes do to their neurons of one row; at most one of the three.

    clear:  A = 0, V = 0, not fired.
    drive:  A += w gain; of `step` V += w.
    walk:   V += A rise + fall, then fire if V >= 0 for the first time.
    row:    row of the neuron state.
    gain:   a[t].
    rise:   m[t] - m[t-1].
    fall:   th[t-1] - th[t], -th[0] at t = 0; V is then V - th throughout, and "fires" its sign bit.
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
    """Ports, and the loops that the kernels share.

    operation: may change every cycle.
    weights:   int8 per lane, belonging to the operation.
    fires, values: answer to a `walk`, `latency` cycles after it: first crossings, and V - th of every lane.

    ring: the neuron state is a ring of `rows` registers (NeuronState); every clear, drive and walk passes all rows.
    """

    serves: ClassVar[tuple[str, ...]] = ()
    latency: ClassVar[int] = 0
    multipliers: ClassVar[int] = 0  # a lane
    acts_at_once: ClassVar[bool] = False  # an event counts in the walk of its own step
    reads: ClassVar[tuple[str, ...]] = ()  # what it uses of gain, rise

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

    @classmethod
    def model(cls, state: dict[str, int], operation: dict[str, int], weight: int) -> tuple[bool, int]:
        """One lane's neuron {"a", "v", "fired"} through one operation, changed in place. Returns (fires, V - th)."""
        if operation.get("clear"):
            state.update(a=0, v=0, fired=0)
        elif operation.get("drive"):
            cls._drive(state, operation, weight)
        elif operation.get("walk"):
            state["v"] += state["a"] * operation["rise"] + operation["fall"]
            fires = state["v"] >= 0 and not state["fired"]
            state["fired"] |= fires
            return bool(fires), state["v"]
        return False, state["v"]

    @classmethod
    def _drive(cls, state: dict[str, int], operation: dict[str, int], weight: int) -> None:
        state["a"] += weight * operation.get("gain", 1)

    def _phases(self, m: Module, phases: int) -> list[Any]:
        """The operation registered for this group of lanes (fan-out), then a phase later, and so on."""
        stages = [self.operation]
        for k in range(phases):
            later = Signal(self.operation_layout, name=f"operation{k}", reset_less=True)
            m.d.sync += later.eq(stages[-1])
            stages.append(later)
        return stages[1:]

    def _weights(self, m: Module) -> Any:
        """Weights of the first phase; 0 unless it is a drive."""
        weights = Signal.like(self.weights, reset_less=True)
        m.d.sync += weights.eq(self.weights)
        with m.If(~self.operation.drive):
            m.d.sync += weights.eq(0)
        return weights

    def _registered(self, m: Module, name: str, bits: int, values: list[Any]) -> Any:
        """A number per lane, for the next phase."""
        kept = Signal(data.ArrayLayout(signed(bits), self.lanes), name=name, reset_less=True)
        m.d.sync += [kept[k].eq(value) for k, value in enumerate(values)]
        return kept

    def _slopes(self, m: Module, operation: Any, increments: Any) -> Any:
        """The loop of A. increments: 0 unless it is a drive. Returns A of the row, for the next phase to register."""
        layout = data.ArrayLayout(signed(self.a_bits), self.lanes)
        m.submodules.a = state = NeuronState(layout, rows=self.rows, ring=self.ring)
        m.d.comb += [state.row.eq(operation.row), state.clear.eq(operation.clear)]
        m.d.comb += state.turn.eq(operation.clear | operation.drive | operation.walk)
        m.d.comb += [state.after[k].eq(state.now[k] + increments[k]) for k in range(self.lanes)]
        return state.now

    def _potentials(self, m: Module, operation: Any, changes: Any, *, driven: bool = False) -> None:
        """The loop of V, and the answer registered behind it. driven: V changes with every drive too."""
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
    """`linear`: rise is 1 and the threshold constant, so two adders do. Phases: A, V."""

    serves = ("linear",)
    latency = 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        weights = self._weights(m)
        first, second = self._phases(m, 2)
        slopes = self._slopes(m, first, weights)
        # fall is not 0 at t = 0 alone, where A is: "or" adds them
        if self.rows == 1:  # A of the one row is still there a cycle later
            changes = [slopes[k] | second.fall for k in range(self.lanes)]
        else:
            changes = self._registered(m, "changes", self.v_bits, [slopes[k] | first.fall for k in range(self.lanes)])
        self._potentials(m, second, changes)
        return m


class StepLanes(Lanes):
    """`step`: events act on V at once; one adder. Phases: weight or fall, V."""

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
    """`exponential`, and `linear` by its tables: one multiplier. Phases: A, product, minus threshold, V."""

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
        # exact in v_bits: every partial sum of V was shown to fit (contract.bounds)
        products = self._registered(m, "products", self.v_bits, [a * phases[1].rise for a in slopes])
        changes = self._registered(m, "changes", self.v_bits, [p + phases[2].fall for p in products])
        self._potentials(m, phases[3], changes)
        return m


class AlphaLanes(Lanes):
    """`alpha`, and `linear` by its tables: one multiplier. Phases: weighted event, A and minus threshold, V."""

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
        # rise is 1, but 0 at t = 0, where A is 0 too
        changes = self._registered(m, "changes", self.v_bits, [a + phases[1].fall for a in now])
        self._potentials(m, phases[2], changes)
        return m


class LifLanes(Lanes):
    """`lif-2to1`, and all that its tables can be: two multipliers. Phases: weighted event, A, product, minus threshold,
    V."""

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
    """The smallest lanes that serve all these kernels. Raises ValueError."""
    for lanes in LANES:
        if set(kernels) <= set(lanes.serves):
            return lanes
    raise ValueError(f"no lanes serve {', '.join(kernels)}; there are " + "; ".join(", ".join(c.serves) for c in LANES))
