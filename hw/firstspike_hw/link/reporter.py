"""Reporter: replies, results and spikes as records in the transmit ring, each of them whole and in its order."""

from collections.abc import Iterable
from enum import IntEnum

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from firstspike_contract.core.stream_format import RESULT_PACKET
from firstspike_contract.link.wire import BUFFER, RECORD, WORD, RecordKind
from firstspike_hw.fabric.axis import axis_layout
from firstspike_hw.fabric.layouts import packed

__all__ = ["Reporter", "word_layout"]

BEATS_MAX = 255  # of the trace in one record
IMAGES = 8  # that may be in the core; it holds fewer


def word_layout() -> data.StructLayout:
    """Four bytes of a record; last: it is whole with them."""
    return data.StructLayout({"data": 32, "last": 1})


class Phase(IntEnum):
    CHOOSE = 0
    SAY = 1
    SPIKES = 2
    RESULT = 3
    PUT = 4  # a word, byte by byte


class Reporter(wiring.Component):
    """Ports:

    say:     records of the dispatcher, word by word; each word is sent when it is here, the record is not interrupted.
    image:   one that the core is given, in their order: whether its spikes will come.
    images:  how many it has not answered. answered: strobe: one less.
    results, spikes: of the core (m_axis, t_axis).
    byte, put, fill, at, reserve, commit, room: of the transmit ring.

    The spikes of an image come before its result and behind that of the image before, however the two streams of the
    core meet. A record of spikes grows until the image's marker, as long as there is room and nothing else to say.
    """

    latency = 2  # from a word to its first byte in the ring

    def __init__(self) -> None:
        axis = stream.Signature(axis_layout())
        strobes = {name: Out(1) for name in ("put", "fill", "reserve", "commit", "answered")}
        super().__init__(
            {
                "say": In(stream.Signature(word_layout())),
                "image": In(stream.Signature(1)),
                "images": Out(range(IMAGES + 1)),
                "results": In(axis),
                "spikes": In(axis),
                "byte": Out(8),
                "at": Out(range(WORD)),
                "room": In(bits_for(BUFFER)),
                **strobes,
            }
        )

    @staticmethod
    def model(images: Iterable[tuple[bytes, list[int] | None]], pieces: Iterable[int] = ()) -> bytes:
        """(result packet, beats of its trace with the marker, or None if it has none) of each image -> records.

        pieces: beats of each record of spikes, where one was closed before its image's marker or BEATS_MAX.
        """
        cut, records = iter(pieces), []
        for packet, beats in images:
            left = b"".join(beat.to_bytes(WORD, "little") for beat in beats or ())
            while left:
                size = WORD * next(cut, BEATS_MAX)
                records.append((RecordKind.SPIKES, left[:size]))
                left = left[size:]
            records.append((RecordKind.RESULT, packet))
        return b"".join(RECORD.to_bytes(kind=kind, length=len(body)) + body for kind, body in records)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.waiting = waiting = SyncFIFO(width=1, depth=IMAGES)
        m.d.comb += [
            waiting.w_data.eq(self.image.payload),
            waiting.w_en.eq(self.image.valid),
            self.image.ready.eq(waiting.w_rdy),
            waiting.r_en.eq(self.answered),
            self.images.eq(waiting.level),
        ]
        phase, then, word, at = Signal(Phase), Signal(Phase), Signal(32), self.at
        ends, heads = Signal(), Signal()  # the word is the last of a record; goes to the place that was left free
        beats = Signal(range(BEATS_MAX + 1))  # of the open record
        marker, marked = Signal(), Signal()  # the open record, or the trace of the image, has it
        traced, due = Signal(), Signal()  # of the oldest image: spikes are still to come; its result is next
        m.d.comb += [
            traced.eq(waiting.r_rdy & waiting.r_data & ~marked),
            due.eq(waiting.r_rdy & ~traced),
        ]

        def send(value: object, after: object, *, ending: object = 0) -> None:
            m.d.sync += [word.eq(value), then.eq(after), ends.eq(ending), phase.eq(Phase.PUT)]

        m.d.comb += self.byte.eq(word.word_select(at, 8))
        with m.Switch(phase):
            with m.Case(Phase.CHOOSE):
                m.d.sync += [beats.eq(0), marker.eq(0)]
                with m.If(self.say.valid):
                    m.d.sync += phase.eq(Phase.SAY)
                with m.Elif(traced & self.spikes.valid & (self.room >= 2 * WORD)):
                    m.d.comb += self.reserve.eq(1)
                    m.d.sync += phase.eq(Phase.SPIKES)
                with m.Elif(due & self.results.valid & (self.room >= RECORD.size + RESULT_PACKET.size)):
                    send(RECORD.pack(kind=RecordKind.RESULT, length=RESULT_PACKET.size), Phase.RESULT)
            with m.Case(Phase.SAY):
                m.d.comb += self.say.ready.eq(self.room >= WORD)
                with m.If(self.say.valid & self.say.ready):
                    send(self.say.payload.data, Phase.SAY, ending=1)
                    with m.If(self.say.payload.last):
                        m.d.sync += then.eq(Phase.CHOOSE)
            with m.Case(Phase.SPIKES):
                closing = marker | (beats == BEATS_MAX) | (self.room < WORD) | (self.say.valid & (beats != 0))
                with m.If(closing):
                    m.d.sync += [marked.eq(marker), heads.eq(1)]
                    length = beats * WORD
                    send(packed(RECORD, kind=RecordKind.SPIKES, length=length), Phase.CHOOSE, ending=1)
                with m.Elif(self.spikes.valid):
                    m.d.comb += self.spikes.ready.eq(1)
                    m.d.sync += [beats.eq(beats + 1), marker.eq(self.spikes.payload.last)]
                    send(self.spikes.payload.data, Phase.SPIKES)
            with m.Case(Phase.RESULT):
                m.d.comb += self.results.ready.eq(1)
                with m.If(self.results.valid):
                    send(self.results.payload.data, Phase.RESULT)
                    with m.If(self.results.payload.last):
                        m.d.comb += self.answered.eq(1)
                        m.d.sync += [marked.eq(0), ends.eq(1), then.eq(Phase.CHOOSE)]
            with m.Case(Phase.PUT):
                m.d.comb += [self.put.eq(1), self.fill.eq(heads), self.commit.eq(ends & (at == WORD - 1))]
                m.d.sync += at.eq(at + 1)
                with m.If(at == WORD - 1):
                    m.d.sync += [heads.eq(0), phase.eq(then)]
        return m
