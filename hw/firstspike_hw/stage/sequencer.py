"""Stage sequencer: which row of which event or step the lanes work on, cycle by cycle.

    clear all rows; then for each step t: wait until H >= t, walk all rows; wait until H > t, drive all rows by each
    event of step t; note the counts up to t.

Where events act at once (`step`) it is: wait until H > t, drive, walk, note the counts. Rows follow each other without
a gap; a step without events costs its rows, one with events its rows and one cycle more, and so does a constant input.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
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
        # What the parts below share.
        self._phase, self._row = Signal(6, init=Phase.IDLE), Signal.like(self.rows)
        self._last_row, self._final_step = Signal(), Signal.like(self.step)
        self._following = Signal(range(self.max_steps + 1))  # the step after this one
        self._past, self._drain = Signal(), Signal()  # beyond the last step that matters; at it: only counts matter
        self._filed_before, self._filed = Signal(), Signal()  # the horizon has reached this step; has passed it
        self._due, self._unknown = Signal(), Signal()  # a constant input is next at this step; it is not known yet
        self._x = Signal.like(self.spikes.payload.x)  # row of the event on offer
        self._constant_x = Signal.like(self._x)  # of the next constant input
        # Words from one row of an event to the next, and from the first one to this one.
        self._stride, self._offset = Signal.like(self.issue.address), Signal.like(self.issue.address)
        self._done = Signal(data.StructLayout({"event": 1, "step": 1}))  # strobes: it is used up; it is over
        self._takes_constant = Signal()
        self._so_far = Signal(counts_layout())
        self._count_rows_and_steps(m)
        self._keep_counts(m)
        self._look_for_constants(m)
        self._look_ahead(m)
        self._issue(m)
        self._clear_rows(m)
        self._walk_rows(m)
        self._wait_for_events(m)
        self._drive_events(m)
        self._begin_and_end(m)
        return m

    def _during(self, phase: Phase) -> Value:
        return self._phase[phase.bit_length() - 1]

    def _count_rows_and_steps(self, m: Module) -> None:
        final_row = Signal.like(self.rows)
        m.d.sync += [final_row.eq(self.rows - 1), self._final_step.eq(self.steps - 1)]
        m.d.comb += self._last_row.eq(self._row == final_row)

    def _keep_counts(self, m: Module) -> None:
        """Counts so far, and what they were at the end of each step (in LUT memory: blocks are for weights)."""
        so_far, done = self._so_far, self._done
        m.d.comb += self._takes_constant.eq(done.event & ~self.events.valid)
        m.submodules.counts = memory = Memory(shape=counts_layout(), depth=self.max_steps, init=[], attrs=IN_LOGIC)
        read, write = memory.read_port(domain="comb"), memory.write_port()
        # A cycle later: the end of a step is the slowest decision, and the memory's banks are far apart.
        ended, step, by_then = Signal(), Signal.like(self.step), Signal.like(so_far)
        m.d.sync += [ended.eq(done.step), step.eq(self.step), by_then.eq(so_far), self.counts.eq(read.data)]
        m.d.comb += [
            write.addr.eq(step),
            write.data.eq(by_then),
            write.en.eq(ended),
            read.addr.eq(self.decided if self.learns else self.stop.t),
        ]
        with m.If(done.event & self.events.valid):
            m.d.sync += so_far.spikes.eq(so_far.spikes + 1)
        with m.Elif(done.event):
            m.d.sync += [so_far.constants.eq(so_far.constants + 1), self._constant_x.eq(self._constant_x + 1)]
        with m.If(self.start):
            m.d.sync += [so_far.eq(0), self._constant_x.eq(self.inputs)]

    def _look_for_constants(self, m: Module) -> None:
        """Constant inputs come after the spikes of their step. The next one is looked up in the cycle after it, or the
        step, has changed."""
        m.submodules.times = times = Memory(shape=self.times.word.shape(), depth=self.max_constants, init=[])
        read, host, write = times.read_port(domain="comb"), times.read_port(), times.write_port()
        m.d.comb += [
            read.addr.eq(self._so_far.constants),
            host.addr.eq(self.times.address),
            self.times.data.eq(host.data),
            write.addr.eq(self.times.address),
            write.data.eq(self.times.word),
            write.en.eq(self.times.write),
        ]
        some_left, changed = Signal(), Signal()
        left = self._so_far.constants != self.constants
        m.d.sync += [
            some_left.eq(left),
            self._due.eq(left & (read.data == self.step)),
            changed.eq(self._takes_constant | self.advance | self.start),
        ]
        m.d.comb += [
            self._unknown.eq(some_left & changed),
            self._x.eq(Mux(self.events.valid, self.events.payload, self._constant_x)),
        ]

    def _look_ahead(self, m: Module) -> None:
        """What depends on the step is compared a cycle ahead, with the step that will be."""
        t, following = self.step, self._following
        m.d.comb += following.eq(t + 1)
        m.d.sync += [
            self._past.eq(self.stop.valid & (t > self.stop.t)),
            self._drain.eq(self.stop.valid & Mux(self.advance, following >= self.stop.t, t >= self.stop.t)),
            self._filed_before.eq(Mux(self.advance, self.horizon >= following, self.horizon >= t)),
            self._filed.eq(Mux(self.advance, self.horizon > following, self.horizon > t)),
        ]

    def _issue(self, m: Module) -> None:
        issue = self.issue
        m.d.sync += self._stride.eq(self.inputs + self.constants)
        m.d.sync += [
            issue.eq(0),
            issue.row.eq(self._row),
            issue.last.eq(self._last_row),
            issue.t.eq(self.step),
            issue.address.eq(self._x + self._offset),
        ]

    def _clear_rows(self, m: Module) -> None:
        with m.If(self._during(Phase.CLEAR)):
            m.d.sync += self.issue.clear.eq(1)
            self._next_row(m)
            with m.If(self._last_row):
                m.d.sync += self._phase.eq(Phase.WAIT if self.events_first else Phase.WALK)

    def _walk_rows(self, m: Module) -> None:
        """Where events act at once they have acted before; otherwise the step's events come after its rows."""
        with m.If(self._during(Phase.WALK) & (self._filed_before | self.events_first) & self.room):
            m.d.sync += self.issue.walk.eq(1)
            self._next_row(m)
            with m.If(self._last_row):
                if self.events_first:
                    self._finish_step(m)
                else:
                    m.d.sync += self._phase.eq(Phase.WAIT)
                    with self._no_events(m):
                        self._finish_step(m)

    def _wait_for_events(self, m: Module) -> None:
        with m.If(self._during(Phase.WAIT)), self._no_events(m):
            if not self.events_first:
                self._finish_step(m)
            else:
                with m.If(self.room):
                    m.d.sync += [self._phase.eq(Phase.WALK), self.issue.walk.eq(1)]
                    self._next_row(m)
                    with m.If(self._last_row):
                        self._finish_step(m)

    def _drive_events(self, m: Module) -> None:
        go = Signal()  # the first row of a spike waits for the trace
        with m.If(self._during(Phase.DRIVE)):
            m.d.comb += go.eq(~(self.tracing & self.events.valid) | self.spikes.ready | (self._row != 0))
            m.d.comb += self.spikes.valid.eq(self.tracing & self.events.valid & (self._row == 0))
            with m.If(~self.events.valid & self._unknown):
                pass  # whether another constant input is due is known in the next cycle
            with m.Elif(~self.events.valid & ~self._due):
                if self.events_first:
                    m.d.sync += self._phase.eq(Phase.WALK)
                else:
                    self._finish_step(m)
            with m.Elif(go):
                self._drive_row(m)
        m.d.comb += [self.spikes.payload.t.eq(self.step), self.spikes.payload.x.eq(self._x)]

    def _drive_row(self, m: Module) -> None:
        m.d.sync += self.issue.drive.eq(~self._drain)
        m.d.sync += self._offset.eq(self._offset + self._stride)
        self._next_row(m)
        with m.If(self._last_row | self._drain):
            m.d.sync += [self._offset.eq(0), self._row.eq(0)]
            m.d.comb += [self.events.ready.eq(1), self._done.event.eq(1)]
        with m.If(self._row == 0):
            m.d.sync += self.rows_read.eq(self.rows_read + ~self._drain)

    def _begin_and_end(self, m: Module) -> None:
        with m.If(self._past & ~self._during(Phase.IDLE)):
            m.d.sync += self._phase.eq(Phase.FINISHED)
        with m.If(self.start):
            m.d.sync += [self.step.eq(0), self._row.eq(0), self._offset.eq(0), self.rows_read.eq(0)]
            m.d.sync += self._phase.eq(Phase.CLEAR)
        with m.If(self.clear):
            m.d.sync += self._phase.eq(Phase.IDLE)
        m.d.comb += self.finished.eq(self._during(Phase.FINISHED))

    def _next_row(self, m: Module) -> None:
        m.d.sync += self._row.eq(Mux(self._last_row, 0, self._row + 1))

    def _finish_step(self, m: Module) -> None:
        m.d.comb += [self._done.step.eq(1), self.advance.eq(1)]
        m.d.sync += [self.step.eq(self._following), self._phase.eq(Phase.WAIT if self.events_first else Phase.WALK)]
        with m.If((self.step == self._final_step) | self._drain):
            m.d.sync += self._phase.eq(Phase.FINISHED)

    @contextmanager
    def _no_events(self, m: Module) -> Iterator[None]:
        """On to the events of this step, as soon as it is known that there are any; what is inside is done if there
        are none."""
        with m.If(self._filed & ~self._unknown):
            with m.If(self.occupied | self._due):
                m.d.comb += self.open.eq(1)
                m.d.sync += self._phase.eq(Phase.DRIVE)
            with m.Else():
                yield
