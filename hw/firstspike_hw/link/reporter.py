"""Reporter: writes replies, results and spikes into the transmit ring, as records that are whole and in order."""

from collections.abc import Sequence
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

BEATS_MAX = 255  # beats of the trace in one record
IMAGES = 8  # images that the reporter keeps track of; the core holds fewer


def word_layout() -> data.StructLayout:
    """Returns the layout of four bytes of a record; `last` marks those that complete the record."""
    return data.StructLayout({"data": 32, "last": 1})


class Phase(IntEnum):
    CHOOSE = 0
    SAY = 1
    SPIKES = 2
    RESULT = 3
    PUT = 4  # writes a word, byte by byte


class Reporter(wiring.Component):
    """Merges the dispatcher's records with the results and spikes of the core.

    The core delivers results and spikes as two streams. The host is promised all spikes of an image before its result,
    and behind the result of the image before, whichever stream is ahead. The reporter therefore notes for each image
    whether it is traced, and takes the result of a traced image only after the marker of its trace.
    A record of spikes grows until the image's marker, as long as it is not full, there is room, and the dispatcher has
    nothing to say.

    say:      in, stream of `word_layout`. The dispatcher's records, word by word. A word is sent as soon as it
              arrives; nothing interrupts the record.
    image:    in, stream of 1 bit, one item for each image given to the core, in order. Whether its spikes will come.
    images:   out, 4 bits. Number of images that the core has not answered.
    answered: out, strobe. The core has answered its oldest image.
    results:  in, AXI4-Stream. m_axis of the core.
    spikes:   in, AXI4-Stream. t_axis of the core.
    put:      out, strobe, to the transmit ring. Writes `byte`.
    byte:     out, 8 bits, valid with `put`.
    fill:     out, 1 bit, valid with `put`. `byte` goes into the word left free.
    at:       out, 2 bits, valid with `put`. Number of the byte in its word.
    reserve:  out, strobe. Leaves the first word of a record free.
    commit:   out, strobe with the last `put` of a record.
    room:     in, log2(BUFFER) + 1 bits, from the transmit ring. Number of bytes that may still be put.
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

    def model(self, inputs: Sequence[tuple[bytes, list[int] | None, Sequence[int]]]) -> list[tuple[int, bytes]]:
        """Takes images (result packet, beats of the trace or None, pieces); returns records (kind, body).

        pieces: beats of each record of spikes that was closed before the image's marker and before BEATS_MAX beats. It
        depends on the room and on the records of `say`.
        """
        records: list[tuple[int, bytes]] = []
        for packet, beats, pieces in inputs:
            cut = iter(pieces)
            left = b"".join(beat.to_bytes(WORD, "little") for beat in beats or ())
            while left:
                size = WORD * next(cut, BEATS_MAX)
                records.append((RecordKind.SPIKES, left[:size]))
                left = left[size:]
            records.append((RecordKind.RESULT, packet))
        return records

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
        ends, heads = Signal(), Signal()  # ends: `word` is its record's last; heads: it goes to the word left free
        beats = Signal(range(BEATS_MAX + 1))  # beats in the open record
        marker, marked = Signal(), Signal()  # marker: the open record has the image's marker; marked: its trace is sent
        traced, due = Signal(), Signal()  # the oldest image's spikes are still to come; its result is next
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
