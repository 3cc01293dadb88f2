"""Properties of the core's streams: an offered payload stays unchanged until it is taken.

The streams of the ports are ResultSender.beats (m_axis), Trace.beats (t_axis) and the answers of the register file.
Inside the core are those of sequencer and serialiser, proved here, and those of queue and decision, proved with the
other properties of these units. Streams that are always taken need no proof. Units are small, because the rule does not
depend on the width of a payload.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Signal
from prover import Proof

from firstspike_contract import CoreConfig, StageConfig
from firstspike_hw.core.engine import memory_widths
from firstspike_hw.core.registers import RegisterFile
from firstspike_hw.spikes.result import ResultSender
from firstspike_hw.spikes.serialiser import Serialiser
from firstspike_hw.spikes.trace import Trace
from firstspike_hw.stage.sequencer import Sequencer

__all__ = ["STREAMS", "holds", "register_file", "result", "sequencer", "serialiser", "trace"]

NEVER = Const(0)


def holds(proof: Proof, name: str, valid: Any, ready: Any, payload: Any, unless: Any = NEVER) -> None:
    """Requires that a stream holds its payload. `unless` is a strobe: the offer is void from the next cycle on."""
    bits = payload.as_value() if hasattr(payload, "as_value") else payload
    waiting, before = Signal(name="waiting"), Signal(len(bits), name="before")
    proof.m.d.sync += [waiting.eq(valid & ~ready & ~unless), before.eq(bits)]
    proof.require(f"{name}: stays valid", ~waiting | valid)
    proof.require(f"{name}: payload is stable", ~(waiting & valid) | (bits == before))


def _taken_freely(proof: Proof, offered: Any) -> Any:
    """Connects a stream out of the unit to a free `ready`, and returns the stream."""
    ready = proof.free("ready")
    proof.m.d.comb += offered.ready.eq(ready)
    return offered


def _held_by_the_bench(proof: Proof, name: str, taken: Any) -> None:
    """Drives a stream into the unit with free payloads that the bench holds until they are taken."""
    valid, payload = proof.free(f"{name}_valid"), proof.free(f"{name}_payload", taken.payload.shape())
    before, waiting = Signal(len(_bits(payload)), name=f"{name}_before"), Signal(name=f"{name}_waiting")
    proof.m.d.sync += [waiting.eq(valid & ~taken.ready), before.eq(payload)]
    proof.assume(~waiting | (valid & (_bits(payload) == before)))
    proof.m.d.comb += [taken.valid.eq(valid), taken.payload.eq(payload)]


def _bits(payload: Any) -> Any:
    return payload.as_value() if hasattr(payload, "as_value") else payload


def result() -> Proof:
    """Proves that m_axis holds its beats, and that TLAST comes with the eleventh beat only."""
    proof = Proof()
    proof.m.submodules.unit = unit = ResultSender()
    _held_by_the_bench(proof, "packet", unit.packet)
    beats = _taken_freely(proof, unit.beats)
    holds(proof, "m_axis", beats.valid, beats.ready, beats.payload)
    sent = Signal(range(11))
    with proof.m.If(beats.valid & beats.ready):
        proof.m.d.sync += sent.eq(sent + 1)
        with proof.m.If(beats.payload.last):
            proof.m.d.sync += sent.eq(0)
    proof.require("m_axis: eleven beats", ~beats.valid | (beats.payload.last == (sent == 10)))
    return proof


def trace() -> Proof:
    """Proves that t_axis, with two sources, holds its beats and sends exactly the spikes taken, then the marker."""
    proof = Proof()
    proof.m.submodules.unit = unit = Trace(sources=2, steps=4)
    for k in range(2):
        _held_by_the_bench(proof, f"spikes{k}", unit.spikes[k])
        proof.m.d.comb += unit.layers[k].eq(k + 1)
    end = proof.free("end")
    step, tag = proof.free("step", 2), proof.free("tag", 8)
    proof.m.d.comb += [unit.end.eq(end), unit.step.eq(step), unit.tag.eq(tag)]
    beats = _taken_freely(proof, unit.beats)

    # The engine ends the trace of an image after its last spike, and continues after the trace has settled.
    ended, kept = Signal(), Signal(10)
    with proof.m.If(end):
        proof.m.d.sync += ended.eq(1)
    with proof.m.If(ended & unit.settled):
        proof.m.d.sync += ended.eq(0)
    proof.m.d.sync += kept.eq(Cat(step, tag))
    proof.assume(~ended | ~(end | unit.spikes[0].valid | unit.spikes[1].valid))
    proof.assume(~ended | (kept == Cat(step, tag)))
    holds(proof, "t_axis", beats.valid, beats.ready, beats.payload)

    inside, came = Signal(5), Signal()
    into = sum((source.valid & source.ready for source in unit.spikes), Const(0))
    out = beats.valid & beats.ready & ~beats.payload.last
    proof.m.d.sync += [inside.eq(inside + into - out), came.eq(into != 0)]
    proof.require("t_axis: no spike out of nothing", ~(beats.valid & ~beats.payload.last) | (inside != 0))
    proof.require("t_axis: the marker comes last", ~(beats.valid & beats.payload.last) | ((inside == 0) & ended))
    proof.require("t_axis: settled means empty", ~unit.settled | came | (inside == 0))
    return proof


def sequencer() -> Proof:
    """Proves that the spikes of a stage for the trace hold, unless the image has ended at an earlier step.

    This exception does no harm, because the trace only reads a payload in the cycle in which it takes it.
    """
    proof = Proof()
    proof.m.submodules.unit = unit = Sequencer(depth=8, inputs=4, constants=2, rows=2, steps=4)
    for name in ("steps", "inputs", "constants", "rows", "tracing"):
        proof.m.d.comb += getattr(unit, name).eq(proof.constant(name, getattr(unit, name).shape()))
    for name in ("start", "clear", "horizon", "occupied", "room"):
        proof.m.d.comb += getattr(unit, name).eq(proof.free(name, getattr(unit, name).shape()))
    _held_by_the_bench(proof, "events", unit.events)
    stop, stopped = proof.free("stop", unit.stop.shape()), Signal(unit.stop.shape())
    proof.m.d.sync += stopped.eq(stop)
    proof.assume(~stopped.valid | (stop.as_value() == stopped.as_value()))
    proof.m.d.comb += unit.stop.eq(stop)
    spikes = _taken_freely(proof, unit.spikes)
    past = unit.stop.valid & (unit.step > unit.stop.t)
    void = unit.start | unit.clear | past
    holds(proof, "spikes", spikes.valid, spikes.ready, spikes.payload, void)
    return proof


def serialiser() -> Proof:
    """Proves that messages hold while they wait for the trace behind the decision."""
    proof = Proof()
    proof.m.submodules.unit = unit = Serialiser(lanes=3, rows=2, steps=4)
    row, valid, clear = proof.free("row", unit.row), proof.free("valid"), proof.free("clear")
    proof.m.d.comb += [unit.rows.payload.eq(row), unit.rows.valid.eq(valid), unit.clear.eq(clear)]
    messages = _taken_freely(proof, unit.messages)
    holds(proof, "messages", messages.valid, messages.ready, messages.payload, clear)
    return proof


def register_file() -> Proof:
    """Proves that the answers of s_axil hold, for any sequence of accesses."""
    stage = StageConfig(lanes=2, depth=4, max_rows=2, inputs=4, constants=2, a_bits=8, v_bits=8, kernels=("linear",))
    config = CoreConfig(stages=(stage,), addresses=4, max_steps=16)
    proof = Proof()
    unit = RegisterFile(config, memory_widths(config))
    unit.readings |= {(name, None): Const(0, 32) for name in ("STATUS", "IMAGES", "BUSY")}
    proof.m.submodules.unit = unit
    bus = unit.bus
    for name in ("awaddr", "awvalid", "wdata", "wvalid", "bready", "araddr", "arvalid", "rready"):
        proof.m.d.comb += getattr(bus, name).eq(proof.free(name, getattr(bus, name).shape()))
    proof.m.d.comb += unit.idle.eq(proof.free("idle"))
    holds(proof, "s_axil b", bus.bvalid, bus.bready, bus.bresp)
    holds(proof, "s_axil r", bus.rvalid, bus.rready, Cat(bus.rdata, bus.rresp))
    return proof


STREAMS = {f.__name__: f for f in (result, trace, sequencer, serialiser, register_file)}
