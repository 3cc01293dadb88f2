"""Stage sequencer: decides, cycle by cycle, which row of which event or step the lanes work on.

    clear all rows; then for each step t: wait until H >= t, walk all rows; wait until H > t, drive all rows by each
    event of step t; note the counts up to t.

Where events act at once (kernel `step`) a step is: wait until H > t, drive, walk, note the counts. Rows follow each
other without a gap. A step and an event each take a cycle for each row; a step that has events and a constant input
each take one cycle more.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_hw.fabric.memory_port import IN_LOGIC, MemoryPort
from firstspike_hw.fabric.sizes import check_sizes

from .issue import COUNT_BITS, LayerImage, counts_layout, issue_layout, stop_layout

__all__ = ["Sequencer"]


class Phase(IntEnum):
    """Phases, one bit each, so that little logic decides the work of a cycle."""

    IDLE = 1
    CLEAR = 2
    WALK = 4
    WAIT = 8
    DRIVE = 16
    FINISHED = 32


class Sequencer(wiring.Component):
    """The order of work in a stage; with `events_first`, that of the kernel `step`. Ports:

    steps:     in, 0 .. steps. T; stable during an image, as are the next three.
    inputs:    in, 0 .. inputs. Register INPUTS.
    constants: in, 0 .. constants. Register CONSTANTS.
    rows:      in, 0 .. rows. Register ROWS.
    start:     in, strobe. Begins an image.
    clear:     in, strobe. Forgets the image; the sequencer is idle again.
    stop:      in, `stop_layout`. May become valid at any time: step t is finished, and no later one.
    decided:   in, 0 .. steps - 1. D; only if `learns`, since images then run on beyond it.
    horizon:   in, 0 .. steps. H of the source.
    step:      out, 0 .. steps - 1. The step at work.
    advance, occupied, open, events: the reader's side of the source's calendar queue, see BucketPort.
    room:      in, 1 bit. The serialiser had room a cycle ago, with places to spare for the rows that follow meanwhile.
    tracing:   in, 1 bit. Each spike of the source is shown on `spikes`; stable during an image.
    spikes:    out, stream of `t` and `x`. The spike at work, which waits until it is taken.
    issue:     out, `issue_layout`, registered.
    finished:  out, 1 bit. Set from the last step until `clear`.
    counts:    out, `counts_layout`. Counts up to `stop.t` (`decided` if `learns`), valid two cycles after `finished`.
    rows_read: out, 16 bits. Weight rows read: events driven so far.
    times:     in, MemoryPort. Times of the constant inputs, for the host.
    """

    latency = 1  # cycles from a decision here to `issue`

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

    def model(self, inputs: Sequence[LayerImage]) -> list[tuple[Any, ...]]:
        """Takes images; returns the operations ("clear", row), ("walk", t, row) and ("drive", t, row, address)."""
        found: list[tuple[Any, ...]] = []
        for image in inputs:
            rows, stride = range(image.rows), image.inputs + len(image.constants)
            found += [("clear", row) for row in rows]
            for t in range(image.last + 1):
                walks = [("walk", t, row) for row in rows]
                xs = image.buckets[t] + [image.inputs + k for k, time in enumerate(image.constants) if time == t]
                drives = [("drive", t, row, x + row * stride) for x in xs for row in rows]
                drives = [] if t == image.stop else drives  # at the stop, events are only counted
                found += drives + walks if self.events_first else walks + drives
        return found

    def cycles(self, image: LayerImage) -> int:
        """Returns the cycles from start to finished if H = T throughout. Not for `events_first`."""
        cycles = 1 + image.rows
        for t in range(image.last + 1):
            constants = image.constants.count(t)
            left = any(time >= t for time in image.constants)
            known = t > 0 and image.rows == 1 and left  # whether a constant input is due is known a cycle later
            count = len(image.buckets[t]) + constants
            cycles += image.rows + known + (1 + count * image.rows + constants if count else 0)
        return cycles

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Signals that the methods below share.
        self._phase, self._row = Signal(6, init=Phase.IDLE), Signal.like(self.rows)
        self._last_row, self._final_step = Signal(), Signal.like(self.step)
        self._following = Signal(range(self.max_steps + 1))  # the step after this one
        self._past, self._drain = Signal(), Signal()  # step > stop.t; step >= stop.t: events are only counted
        self._filed_before, self._filed = Signal(), Signal()  # H >= this step; H > this step
        self._due, self._unknown = Signal(), Signal()  # a constant input is due; it is not known yet
        self._x = Signal.like(self.spikes.payload.x)  # row of the event on offer
        self._constant_x = Signal.like(self._x)  # row of the next constant input
        # Distances in weight words: from one row of an event to the next, and from its first row to this one.
        self._stride, self._offset = Signal.like(self.issue.address), Signal.like(self.issue.address)
        self._done = Signal(data.StructLayout({"event": 1, "step": 1}))  # strobes: event used up; step over
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
        """Counts events, and keeps the counts at the end of each step (in LUT memory: blocks are for weights)."""
        so_far, done = self._so_far, self._done
        m.d.comb += self._takes_constant.eq(done.event & ~self.events.valid)
        m.submodules.counts = memory = Memory(shape=counts_layout(), depth=self.max_steps, init=[], attrs=IN_LOGIC)
        read, write = memory.read_port(domain="comb"), memory.write_port()
        # Kept a cycle later: the end of a step is the slowest decision, and the memory's banks are far apart.
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
        """Looks up whether a constant input is due. Constant inputs come after the spikes of their step.

        A look-up takes a cycle after the step or the next constant input has changed.
        """
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
        """Registers the comparisons with the step; all but `_past` are made with the step of the next cycle."""
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
        """Walks the rows of a step. Its events come after them, or have come before where events act at once."""
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
        """Goes to the events of this step as soon as it is known that there are any.

        The body of the `with` statement is what happens if there are none.
        """
        with m.If(self._filed & ~self._unknown):
            with m.If(self.occupied | self._due):
                m.d.comb += self.open.eq(1)
                m.d.sync += self._phase.eq(Phase.DRIVE)
            with m.Else():
                yield
