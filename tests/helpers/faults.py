"""Planted faults, which the tests must find. Each changes one line of the gateware, as a typing error would.

`planted` compiles the source of a unit with that line changed, and puts the resulting methods into the classes that
the rest of the gateware has already imported.
"""

import contextlib
import importlib
import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["FAULTS", "LINK_FAULTS", "Fault", "planted"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: in the module firstspike_hw.<unit>, `old`, which occurs exactly once, becomes `new`."""

    unit: str
    old: str
    new: str


FAULTS = {
    "horizon off by one": Fault(unit="spikes.filing", old="horizon.eq(message.t + 1)", new="horizon.eq(message.t + 2)"),
    "horizon ahead of the last spike": Fault(
        unit="spikes.serialiser", old="done.eq(now.ends & ~more)", new="done.eq(now.ends)"
    ),
    "horizon of ordered images off by one": Fault(
        unit="spikes.input_map", old="Mux(fresh, t2, latest)", new="Mux(fresh, t2 + 1, latest)"
    ),
    "lost tie": Fault(
        unit="spikes.decision", old="verdict.tie.eq(verdict.fired > 1)", new="verdict.tie.eq(verdict.fired > 2)"
    ),
    "last of equals wins": Fault(unit="spikes.decision", old="(message.value > best)", new="(message.value >= best)"),
    "exact tie forgotten": Fault(unit="spikes.decision", old="verdict.exact_tie.eq(1)", new="verdict.exact_tie.eq(0)"),
    "excess compared without its sign": Fault(
        unit="spikes.decision",
        old="(message.value > best)",
        new="(message.value.as_unsigned() > best.as_unsigned())",
    ),
    "silence one step early": Fault(
        unit="spikes.decision", old="end.eq(message.t == self.steps - 1)", new="end.eq(message.t == self.steps - 2)"
    ),
    "wrong T at the end of the walk": Fault(
        unit="stage.sequencer", old="(self.step == self._final_step)", new="(self.step == self._final_step - 1)"
    ),
    "stale bucket": Fault(unit="spikes.queue", old="m.d.sync += touched.eq(0)", new="m.d.sync += touched[1:].eq(0)"),
    "lost link": Fault(
        unit="spikes.queue",
        old="next_write.data.last.eq(~has_one)",
        new="next_write.data.last.eq(1)",
    ),
    "dropped carry": Fault(
        unit="stage.lanes",
        old="after[k].eq(state.now.v[k] + changes[k])",
        new="after[k].eq(Cat((state.now.v[k][:8] + changes[k][:8])[:8], state.now.v[k][8:] + changes[k][8:]))",
    ),
    "swapped rows": Fault(
        unit="stage.sequencer", old="eq(self._offset + self._stride)", new="eq(self.inputs - self._offset)"
    ),
    "neurons of a row shifted": Fault(
        unit="spikes.serialiser",
        old="Array(k * self.lanes for k in range(self.max_rows))[front.row.row]",
        new="front.row.row * (self.lanes - 1)",
    ),
    "delay off by one": Fault(
        unit="spikes.filing", old="recorded.eq(message.t + delay)", new="recorded.eq(message.t + delay + 1)"
    ),
    "input delay off by one": Fault(
        unit="spikes.input_map", old="recorded.eq(t2 + entry.delay)", new="recorded.eq(t2 + entry.delay + 1)"
    ),
    "filed beyond T": Fault(unit="spikes.filing", old="& (recorded < self.steps)),", new="),"),
    "early exit without draining": Fault(
        unit="stage.sequencer",
        old="_drain.eq(self.stop.valid & Mux(self.advance, following >= self.stop.t, t >= self.stop.t))",
        new="_drain.eq(self.stop.valid)",
    ),
    "early exit one step short": Fault(unit="stage.sequencer", old="(t > self.stop.t)", new="(t >= self.stop.t)"),
    "duplicate accepted": Fault(unit="spikes.input_map", old="wanted & ~taken & ~late", new="wanted & ~late"),
    "dropped event filed": Fault(
        unit="spikes.input_map", old="wanted.eq(valid2 & in_range2 & entry.kept)", new="wanted.eq(valid2 & in_range2)"
    ),
    "out of range taken": Fault(
        unit="spikes.input_map", old="(self.events.payload.t < self.steps)", new="(self.events.payload.t <= self.steps)"
    ),
    "constant missing": Fault(
        unit="stage.sequencer",
        old="left = self._so_far.constants != self.constants",
        new="left = self._so_far.constants + 1 < self.constants",
    ),
    "fires twice": Fault(unit="stage.lanes", old="fires.eq(crossed & ~state.now.fired)", new="fires.eq(crossed)"),
    "marks of the image before": Fault(
        unit="spikes.input_map", old="m.d.sync += touched.eq(0)", new="m.d.sync += touched[1:].eq(0)"
    ),
    "spike counted at the next step": Fault(
        unit="stage.sequencer", old="write.addr.eq(step)", new="write.addr.eq(step + 1)"
    ),
    # faults of the learning units
    "votes against counted for": Fault(unit="learning.votes", old="*~against", new="*against"),
    "own spikes struck a step late": Fault(
        unit="learning.replay", old="self.spikes.advance.eq(1)", new="self.spikes.advance.eq(self._t != 0)"
    ),
    "queues not taken back": Fault(unit="learning.teacher", old="self.rewind.eq(1)", new="self.rewind.eq(0)"),
    "replay ends a step early": Fault(
        unit="learning.replay", old="(self._t == self.end)", new="(self._t + 1 == self.end)"
    ),
    "rival forgotten": Fault(
        unit="learning.output_record", old="m.d.sync += rival.eq(1)", new="m.d.sync += rival.eq(0)"
    ),
    "lateness forgotten": Fault(
        unit="learning.output_record", old="(verdict.step > self.late)", new="(verdict.step > 255)"
    ),
    "margin one step short": Fault(
        unit="learning.output_record",
        old="limit.eq(verdict.step + self.margin)",
        new="limit.eq(verdict.step + self.margin - 1)",
    ),
    "rivals beyond the end": Fault(
        unit="learning.output_record", old="in_time.eq(~known | (message.t <= self.end))", new="in_time.eq(1)"
    ),
    "weights wrap": Fault(unit="learning.plastic_lanes", old="moves & ~stuck", new="moves"),
    "random bits not turned": Fault(
        unit="learning.stage_learning", old="[bits.u.eq(u), bits.v.eq(v)]", new="[bits.u.eq(bits.u), bits.v.eq(bits.v)]"
    ),
    "random bits of another layer": Fault(
        unit="learning.teacher", old="sum((self.used[n] for n in range(k)), Const(0))", new="Const(0)"
    ),
    "one more random bit": Fault(
        unit="learning.stage_learning", old="self.outside_port.chance > k", new="self.outside_port.chance >= k"
    ),
    "learning images not counted": Fault(unit="core.registers", old="count.eq(count + 1)", new="count.eq(count)"),
    "signs kept from the image before": Fault(
        unit="learning.teacher", old="stage.clear.eq(self.begin & self.learns)", new="stage.clear.eq(0)"
    ),
    "label not marked": Fault(
        unit="learning.teacher", old="self.mark_label.eq(waited == 0)", new="self.mark_label.eq(0)"
    ),
    "marks in the first row": Fault(unit="learning.stage_learning", old="mark_row.eq(row)", new="mark_row.eq(0)"),
    "image let go before it is learnt": Fault(
        unit="core.engine", old="self._phase.eq(Phase.LEARN)", new="self._phase.eq(Phase.CLEAR)"
    ),
    "the host's word is learnt too": Fault(
        unit="core.registers", old="window.clear.eq(registers.learning)", new="window.clear.eq(0)"
    ),
    "counts of the end, not of the decision": Fault(
        unit="stage.sequencer", old="self.decided if self.learns else self.stop.t", new="self.stop.t"
    ),
    "learnt at another address": Fault(
        unit="learning.stage_learning",
        old="self.host.address, writes.address",
        new="self.host.address, writes.address ^ 1",
    ),
    # faults against the rules of streams, which no comparison of answers shows
    "result not held": Fault(
        unit="spikes.result", old="m.Elif(self.beats.valid & self.beats.ready)", new="m.Elif(self.beats.valid)"
    ),
    "serialiser does not wait": Fault(unit="spikes.serialiser", old="(self.messages.ready & ~more)", new="~more"),
    "sequencer does not wait for the trace": Fault(
        unit="stage.sequencer",
        old="go.eq(~(self.tracing & self.events.valid) | self.spikes.ready | (self._row != 0))",
        new="go.eq(1)",
    ),
    "register answer not held": Fault(unit="core.registers", old="m.If(bus.rready)", new="m.If(1)"),
    "trace not held": Fault(unit="spikes.trace", old="free.eq(~self.beats.valid | self.beats.ready)", new="free.eq(1)"),
}

# Faults of the link.
LINK_FAULTS = {
    "start bit not checked": Fault(unit="link.uart", old="(left == DATA_BITS + 1) & line", new="0"),
    "bits of a byte the other way round": Fault(
        unit="link.uart", old="shift.eq(Cat(shift[1:], line))", new="shift.eq(Cat(line, shift[:-1]))"
    ),
    "zero behind a full group": Fault(unit="link.cobs", old="zero.eq(byte != FULL)", new="zero.eq(1)"),
    "groups too long": Fault(unit="link.cobs", old="m.If(count == GROUP)", new="m.If(count == GROUP - 1)"),
    "encoder runs over": Fault(unit="link.cobs", old="room.eq(after != out)", new="room.eq(1)"),
    "frame taken without its CRC": Fault(
        unit="link.frame_receiver", old="whole & ~self.damaged & crc.match_detected", new="whole & ~self.damaged"
    ),
    "broken code taken": Fault(
        unit="link.frame_receiver", old="whole & ~self.damaged & crc.match_detected", new="whole & crc.match_detected"
    ),
    "length not checked": Fault(
        unit="link.frame_receiver",
        old="whole = (phase == Phase.CRC) & (at == CRC.size)",
        new="whole = (phase == Phase.CRC) | (phase == Phase.OVER)",
    ),
    "any hello will do": Fault(unit="link.frame_receiver", old="known & (at == HELLO.size)", new="(at == HELLO.size)"),
    "payload visible before it is judged": Fault(
        unit="link.buffers", old="upcoming != self.filled[: bits + 1]", new="upcoming != place[: bits + 1]"
    ),
    "payload forgotten by halves": Fault(
        unit="link.buffers", old="[place.eq(self.filled), lost.eq(0)]", new="[lost.eq(0)]"
    ),
    "unread bytes overwritten": Fault(
        unit="link.buffers", old="write.en.eq(self.payload.valid & ~full)", new="write.en.eq(self.payload.valid)"
    ),
    "more room than there is": Fault(
        unit="link.buffers", old="self.room.eq(self.size -", new="self.room.eq(self.size + 1 -"
    ),
    "record not dropped": Fault(
        unit="link.buffers", old="place.eq(Mux(self.drop, self.tail, after))", new="place.eq(after)"
    ),
    "sequence off by one": Fault(
        unit="link.board_session", old="(ahead == 0) & self.fits", new="(ahead <= 1) & self.fits"
    ),
    "bytes that come too early are taken": Fault(
        unit="link.board_session", old="(ahead == 0) & self.fits", new="~ahead[-1] & self.fits"
    ),
    "payload taken without room": Fault(unit="link.board_session", old="(ahead == 0) & self.fits", new="(ahead == 0)"),
    "anybody's frames are heard": Fault(
        unit="link.board_session", old="same.eq(self.open & (header.session == self.number))", new="same.eq(self.open)"
    ),
    "a session opens twice": Fault(unit="link.board_session", old="& ~(same & (nonce == self.nonce))", new=""),
    "every gap is asked for again and again": Fault(unit="link.board_session", old="m.If(~asked)", new="m.If(1)"),
    "room is not told of": Fault(unit="link.board_session", old="m.Elif(news >= NEWS)", new="m.Elif(0)"),
    "sent again from the wrong byte": Fault(
        unit="link.sending", old="m.d.sync += self.cursor.eq(target)", new="m.d.sync += self.cursor.eq(target + 1)"
    ),
    "any acknowledgement is believed": Fault(unit="link.sending", old="& (gained[:far] <= outstanding)", new=""),
    "sent beyond the window": Fault(
        unit="link.sending", old="less.eq(Mux(unsent < allowed, unsent, allowed))", new="less.eq(unsent)"
    ),
    "never overdue": Fault(unit="link.sending", old="waited == (1 << backoff) - 1", new="0"),
    "acknowledgement not told": Fault(unit="link.frame_sender", old="told.eq(self.expected)", new="told.eq(0)"),
    "payload one byte late": Fault(
        unit="link.frame_sender",
        old="place + (step & (phase == Phase.PAYLOAD))",
        new="place + (step & (phase != Phase.CRC))",
    ),
    "write given up": Fault(unit="link.bus", old="m.If(bus.awready)", new="m.If(1)"),
    "core not reset": Fault(
        unit="link.bus", old="packed(RESET, run=self.run, reset=1)", new="packed(RESET, run=self.run, reset=0)"
    ),
    "halted by a new session": Fault(
        unit="link.bus", old="packed(RESET, run=self.run, reset=1)", new="packed(RESET, run=0, reset=1)"
    ),
    "tag stands still": Fault(unit="link.dispatcher", old="head.tag.eq(head.tag + 1)", new="head.tag.eq(head.tag)"),
    "last bytes of a bitmap missing": Fault(
        unit="link.dispatcher",
        old="Mux(self.is_events, self.left < EVENT.size, self.left == 0)",
        new="self.left < EVENT.size",
    ),
    "images in any state": Fault(
        unit="link.dispatcher", old="self.valid.eq(self.state == Configuration.VALID)", new="self.valid.eq(1)"
    ),
    "refused out of turn": Fault(unit="link.dispatcher", old="m.Elif(self.images == 0)", new="m.Else()"),
    "record seen by halves": Fault(
        unit="link.reporter", old="self.commit.eq(ends & (at == WORD - 1))", new="self.commit.eq(at == WORD - 1)"
    ),
    "spikes without room": Fault(unit="link.reporter", old="| (self.room < WORD) |", new="|"),
    "spikes of the next image": Fault(unit="link.reporter", old="waiting.r_data & ~marked", new="waiting.r_data"),
    "guard forgets what changes": Fault(
        unit="link.guard", old="state.eq(Configuration.CHANGED)", new="state.eq(Configuration.VALID)"
    ),
    "guard without a CRC": Fault(unit="link.guard", old="m.If(crc.crc != expected)", new="m.If(0)"),
    "guard forgets refusals": Fault(unit="link.guard", old="m.If(refused | ~some)", new="m.If(~some)"),
    "watchdog sleeps": Fault(unit="link.watchdog", old="count.eq(count + 1)", new="count.eq(count)"),
    "watchdog impatient": Fault(unit="link.watchdog", old="m.Elif(self.able & ~self.expired)", new="m.Elif(1)"),
    "event lost": Fault(unit="link.counters", old="(pending & ~counted) | self.events", new="self.events"),
    "register shows another": Fault(
        unit="link.link_registers", old='"CONFIG_NAME0": self.name.low', new='"CONFIG_NAME0": self.name.high'
    ),
}


@contextlib.contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """Plants the fault in all gateware elaborated inside the block.

    Raises ValueError if the line to change does not occur exactly once.
    """
    module = importlib.import_module(f"firstspike_hw.{fault.unit}")
    source = inspect.getsource(module)
    if source.count(fault.old) != 1:
        name = fault.unit.replace(".", "/")
        raise ValueError(f"firstspike_hw/{name}.py has {fault.old!r} {source.count(fault.old)} times, not once")
    changed = types.ModuleType(module.__name__)
    changed.__dict__.update(__package__=module.__package__, __file__=module.__file__)
    exec(compile(source.replace(fault.old, fault.new), f"<{fault.unit} with a fault>", "exec"), changed.__dict__)
    saved: list[tuple[type, str, object]] = []
    for name, made in vars(changed).items():
        kept = vars(module).get(name)
        if not (inspect.isclass(made) and inspect.isclass(kept) and made.__module__ == module.__name__):
            continue
        for method, function in vars(made).items():
            if inspect.isfunction(function) and method != "__init__":  # __init__ may name its class through `super`
                saved.append((kept, method, vars(kept)[method]))
                setattr(kept, method, function)
    try:
        yield
    finally:
        for kept, method, function in saved:
            setattr(kept, method, function)
