"""Intake: images from the stream, through the input map, into one of two banks while the core works on the other."""

from enum import IntEnum
from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract.core.stream_format import EVENT_BEAT, IMAGE_HEADER
from firstspike_hw.fabric.axis import axis_layout
from firstspike_hw.fabric.layouts import HEADER_FLAGS, seen_as
from firstspike_hw.fabric.memory_port import MemoryPort
from firstspike_hw.fabric.sizes import check_sizes

from .input_map import InputMap
from .queue import BucketPort, CalendarQueue

__all__ = ["Intake", "image_layout"]


class Phase(IntEnum):
    HEADER = 0
    BEATS = 1
    DRAIN = 2


def image_layout() -> data.StructLayout:
    """What is known of an image besides its events.

    ready: the core may begin. complete: TLAST has come and the counts are final. since: the cycle before TLAST.
    """
    known = {"ready": 1, "complete": 1, "late": 1, "dropped": 32, "refused": 32, "since": 32}
    return data.StructLayout({**{field.name: field.bits for field in IMAGE_HEADER}, **known})


class Intake(wiring.Component):
    """Ports:

    beats: images as in docs/core.md. run: take headers.
    steps, addresses: T, and external addresses of the network.
    image:    about the oldest image, a cycle late. source: its events. release: strobe: the core has done with it.
    rewind:   as of the queues, of `source`; only if `rewinds`.
    waited: cycles from TLAST of that image to the next one. idle: no image is here. map: host port of the input map.

    An image is `complete` `latency` cycles after its last beat (a bitmap's last set bit) was taken; the next header is
    taken a cycle earlier. A beat of a bitmap takes a cycle for each set bit, and one if there is none.
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
        # A copy, for fan-out; already the next image's in the cycle after `release`.
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
        """Header; beats, bitmaps bit by bit; wait for the map; the other bank."""
        phase, count = Signal(Phase), Signal(range(self.latency))
        bank, beat, into_map = banks[writing], self.beats, self.input_map.events
        out = stream.Signature(into_map.payload.shape(), always_ready=True).create(path=("event",))
        m.d.sync += [into_map.valid.eq(out.valid), into_map.payload.eq(out.payload)]
        header, event = (seen_as(layout, beat.payload.data) for layout in (IMAGE_HEADER, EVENT_BEAT))
        flags = seen_as(HEADER_FLAGS, header.flags)
        is_bitmap, base, ending = Signal(), Signal(16), Signal()
        bits, rest, more = Signal(32), Signal(32), Signal()  # of a bitmap's beat; without the lowest; if any is left
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
        # an image that is being taken is not idle, be it ready or not
        with m.If((phase == Phase.BEATS) | (phase == Phase.DRAIN)):
            m.d.comb += self.idle.eq(0)

    def _queues(self, m: Module, writing: Signal, reading: Signal, input_map: Any) -> Signal:
        """Two calendar queues; returns H of the image being read, while it is not complete."""
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
        # the one that is not read is silent
        m.d.comb += [
            self.source.occupied.eq(queues[0].occupied | queues[1].occupied),
            self.source.events.valid.eq(queues[0].events.valid | queues[1].events.valid),
            self.source.events.payload.eq(Mux(reading, queues[1].events.payload, queues[0].events.payload)),
        ]
        return horizons[reading]


def _several(bits: Signal) -> Any:
    """At least two are set, by halves: shorter than looking at what is left without the lowest."""
    halves = bits[: len(bits) // 2], bits[len(bits) // 2 :]
    return halves[0].any() & halves[1].any() | Cat((half & (half - 1)).any() for half in halves).any()
