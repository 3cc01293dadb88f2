"""Intake: takes images from the stream through the input map into one of two banks; the core reads the other one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract.common.layout import unpack_set
from firstspike_contract.core.stream_format import BEAT_BITS, EVENT_BEAT, IMAGE_HEADER, Header
from firstspike_hw.fabric.axis import axis_layout
from firstspike_hw.fabric.layouts import HEADER_FLAGS, seen_as
from firstspike_hw.fabric.memory_port import MemoryPort
from firstspike_hw.fabric.sizes import check_sizes

from .input_map import InputMap, mapped_events
from .queue import BucketPort, CalendarQueue, buckets_of

__all__ = ["Intake", "TakenImage", "image_layout"]


class Phase(IntEnum):
    """Phases of one image."""

    HEADER = 0
    BEATS = 1
    DRAIN = 2  # until the map has answered the last event


def image_layout() -> data.StructLayout:
    """An image without its events: the fields of its header, and these.

    ready:    the core may begin.
    complete: TLAST has come, and the counts are final.
    late:     the image promised order, and an event was late.
    dropped:  events of dropped inputs so far.
    refused:  events refused so far.
    since:    number of the cycle before the one that took TLAST.
    """
    known = {"ready": 1, "complete": 1, "late": 1, "dropped": 32, "refused": 32, "since": 32}
    return data.StructLayout({**{field.name: field.bits for field in IMAGE_HEADER}, **known})


class TakenImage(NamedTuple):
    """A complete image, in the model: the fields of `image_layout`, and its events.

    buckets: weight rows of each step, in the order in which they leave the calendar queue.
    """

    flags: int
    tag: int
    label: int
    late: bool
    dropped: int
    refused: int
    buckets: list[list[int]]


class Intake(wiring.Component):
    """Two banks, each with a calendar queue and what is known of its image: the core reads one while the other fills.

    A beat of events takes one cycle. A beat of a bitmap takes a cycle for each set bit, or one if none is set. Ports:

    beats:     in, stream of `axis_layout`. Images as in docs/core.md.
    run:       in, 1 bit. Headers are taken; an image that has begun is taken to its end in any case.
    steps:     in, 0 .. steps. T.
    addresses: in, 0 .. addresses. Number of external addresses.
    image:     out, `image_layout`. The oldest image, a cycle late. `complete` is seen `latency` cycles after the last
               beat was taken, or after the cycle of a bitmap's last set bit; the next header is taken a cycle earlier.
    source:    out, BucketPort. The events of the oldest image.
    release:   in, strobe. The core has finished with the oldest image.
    rewind:    in, strobe; only if `rewinds`. Takes `source` back to its first step.
    waited:    out, 32 bits. Cycles from the one that took TLAST of the oldest image to the next one, in which the first
               beat of a result packet given now would leave.
    idle:      out, 1 bit. No image is here, and none is being taken.
    map:       in, MemoryPort of 32 bits. The entries of the input map.
    """

    latency = InputMap.latency + 3

    def __init__(self, *, addresses: int, entries: int, steps: int, rewinds: bool = False) -> None:
        check_sizes(self, addresses=addresses, entries=entries, steps=steps)
        self.max_addresses, self.entries, self.max_steps, self.rewinds = addresses, entries, steps, rewinds
        super().__init__(
            {
                **({"rewind": In(1)} if rewinds else {}),
                "beats": In(stream.Signature(axis_layout())),
                "run": In(1),
                "steps": In(bits_for(steps)),
                "addresses": In(bits_for(addresses)),
                "image": Out(image_layout()),
                "source": In(BucketPort(entries=entries, steps=steps)),
                "release": In(1),
                "waited": Out(32),
                "idle": Out(1),
                "map": In(MemoryPort(width=32)),
            }
        )

    def model(self, inputs: Sequence[tuple[Any, ...]]) -> list[TakenImage]:
        """Takes ("set", {"steps": T, "entries": (row, delay) or None of each address}) and ("image", beats), in order.

        Returns each image as the core finds it once it is complete.
        """
        settings: dict[str, Any] = {"steps": 0, "entries": []}
        found = []
        for name, value in inputs:
            if name == "set":
                settings = value
                continue
            header = IMAGE_HEADER.unpack(value[0])
            flags = Header(header["flags"])
            events = _events_of(value[1:], bitmap=Header.BITMAP in flags)
            outcomes = mapped_events(events, ordered=Header.ORDERED in flags, **settings)
            fates = Counter(outcome.fate for outcome in outcomes)
            filed = [outcome.event for outcome in outcomes if outcome.event is not None]
            found.append(
                TakenImage(
                    **header,
                    late=fates["late"] > 0,
                    dropped=fates["dropped"],
                    refused=fates["refused"] + fates["late"],
                    buckets=buckets_of(filed, self.max_steps),
                )
            )
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.map = self.input_map = input_map = InputMap(
            addresses=self.max_addresses, entries=self.entries, steps=self.max_steps
        )
        wiring.connect(m, wiring.flipped(self.map), input_map.host)
        writing, reading = Signal(), Signal()  # banks
        banks = Array(Signal(image_layout(), name=f"bank{k}") for k in range(2))
        m.d.comb += [
            input_map.steps.eq(self.steps),
            input_map.addresses.eq(self.addresses),
            self.idle.eq(~banks[0].ready & ~banks[1].ready),
        ]
        # A copy, for fan-out; in the cycle after `release` it is the next image's.
        image = Signal(image_layout())
        m.d.sync += image.eq(banks[reading ^ self.release])
        m.d.comb += self.image.eq(image)
        horizon = self._queues(m, writing, reading, input_map)
        self._phases(m, banks, writing)

        mapped = input_map.mapped
        with m.If(mapped.valid):
            m.d.sync += [
                banks[writing].dropped.eq(banks[writing].dropped + mapped.payload.dropped),
                banks[writing].refused.eq(banks[writing].refused + mapped.payload.refused),
            ]
            with m.If(mapped.payload.late):
                m.d.sync += banks[writing].late.eq(1)
        m.d.comb += self.source.horizon.eq(Mux(self.image.complete, self.steps, horizon))
        now, before, earlier, ended = Signal(32), Signal(32, init=2**32 - 1), Signal(32, init=2**32 - 2), Signal()
        m.d.sync += [now.eq(now + 1), before.eq(now), earlier.eq(before)]
        m.d.sync += ended.eq(self.beats.valid & self.beats.ready & self.beats.payload.last)
        m.d.comb += self.waited.eq(now - self.image.since)
        with m.If(ended):
            m.d.sync += banks[writing].since.eq(earlier)
        with m.If(self.release):
            m.d.sync += [banks[reading].ready.eq(0), banks[reading].complete.eq(0), reading.eq(~reading)]
        return m

    def _phases(self, m: Module, banks: Any, writing: Signal) -> None:
        """Takes the header, then the beats (bitmaps bit by bit), waits for the map, and goes on to the other bank."""
        phase, count = Signal(Phase), Signal(range(self.latency))
        bank, beat, into_map = banks[writing], self.beats, self.input_map.events
        out = stream.Signature(into_map.payload.shape(), always_ready=True).create(path=("event",))
        m.d.sync += [into_map.valid.eq(out.valid), into_map.payload.eq(out.payload)]
        header, event = (seen_as(layout, beat.payload.data) for layout in (IMAGE_HEADER, EVENT_BEAT))
        flags = seen_as(HEADER_FLAGS, header.flags)
        is_bitmap, base, ending = Signal(), Signal(16), Signal()
        # bits: bits of a bitmap's beat that are still to come; rest: all of them but the lowest; more: rest has one
        bits, rest, more = Signal(32), Signal(32), Signal()
        free = Signal()
        m.d.comb += free.eq(~bank.ready)
        with m.Switch(phase):
            with m.Case(Phase.HEADER):
                m.d.comb += beat.ready.eq(self.run & free)
                m.d.comb += self.input_map.clean.eq(1)
                with m.If(beat.valid & self.run & free):
                    m.d.sync += [
                        bank.eq(0),
                        bank.flags.eq(header.flags),
                        bank.tag.eq(header.tag),
                        bank.label.eq(header.label),
                        bank.ready.eq(flags.ordered),
                        self.input_map.ordered.eq(flags.ordered),
                        is_bitmap.eq(flags.bitmap),
                        base.eq(-32),
                        bits.eq(0),
                        rest.eq(0),
                        more.eq(0),
                        ending.eq(0),
                        phase.eq(Mux(beat.payload.last, Phase.DRAIN, Phase.BEATS)),
                    ]
            with m.Case(Phase.BEATS):
                m.d.comb += out.valid.eq(beat.valid)
                m.d.comb += [out.payload.t.eq(event.t), out.payload.x.eq(event.x)]
                m.d.comb += beat.ready.eq(1)
                last = Signal()
                m.d.comb += last.eq(beat.valid & beat.payload.last)
                with m.If(is_bitmap):
                    lowest, word = Signal(5), beat.payload.data
                    for k in reversed(range(32)):
                        with m.If(bits[k]):
                            m.d.comb += lowest.eq(k)
                    m.d.comb += [
                        out.valid.eq(bits.any()),
                        out.payload.t.eq(0),
                        out.payload.x.eq(Cat(lowest, base[len(lowest) :])),
                        beat.ready.eq(~more & ~ending),
                        last.eq(ending & ~more),
                    ]
                    m.d.sync += [bits.eq(rest), rest.eq(rest & (rest - 1)), more.eq(_several(rest))]
                    with m.If(beat.valid & ~more & ~ending):
                        m.d.sync += [bits.eq(word), rest.eq(word & (word - 1)), more.eq(_several(word))]
                        m.d.sync += [base.eq(base + 32), ending.eq(beat.payload.last)]
                with m.If(last):
                    m.d.sync += phase.eq(Phase.DRAIN)
            with m.Case(Phase.DRAIN):
                m.d.sync += count.eq(count + 1)
                with m.If(count == self.latency - 3):
                    m.d.sync += [count.eq(0), bank.ready.eq(1), bank.complete.eq(1), writing.eq(~writing)]
                    m.d.sync += phase.eq(Phase.HEADER)
        # while an image is being taken the intake is not idle, whether the image is ready or not
        with m.If((phase == Phase.BEATS) | (phase == Phase.DRAIN)):
            m.d.comb += self.idle.eq(0)

    def _queues(self, m: Module, writing: Signal, reading: Signal, input_map: Any) -> Signal:
        """Fills and reads the two calendar queues. Returns H of the image being read, valid until it is complete."""
        horizons = Array(Signal(bits_for(self.max_steps), name=f"horizon{k}") for k in range(2))
        mapped, queues = input_map.mapped, []
        for k in range(2):
            queue = CalendarQueue(entries=self.entries, steps=self.max_steps, rewinds=self.rewinds)
            m.submodules[f"queue{k}"] = queue
            queues.append(queue)
            m.d.comb += [
                queue.push.valid.eq(mapped.valid & mapped.payload.filed & (writing == k)),
                queue.push.payload.eq(mapped.payload.event),
                queue.advance.eq(self.source.advance & (reading == k)),
                queue.open.eq(self.source.open & (reading == k)),
                queue.events.ready.eq(self.source.events.ready & (reading == k)),
                queue.clear.eq(self.release & (reading == k)),
                queue.selected.eq(reading == k),
            ]
            if self.rewinds:
                m.d.comb += queue.rewind.eq(self.rewind & (reading == k))
            with m.If(mapped.valid & (writing == k)):
                m.d.sync += horizons[k].eq(mapped.payload.horizon)
            with m.If(queue.clear):
                m.d.sync += horizons[k].eq(0)
        # the queue that is not read is silent
        m.d.comb += [
            self.source.occupied.eq(queues[0].occupied | queues[1].occupied),
            self.source.events.valid.eq(queues[0].events.valid | queues[1].events.valid),
            self.source.events.payload.eq(Mux(reading, queues[1].events.payload, queues[0].events.payload)),
        ]
        return horizons[reading]


def _events_of(beats: Iterable[int], *, bitmap: bool) -> list[tuple[int, int]]:
    """Returns the raw events (t, x) that beats stand for."""
    if bitmap:
        return [(0, BEAT_BITS * k + bit) for k, beat in enumerate(beats) for bit in unpack_set(beat)]
    fields = [EVENT_BEAT.unpack(beat) for beat in beats]
    return [(event["t"], event["x"]) for event in fields]


def _several(bits: Signal) -> Any:
    """Returns whether at least two bits are set. Asking each half is shorter than clearing the lowest bit first."""
    halves = bits[: len(bits) // 2], bits[len(bits) // 2 :]
    return halves[0].any() & halves[1].any() | Cat((half & (half - 1)).any() for half in halves).any()
