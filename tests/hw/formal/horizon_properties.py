"""Properties of the horizon: no spike is ever filed below it, and it rises as far as it can.

Two places publish a horizon. Between stages, these are serialiser, filing, and queue and horizon register of the
receiving stage, connected as in the engine. The bench sends rows as a stage does: steps ascend, and a neuron fires
once. At the entry it is the input map, for images that promise to be in time order.

Sizes are small: two rows of two lanes, three steps, and a queue of two rows instead of sixteen. That is enough, because
times are only added and compared, and the logic is the same for every neuron of every row.
"""

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.utils import bits_for
from prover import Proof

from firstspike_contract import StageConfig
from firstspike_hw.spikes.filing import Filing
from firstspike_hw.spikes.input_map import InputMap
from firstspike_hw.spikes.serialiser import Serialiser
from firstspike_hw.stage.stage import Stage

__all__ = ["at_the_entry", "between_stages"]

LANES, ROWS, STEPS = 2, 2, 3
NEURONS = LANES * ROWS
DELAY = range(STEPS + 1)
ROWS_IN = 3  # addresses and weight rows of the input map
DRAINED = 14  # cycles in which two rows of two lanes pass: 2 x 2 messages and ten cycles of latency


class ShortSerialiser(Serialiser):
    depth = 2


class Receiver(Stage):
    """The queue and the horizon register of a stage, with free signals in place of its sequencer."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._source(m, self.sequencer)
        return m


def receiver() -> Receiver:
    config = StageConfig(
        lanes=1, depth=8, max_rows=1, inputs=NEURONS, constants=1, a_bits=4, v_bits=4, kernels=("linear",)
    )
    unit = Receiver(config, steps=STEPS, queue_inputs=NEURONS)
    unit.sequencer = SimpleNamespace(
        horizon=Signal(bits_for(STEPS), name="published"),
        advance=Signal(name="announced"),
        open=Signal(name="opened"),
        occupied=Signal(),
        events=SimpleNamespace(
            valid=Signal(name="leaving"), payload=Signal(range(NEURONS), name="left"), ready=Signal(name="taken")
        ),
    )
    return unit


def between_stages() -> Proof:
    """Proves the horizon between stages; `clear` may drop all messages at any time and begin a new image."""
    proof = Proof()
    m = proof.m
    m.submodules.serialiser = serialiser = ShortSerialiser(lanes=LANES, rows=ROWS, steps=STEPS)
    m.submodules.filing = filing = Filing(message=serialiser.message, neurons=NEURONS, steps=STEPS)
    m.submodules.stage = stage = receiver()
    steps, outputs = proof.constant("steps", range(STEPS + 1)), proof.constant("outputs", range(NEURONS + 1))
    proof.assume((steps > 0) & (outputs > 0) & (steps <= STEPS) & (outputs <= NEURONS))
    clear = proof.free("clear")
    m.d.comb += [
        serialiser.messages.ready.eq(1),
        serialiser.clear.eq(clear),
        filing.clear.eq(clear),
        stage.clear.eq(clear),
        filing.steps.eq(steps),
        filing.outputs.eq(outputs),
        filing.messages.valid.eq(serialiser.messages.valid),
        filing.messages.payload.eq(serialiser.messages.payload),
        stage.filed.valid.eq(filing.filed.valid),
        stage.filed.payload.eq(filing.filed.payload),
    ]
    walk = _walk(proof, serialiser, steps, clear)
    watched, delay = _delays(proof, filing, walk.begun)
    _judge(proof, filing, stage.sequencer.horizon, steps, outputs, clear, walk, watched, delay)
    return proof


def _walk(proof: Proof, serialiser: Serialiser, steps: Any, clear: Any) -> SimpleNamespace:
    """Sends rows as a stage does.

    Returns the step `t` being walked, whether a row has been sent (`begun`), the strobe `send` of a row, the neurons
    `now` that fire in it, and `quiet`: 1 if DRAINED cycles have passed since the last row.
    """
    m, rows = proof.m, serialiser.rows
    send, fires = proof.free("send"), proof.free("fires", LANES)
    count = proof.constant("rows", range(ROWS + 1))
    t, row, begun = Signal(range(STEPS + 1)), Signal(range(ROWS)), Signal()
    outstanding, quiet = Signal(range(Serialiser.depth)), Signal(range(DRAINED + 1))
    fired = Signal(NEURONS)
    now = Signal(NEURONS)
    m.d.comb += now.eq((fires & Const(-1, LANES)) << row * LANES)
    proof.assume((count > 0) & (count <= ROWS) & ~(now & fired).any())
    proof.assume(~send | ((t < steps) & (outstanding < ShortSerialiser.depth)))
    last = row == count - 1
    m.d.comb += [rows.valid.eq(send), rows.payload.fires.eq(fires), rows.payload.row.eq(row)]
    m.d.comb += [rows.payload.t.eq(t), rows.payload.last.eq(last)]
    m.d.sync += [outstanding.eq(outstanding + send - serialiser.taken), quiet.eq(quiet + (quiet != DRAINED))]
    with m.If(send):
        m.d.sync += [begun.eq(1), fired.eq(fired | now), row.eq(row + 1), quiet.eq(0)]
        with m.If(last):
            m.d.sync += [row.eq(0), t.eq(t + 1)]
    with m.If(clear):
        m.d.sync += [t.eq(0), row.eq(0), begun.eq(0), fired.eq(0), outstanding.eq(0), quiet.eq(0)]
    return SimpleNamespace(t=t, begun=begun, send=send, now=now, quiet=quiet == DRAINED)


def _delays(proof: Proof, filing: Filing, begun: Signal) -> tuple[Any, Any]:
    """Lets the host write delays before the first row. Returns an arbitrary neuron to watch, and its delay."""
    m, port = proof.m, filing.delays
    write, address, word = proof.free("write"), proof.free("address", range(NEURONS)), proof.free("word", DELAY)
    watched, delay = proof.constant("watched", range(NEURONS)), Signal(DELAY, reset_less=True)
    proof.assume(~write | (~begun & (word <= STEPS)))
    m.d.comb += [port.write.eq(write), port.address.eq(address), port.word.eq(word)]
    with m.If(write & (address == watched)):
        m.d.sync += delay.eq(word)
    return watched, delay


def _judge(
    proof: Proof,
    filing: Filing,
    published: Any,
    steps: Any,
    outputs: Any,
    clear: Any,
    walk: SimpleNamespace,
    watched: Any,
    delay: Any,
) -> None:
    m, filed = proof.m, filing.filed
    spike = Signal()
    m.d.comb += spike.eq(filed.valid & filed.payload.spike)
    mine = spike & (filed.payload.x == watched)
    fired, when, seen = Signal(), Signal(range(STEPS)), Signal()
    recorded = when + delay
    with m.If(walk.send & walk.now.bit_select(watched, 1)):
        m.d.sync += [fired.eq(1), when.eq(walk.t)]
    with m.If(mine):
        m.d.sync += seen.eq(1)
    reached = Signal.like(published)  # the highest horizon so far
    m.d.sync += reached.eq(published)
    stale = Signal()  # for one cycle the horizon is still that of the image before; no row has been sent
    m.d.sync += stale.eq(clear)
    with m.If(clear):
        m.d.sync += [fired.eq(0), seen.eq(0), reached.eq(0)]
    with m.If(stale):
        m.d.sync += reached.eq(0)

    # The queue shows an event two cycles after the sequencer could first act on the horizon that came with the event.
    just, then = Signal(), Signal.like(filed.payload.t)
    m.d.sync += [just.eq(spike & ~clear), then.eq(filed.payload.t)]
    below = (spike & (filed.payload.t < published)) | (just & (then < published))

    due = fired & (recorded < steps) & (watched < outputs)
    proof.require("nothing is filed below the horizon", stale | ~below)
    proof.require("the horizon does not fall", stale | (published >= reached))
    proof.require("the horizon is not ahead of the walk", stale | (published <= walk.t))
    proof.require("what is below the horizon has been filed", stale | ~(due & (recorded < published)) | seen)
    proof.require("filed once, at the recorded time", ~mine | (due & ~seen & (filed.payload.t == recorded)))
    proof.require("the horizon comes as far as the walk", ~walk.quiet | (published == walk.t))
    proof.require("no spike is lost", ~walk.quiet | ~due | seen)


def at_the_entry() -> Proof:
    """Proves the horizon of the input map over many images; marks are cleaned while no event is inside."""
    proof = Proof()
    m = proof.m
    m.submodules.unit = unit = InputMap(addresses=ROWS_IN, entries=ROWS_IN, steps=STEPS)
    steps, addresses = proof.constant("steps", range(STEPS + 1)), proof.constant("addresses", range(ROWS_IN + 1))
    proof.assume((steps > 0) & (addresses > 0) & (steps <= STEPS) & (addresses <= ROWS_IN))
    ordered, write, clean = proof.free("ordered"), proof.free("write"), proof.free("clean")
    address, word = proof.free("address", range(ROWS_IN)), proof.free("word", 32)
    valid, t, x = proof.free("valid"), proof.free("t", 16), proof.free("x", 16)
    m.d.comb += [
        unit.steps.eq(steps),
        unit.addresses.eq(addresses),
        unit.ordered.eq(ordered),
        unit.clean.eq(clean),
        unit.host.write.eq(write),
        unit.host.address.eq(address),
        unit.host.word.eq(word),
        unit.events.valid.eq(valid),
        unit.events.payload.t.eq(t),
        unit.events.payload.x.eq(x),
    ]
    # An image lasts from its first event to the next cleaning, and its order is promised for all of it or for none.
    running, before, on_way = Signal(), Signal(), Signal(InputMap.latency)
    m.d.sync += [before.eq(ordered), on_way.eq(Cat(valid, on_way))]
    with m.If(valid):
        m.d.sync += running.eq(1)
    with m.If(clean):
        m.d.sync += running.eq(0)
    proof.assume(~clean | ~(valid | on_way.any()))
    proof.assume(~(running | valid) | ~write)
    proof.assume(~running | (ordered == before))
    proof.assume(~write | ((word[:16] < ROWS_IN) & (word[16:31] <= STEPS)))
    _judge_entry(proof, unit, steps, ordered, clean)
    return proof


def _judge_entry(proof: Proof, unit: InputMap, steps: Any, ordered: Any, clean: Any) -> None:
    m, out = proof.m, unit.mapped
    filed = Signal()
    m.d.comb += filed.eq(out.valid & out.payload.filed)
    published, once = Signal.like(out.payload.horizon), Signal(ROWS_IN)
    with m.If(out.valid):
        m.d.sync += published.eq(out.payload.horizon)
    with m.If(filed):
        m.d.sync += once.bit_select(out.payload.event.x, 1).eq(1)
    with m.If(clean):
        m.d.sync += [published.eq(0), once.eq(0)]
    fate = out.payload.filed + out.payload.dropped + out.payload.refused
    proof.require("nothing is filed below the horizon", ~filed | (out.payload.event.t >= published))
    proof.require("nothing is filed at T or later", ~filed | (out.payload.event.t < steps))
    proof.require("the horizon does not fall", ~out.valid | (out.payload.horizon >= published))
    proof.require("the horizon is 0 without a promised order", ~out.valid | ordered | (out.payload.horizon == 0))
    proof.require("each input is filed once", ~filed | ~once.bit_select(out.payload.event.x, 1))
    proof.require("an event has one fate at most", ~out.valid | (fate <= 1))
    proof.require("only late events of ordered images are late", ~(out.valid & out.payload.late) | ordered)
