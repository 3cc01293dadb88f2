"""Properties of the decision: the first step with a spike decides, by the largest excess, then by the lowest index.

The bench sends rows as the last stage does: all rows of a step, steps ascending, any V - th in every lane. A lane
fires if its value is not negative, and the stage may run on past the decision. The reference does not compare one
candidate after the other. It keeps the whole step that decides, and states what class, flags and counts must satisfy.

The proof has two rows of two lanes, two steps, excesses of two bits and a queue of two rows. Excesses are compared only
with zero and with each other, two at a time. Two values on either side of zero order two outputs in every way. Steps
are compared only with T - 1, so one step before the last, which decides or not, stands for all others.
"""

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Signal, signed
from prover import Proof
from stream_properties import holds

from firstspike_hw.spikes.decision import Decision

__all__ = ["decision"]

LANES, ROWS, STEPS, BITS = 2, 2, 2, 2
NEURONS = LANES * ROWS
DEPTH = 2  # rows in the serialiser's queue
PATIENCE = 12  # cycles from the deciding row to the decision without stalls: 4 for candidates, 8 of latency


class ShortDecision(Decision):
    """A decision unit with a queue of two rows."""

    def elaborate(self, platform: object) -> Module:
        m = super().elaborate(platform)
        m.submodules.serialiser.depth = DEPTH
        return m


def decision() -> Proof:
    proof = Proof()
    m = proof.m
    m.submodules.unit = unit = ShortDecision(lanes=LANES, rows=ROWS, steps=STEPS, value_bits=BITS)
    steps, outputs = proof.constant("steps", range(STEPS + 1)), proof.constant("outputs", range(NEURONS + 1))
    tracing = proof.constant("tracing")
    proof.assume((steps > 0) & (outputs > 0) & (steps <= STEPS) & (outputs <= NEURONS))
    clear, ready = proof.free("clear"), proof.free("ready")
    m.d.comb += [
        unit.outputs.eq(outputs),
        unit.steps.eq(steps),
        unit.tracing.eq(tracing),
        unit.clear.eq(clear),
        unit.quiet.eq(clear),
        unit.spikes.ready.eq(ready),
    ]
    step = _walk(proof, unit, steps, outputs, clear)
    _judge(proof, unit.verdict, step, outputs)
    _spikes(proof, unit, step, tracing, clear, ready)
    return proof


def _walk(proof: Proof, unit: Decision, steps: Any, outputs: Any, clear: Any) -> SimpleNamespace:
    """Sends rows. Returns of the deciding step: excesses, which outputs fired, its number, and if it is complete."""
    m, rows = proof.m, unit.rows
    send, count = proof.free("send"), proof.constant("rows", range(ROWS + 1))
    values = [proof.free(f"value{k}", signed(BITS)) for k in range(LANES)]
    t, row, outstanding = Signal(range(STEPS + 1)), Signal(range(ROWS)), Signal(range(8))
    excess = Array(Signal(signed(BITS), name=f"excess{k}") for k in range(NEURONS))
    fired, complete, when = Signal(NEURONS), Signal(), Signal(range(STEPS))
    proof.assume((count > 0) & (count <= ROWS) & (outputs <= count * LANES))
    proof.assume(~send | ((t < steps) & (outstanding < DEPTH)))
    last = row == count - 1
    m.d.comb += [rows.valid.eq(send), rows.payload.row.eq(row), rows.payload.t.eq(t), rows.payload.last.eq(last)]
    now = Signal(NEURONS)
    for k in range(LANES):
        m.d.comb += [rows.payload.values[k].eq(values[k]), rows.payload.fires[k].eq(values[k] >= 0)]
        for r in range(ROWS):
            n = r * LANES + k
            m.d.comb += now[n].eq((row == r) & (values[k] >= 0) & (n < outputs))
            with m.If(send & (row == r) & ~complete):
                m.d.sync += excess[n].eq(values[k])
    m.d.sync += outstanding.eq(outstanding + send - unit.row_taken)
    with m.If(send):
        m.d.sync += row.eq(row + 1)
        with m.If(~complete):
            m.d.sync += [fired.eq(fired | now), when.eq(t)]
        with m.If(last):
            m.d.sync += [row.eq(0), t.eq(t + 1), complete.eq(complete | (fired | now).any() | (t == steps - 1))]
    with m.If(clear):
        m.d.sync += [t.eq(0), row.eq(0), outstanding.eq(0), fired.eq(0), complete.eq(0)]
    return SimpleNamespace(excess=excess, fired=fired, complete=complete, when=when)


def _judge(proof: Proof, verdict: Any, step: SimpleNamespace, outputs: Any) -> None:
    said = verdict.decided
    chosen = Signal(signed(BITS))
    proof.m.d.comb += chosen.eq(step.excess[verdict["class"]])
    others = [(k, step.excess[k], k < outputs) for k in range(NEURONS)]
    beaten = Cat(~there | (chosen >= other) for _, other, there in others).all()
    lowest = Cat(~there | (k >= verdict["class"]) | (chosen > other) for k, other, there in others).all()
    equal = sum((there & (chosen == other) for _, other, there in others), Const(0))
    number = sum((step.fired[k] for k in range(NEURONS)), Const(0))
    proof.require("decided when the step is complete", ~said | step.complete)
    proof.require("the first step with a spike, or the last", ~said | (verdict.step == step.when))
    proof.require("the class is an output", ~said | (verdict["class"] < outputs))
    proof.require("no output has a larger excess", ~said | beaten)
    proof.require("no lower index has an equal excess", ~said | lowest)
    proof.require("silent", ~said | (verdict.silent == (number == 0)))
    proof.require("tie", ~said | (verdict.tie == (number > 1)))
    proof.require("exact tie", ~said | (verdict.exact_tie == (equal > 1)))
    proof.require("number of spikes", ~said | (verdict.fired == number))


def _spikes(proof: Proof, unit: Decision, step: SimpleNamespace, tracing: Any, clear: Any, ready: Any) -> None:
    """Requires the stream of fired outputs to be right, and a decision to come if the trace takes the stream."""
    m, spikes, said = proof.m, unit.spikes, unit.verdict.decided
    holds(proof, "spikes", spikes.valid, spikes.ready, spikes.payload, clear)
    shown, patience = Signal(NEURONS), Signal(range(PATIENCE + 1))
    with m.If(spikes.valid & ready):
        m.d.sync += shown.bit_select(spikes.payload.x, 1).eq(1)
    with m.If(step.complete & (ready | ~tracing) & (patience != PATIENCE)):
        m.d.sync += patience.eq(patience + 1)
    with m.If(clear):
        m.d.sync += [shown.eq(0), patience.eq(0)]
    fired = step.fired.bit_select(spikes.payload.x, 1)
    proof.require("a shown spike fired", ~spikes.valid | (tracing & fired & (spikes.payload.t == step.when)))
    proof.require("a spike is shown once", ~spikes.valid | ~shown.bit_select(spikes.payload.x, 1))
    proof.require("all spikes are shown", ~(said & tracing) | (shown == step.fired))
    proof.require("a decision comes", (patience != PATIENCE) | said)
