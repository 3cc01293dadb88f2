"""Stage sequencer: which row of which event or step the lanes work on, cycle by cycle.

    clear all rows; then for each step t: wait until H >= t, walk all rows; wait until H > t, drive all rows by each
    event of step t; note the counts up to t.

Where events act at once (`step`) it is: wait until H > t, drive, walk, note the counts. Rows follow each other without
a gap; a step without events costs its rows, one with events its rows and one cycle more, and so does a constant input.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.fabric.memory_port import IN_LOGIC, MemoryPort
from firstspike_hw.fabric.sizes import check_sizes

__all__ = ["Sequencer", "counts_layout", "issue_layout", "stop_layout"]

COUNT_BITS = 16


class Phase(IntEnum):
    """One bit each: what is done in a cycle depends on little else."""

    IDLE = 1
    CLEAR = 2
    WALK = 4
    WAIT = 8
    DRIVE = 16
    FINISHED = 32


def counts_layout() -> data.StructLayout:
    """Events of a layer that had come by some step: spikes, and constant inputs."""
    return data.StructLayout({"spikes": COUNT_BITS, "constants": COUNT_BITS})


def stop_layout(steps: int) -> data.StructLayout:
    """valid: the image ends with step t."""
    return data.StructLayout({"valid": 1, "t": bits_for(steps - 1)})


def issue_layout(*, depth: int, rows: int, steps: int) -> data.StructLayout:
    """One operation for the lanes. address: weight word of a `drive`. t: step. last: row of a `walk`."""
    fields = {"clear": 1, "drive": 1, "walk": 1, "row": bits_for(rows - 1), "last": 1, "t": bits_for(steps - 1)}
    return data.StructLayout({**fields, "address": bits_for(depth - 1)})


class Sequencer(wiring.Component):
    """events_first: the order of `step`. Ports, all stable during an image unless said otherwise:

    steps, inputs, constants, rows: sizes of the layer, as in the register map.
    start:    strobe: begin an image. clear: forget it, back to idle.
    stop:     may become valid at any time: finish step t and no later one.
    horizon:  H of the source.
    step, advance, occupied, open, events: the calendar queue of the source.
    room:     the serialiser can take another row, and did so a cycle ago.
    tracing:  show each spike of the source on `spikes`, and wait while it is not taken.
    issue:    registered. finished: from the last step until `clear`.
    decided:  D, of a stage that learns: its images run on beyond it.
    counts:   of step `stop.t`, or `decided`, valid two cycles after `finished`. rows_read: events driven so far.
    times:    host port of the constant inputs' times.
    """

    latency = 1  # from a decision here to `issue`

    def __init__(
        self,
        *,
        depth: int,
        inputs: int,
        constants: int,
        rows: int,
        steps: int,
        events_first: bool = False,
        learns: bool = False,
    ) -> None:
        check_sizes(self, depth=depth, inputs=inputs, constants=constants, rows=rows, steps=steps)
        self.max_constants, self.max_steps, self.events_first, self.learns = constants, steps, events_first, learns
        x_bits, t_bits = bits_for(inputs - 1), bits_for(steps - 1)
        self.event = data.StructLayout({"t": t_bits, "x": x_bits})
        super().__init__(
            {
                "steps": In(bits_for(steps)),
                "inputs": In(bits_for(inputs)),
                "constants": In(bits_for(constants)),
                "rows": In(bits_for(rows)),
                "start": In(1),
                "clear": In(1),
                "stop": In(stop_layout(steps)),
                **({"decided": In(t_bits)} if learns else {}),
                "horizon": In(bits_for(steps)),
                "step": Out(t_bits),
                "advance": Out(1),
                "occupied": In(1),
                "open": Out(1),
                "events": In(stream.Signature(unsigned(x_bits))),
                "room": In(1),
                "tracing": In(1),
                "spikes": Out(stream.Signature(self.event)),
                "issue": Out(issue_layout(depth=depth, rows=rows, steps=steps)),
                "finished": Out(1),
                "counts": Out(counts_layout()),
                "rows_read": Out(COUNT_BITS),
                "times": In(MemoryPort(width=t_bits)),
            }
        )

    @staticmethod
    def model(events: list[int], constants: list[int], rows: int, stop: int) -> int:
        """Cycles from start to finished with H = T throughout; spikes, and constant inputs, at each step."""
        cycles = 1 + rows
        for t in range(stop + 1):
            known = t > 0 and rows == 1 and sum(constants[t:]) > 0  # a cycle later whether one is due
            count = events[t] + constants[t]
            cycles += rows + known + (1 + count * rows + constants[t] if count else 0)
        return cycles

    def elaborate(self, platform: object) -> Module:
        m = Module()
        t, r, phase = self.step, Signal.like(self.rows), Signal(6, init=Phase.IDLE)
        last_row, final_row, final_step = Signal(), Signal.like(self.rows), Signal.like(t)
        m.d.sync += [final_row.eq(self.rows - 1), final_step.eq(self.steps - 1)]
        m.d.comb += last_row.eq(r == final_row)
        counts = self._counts(m)
        due, unknown, source_x = self._source(m, t)

        # What depends on t is compared a cycle ahead, with the t that will be.
        past, drain = Signal(), Signal()  # beyond the last step that matters; or at it, where only counts do
        filed_before, filed = Signal(), Signal()
        following = Signal(range(self.max_steps + 1))
        m.d.comb += following.eq(t + 1)
        m.d.sync += [
            past.eq(self.stop.valid & (t > self.stop.t)),
            drain.eq(self.stop.valid & Mux(self.advance, following >= self.stop.t, t >= self.stop.t)),
            filed_before.eq(Mux(self.advance, self.horizon >= following, self.horizon >= t)),
            filed.eq(Mux(self.advance, self.horizon > following, self.horizon > t)),
        ]

        issue, offset, stride = self.issue, Signal.like(self.issue.address), Signal.like(self.issue.address)
        m.d.sync += stride.eq(self.inputs + self.constants)
        m.d.sync += [
            issue.eq(0),
            issue.row.eq(r),
            issue.last.eq(last_row),
            issue.t.eq(t),
            issue.address.eq(source_x + offset),
        ]

        def next_row() -> None:
            m.d.sync += r.eq(Mux(last_row, 0, r + 1))

        def finish_step() -> None:
            m.d.comb += [counts.write.eq(1), self.advance.eq(1)]
            m.d.sync += [t.eq(following), phase.eq(Phase.WAIT if self.events_first else Phase.WALK)]
            with m.If((t == final_step) | drain):
                m.d.sync += phase.eq(Phase.FINISHED)

        def walk_row(then: Callable[[], None]) -> None:
            m.d.sync += issue.walk.eq(1)
            next_row()
            with m.If(last_row):
                then()

        def take_events(otherwise: Callable[[], None]) -> None:
            """To the events of this step, if it is known that there are, or are not, any."""
            with m.If(filed & ~unknown):
                with m.If(self.occupied | due):
                    m.d.comb += self.open.eq(1)
                    m.d.sync += phase.eq(Phase.DRIVE)
                with m.Else():
                    otherwise()

        def after_walk() -> None:
            m.d.sync += phase.eq(Phase.WAIT)
            take_events(otherwise=finish_step)

        def walk_after_events() -> None:
            with m.If(self.room):
                m.d.sync += phase.eq(Phase.WALK)
                walk_row(then=finish_step)

        now = {each: phase[each.bit_length() - 1] for each in Phase}
        with m.If(now[Phase.CLEAR]):
            m.d.sync += issue.clear.eq(1)
            next_row()
            with m.If(last_row):
                m.d.sync += phase.eq(Phase.WAIT if self.events_first else Phase.WALK)
        with m.If(now[Phase.WALK] & (filed_before | self.events_first) & self.room):
            walk_row(then=finish_step if self.events_first else after_walk)
        with m.If(now[Phase.WAIT]):
            take_events(otherwise=walk_after_events if self.events_first else finish_step)
        with m.If(now[Phase.DRIVE]):
            go = Signal()  # the first row of a spike waits for the trace
            m.d.comb += go.eq(~(self.tracing & self.events.valid) | self.spikes.ready | (r != 0))
            m.d.comb += self.spikes.valid.eq(self.tracing & self.events.valid & (r == 0))
            with m.If(~self.events.valid & unknown):
                pass  # whether another constant input is due is known in the next cycle
            with m.Elif(~self.events.valid & ~due):
                if self.events_first:
                    m.d.sync += phase.eq(Phase.WALK)
                else:
                    finish_step()
            with m.Elif(go):
                m.d.sync += issue.drive.eq(~drain)
                m.d.sync += offset.eq(offset + stride)
                next_row()
                with m.If(last_row | drain):
                    m.d.sync += [offset.eq(0), r.eq(0)]
                    m.d.comb += [self.events.ready.eq(1), counts.take.eq(1)]
                with m.If(r == 0):
                    m.d.sync += self.rows_read.eq(self.rows_read + ~drain)
        with m.If(past & ~now[Phase.IDLE]):
            m.d.sync += phase.eq(Phase.FINISHED)
        with m.If(self.start):
            m.d.sync += [t.eq(0), r.eq(0), offset.eq(0), self.rows_read.eq(0), phase.eq(Phase.CLEAR)]
        with m.If(self.clear):
            m.d.sync += phase.eq(Phase.IDLE)
        m.d.comb += [self.spikes.payload.t.eq(t), self.spikes.payload.x.eq(source_x)]
        m.d.comb += self.finished.eq(now[Phase.FINISHED])
        return m

    def _source(self, m: Module, t: Any) -> tuple[Signal, Signal, Signal]:
        """Whether a constant input is due at this step, unless that is unknown yet; row of the event on offer.

        Spikes come before constant inputs.
        """
        m.submodules.times = times = Memory(shape=self.times.word.shape(), depth=self.max_constants, init=[])
        read, host = times.read_port(domain="comb"), times.read_port()
        write = times.write_port()
        m.d.comb += [
            read.addr.eq(self.next_constant),
            host.addr.eq(self.times.address),
            self.times.data.eq(host.data),
            write.addr.eq(self.times.address),
            write.data.eq(self.times.word),
            write.en.eq(self.times.write),
        ]
        # The next constant input is looked up in the cycle after it, or the step, has changed.
        due, unknown, x = Signal(), Signal(), Signal.like(self.spikes.payload.x)
        some_left, changed = Signal(), Signal()
        left = self.next_constant != self.constants
        m.d.sync += [
            some_left.eq(left),
            due.eq(left & (read.data == t)),
            changed.eq(self.takes_constant | self.advance | self.start),
        ]
        m.d.comb += [
            unknown.eq(some_left & changed),
            x.eq(Mux(self.events.valid, self.events.payload, self.constant_x)),
        ]
        return due, unknown, x

    def _counts(self, m: Module) -> Any:
        """Counts so far, and what they were at the end of each step (in LUT memory: blocks are for weights)."""
        ports = Signal(data.StructLayout({"take": 1, "write": 1}))
        so_far = Signal(counts_layout())
        self.next_constant, self.constant_x = so_far.constants, Signal.like(self.spikes.payload.x)
        self.takes_constant = Signal()
        m.d.comb += self.takes_constant.eq(ports.take & ~self.events.valid)
        m.submodules.counts = memory = Memory(shape=counts_layout(), depth=self.max_steps, init=[], attrs=IN_LOGIC)
        read, write = memory.read_port(domain="comb"), memory.write_port()
        # A cycle later: the end of a step is the slowest decision, and the memory's banks are far apart.
        ended, step, by_then = Signal(), Signal.like(self.step), Signal.like(so_far)
        m.d.sync += [ended.eq(ports.write), step.eq(self.step), by_then.eq(so_far), self.counts.eq(read.data)]
        m.d.comb += [
            write.addr.eq(step),
            write.data.eq(by_then),
            write.en.eq(ended),
            read.addr.eq(self.decided if self.learns else self.stop.t),
        ]
        with m.If(ports.take & self.events.valid):
            m.d.sync += so_far.spikes.eq(so_far.spikes + 1)
        with m.Elif(ports.take):
            m.d.sync += [so_far.constants.eq(so_far.constants + 1), self.constant_x.eq(self.constant_x + 1)]
        with m.If(self.start):
            m.d.sync += [so_far.eq(0), self.constant_x.eq(self.inputs)]
        return ports
