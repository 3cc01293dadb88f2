"""Dispatcher: turns the host's messages into register accesses and images for the core (docs/protocol.md, messages)."""

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from firstspike_contract.core.register_map import LINK_BASE
from firstspike_contract.core.stream_format import EVENT_BEAT, IMAGE_HEADER, TAGS, Header
from firstspike_contract.link.wire import (
    EVENT,
    LABEL,
    LABELLED,
    MESSAGE,
    READ_MAX,
    RECORD,
    REFUSAL,
    WORD,
    Configuration,
    MessageKind,
    RecordKind,
    is_message,
)
from firstspike_hw.fabric.axis import axis_layout
from firstspike_hw.fabric.layouts import HEADER_FLAGS, after_byte, packed, seen_as, structure

from .bus import AccessPort
from .reporter import IMAGES, word_layout

__all__ = ["Dispatcher"]

BITMAP = int(Header.BITMAP)  # a plain number: the complement of a flag would lose the bits without a name


class Phase(IntEnum):
    HEADER = 0
    KIND = 1
    NOTE = 2  # passes the header of a WRITE to the core on to the guard
    GATHER = 3  # collects bytes into a word to write, or into a beat
    ACCESS = 4
    MORE = 5  # goes to the next word of a READ or SCAN, if any
    SAY = 6
    LABEL = 7
    OFFER = 8  # offers an image's header to the core
    SEND = 9  # sends a beat to the core
    REST = 10  # takes bytes of the image that make no beat
    NEXT = 11  # goes to the next image of the message, if any


class Dispatcher(wiring.Component):
    """Carries out the host's messages, one after the other.

    bytes:   in, stream of 8 bits. The host's stream of messages.
    access:  out, AccessPort. Accesses to registers: of the core below LINK_BASE, else of the link.
    passed:  out, stream of 8 bits, always ready. Bytes of WRITE messages to the core, headers included, for the guard.
    state:   in, 3 bits, Configuration, from the guard. Images are taken in VALID only.
    beats:   out, AXI4-Stream. Images, for s_axis of the core.
    image:   out, stream of 1 bit, one item together with each image's header beat. Whether the image asks for spikes.
    images:  in, 4 bits. Number of images that the core has not answered.
    open:    out, 1 bit. The core has not received the latest image completely.
    say:     out, stream of `word_layout`. Records, word by word.
    unknown: out, 1 bit. Rises at a message without a meaning and stays high: the dispatcher stops until its reset.
    refused: out, strobe. An image was refused.
    taken:   out, strobe. An image was given to the core.
    """

    latency = 1  # from the last byte of a word to its access, and from that of a beat to its offer

    def __init__(self) -> None:
        super().__init__(
            {
                "bytes": In(stream.Signature(8)),
                "access": Out(AccessPort()),
                "passed": Out(stream.Signature(8, always_ready=True)),
                "state": In(3),
                "beats": Out(stream.Signature(axis_layout())),
                "image": Out(stream.Signature(1)),
                "images": In(range(IMAGES + 1)),
                "open": Out(1),
                "say": Out(stream.Signature(word_layout())),
                "unknown": Out(1),
                "refused": Out(1),
                "taken": Out(1),
            }
        )

    def model(self, inputs: Sequence[tuple[bytes, Configuration]]) -> list[tuple[str, Any]]:
        """Takes (message, state of the guard), in order; returns what the messages make it do:

        ("write", (address, word)), ("read", (address, words, told)), ("image", beats), ("refuse", tag) and
        ("unknown", kind), after which nothing follows.
        """
        did: list[tuple[str, Any]] = []
        for message, state in inputs:
            head, body = MESSAGE.from_bytes(message), message[MESSAGE.size :]
            kind, length, address = head["kind"], head["length"], head["value"]
            if not is_message(kind, length):
                return [*did, ("unknown", kind)]
            if kind == MessageKind.WRITE:
                did += [("write", (address, word)) for word in _words(body[:length])]
            elif kind in (MessageKind.READ, MessageKind.SCAN):
                did.append(("read", (address, length // WORD, kind == MessageKind.READ)))
            else:
                images = _images_of(head, body)
                valid = state == Configuration.VALID
                did += [("image", beats) if valid else ("refuse", tag) for tag, beats in images]
        return did

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.phase, self.then = Signal(Phase), Signal(Phase)
        self.head, self.at = Signal(structure(MESSAGE)), Signal(range(MESSAGE.size))
        self.word, self.left, self.again = Signal(32), Signal(16), Signal(8)  # bytes to come; images to come
        self.ends, self.wrong = Signal(), Signal(14)  # `word` is its record's last; number of refused accesses
        self.of_core, self.is_write, self.is_read, self.is_events = Signal(), Signal(), Signal(), Signal()
        self.valid, self.done = Signal(), Signal()  # the state is VALID; the bytes to come make no beat
        head, access = self.head, self.access
        m.d.comb += [
            self.of_core.eq(head.value < LINK_BASE),
            self.is_write.eq(head.kind == MessageKind.WRITE),
            self.is_read.eq(head.kind == MessageKind.READ),
            self.is_events.eq(head.kind == MessageKind.EVENTS),
            self.valid.eq(self.state == Configuration.VALID),
            self.done.eq(Mux(self.is_events, self.left < EVENT.size, self.left == 0)),
            access.write.eq(self.is_write),
            access.address.eq(head.value),
            access.word.eq(self.word),
            self.say.payload.data.eq(self.word),
            self.say.payload.last.eq(self.ends),
            self.image.payload.eq(seen_as(HEADER_FLAGS, head.flags).spikes),
            self.beats.payload.data.eq(self.word),
            self.beats.payload.last.eq(self.done),
        ]
        with m.Switch(self.phase):
            with m.Case(Phase.HEADER):
                m.d.comb += self.bytes.ready.eq(1)
                with m.If(self.bytes.valid):
                    m.d.sync += [head.eq(after_byte(head, self.bytes.payload)), self.at.eq(self.at + 1)]
                    with m.If(self.at == MESSAGE.size - 1):
                        m.d.sync += self.phase.eq(Phase.KIND)
            with m.Case(Phase.KIND):
                self._begin(m)
            with m.Case(Phase.NOTE):
                m.d.comb += [self.passed.valid.eq(1), self.passed.payload.eq(head.kind)]
                m.d.sync += [head.eq(head.as_value().rotate_right(8)), self.at.eq(self.at + 1)]
                with m.If(self.at == MESSAGE.size - 1):
                    m.d.sync += self.phase.eq(Phase.GATHER)
            self._accesses(m)
            self._images(m)
        return m

    def _begin(self, m: Module) -> None:
        head, odd = self.head, Signal()
        m.d.sync += [self.left.eq(head.length), self.again.eq(head.count), self.wrong.eq(0), self.at.eq(0)]
        m.d.comb += odd.eq(head.length[:2].any() | (self.is_read & (head.length > READ_MAX)))
        with m.Switch(head.kind):
            with m.Case(MessageKind.WRITE):
                m.d.sync += self.phase.eq(Mux(self.of_core, Phase.NOTE, Phase.GATHER))
            with m.Case(MessageKind.READ, MessageKind.SCAN):
                size = Signal.like(head.length)
                m.d.comb += size.eq(Mux(self.is_read, head.length, 0) + WORD)
                m.d.sync += [self.word.eq(packed(RECORD, kind=RecordKind.REPLY, length=size)), self.ends.eq(0)]
                m.d.sync += [self.phase.eq(Phase.SAY), self.then.eq(Phase.MORE)]
            with m.Case(MessageKind.BITMAPS):
                m.d.sync += self.phase.eq(Mux(head.count == 0, Phase.HEADER, Phase.LABEL))
            with m.Case(MessageKind.EVENTS):
                m.d.sync += [self.again.eq(1), self.phase.eq(Phase.LABEL)]
            with m.Default():
                m.d.comb += self.unknown.eq(1)
        with m.If((self.is_write | self.is_read | (head.kind == MessageKind.SCAN)) & odd):
            m.d.comb += self.unknown.eq(1)
        with m.If(self.unknown):
            m.d.sync += self.phase.eq(Phase.KIND)

    def _accesses(self, m: Module) -> None:
        """Adds the states that access registers (WRITE, READ, SCAN), collect words of all messages and send records."""
        access, at, left = self.access, self.at, self.left
        with m.Case(Phase.GATHER):
            gap, byte = Signal(), Signal(8)  # gap: a 0 follows an event's t and a bitmap's last byte
            m.d.comb += [
                gap.eq((self.is_events & (at == 1)) | (~self.is_write & (left == 0))),
                byte.eq(Mux(gap, 0, self.bytes.payload)),
                self.bytes.ready.eq(~gap & (left != 0)),
                self.passed.payload.eq(self.bytes.payload),
                self.passed.valid.eq(self.is_write & self.of_core & self.bytes.valid & self.bytes.ready),
            ]
            with m.If(self.is_write & (left == 0)):
                m.d.sync += self.phase.eq(Phase.HEADER)
            with m.Elif(gap | self.bytes.valid):
                m.d.sync += [self.word.eq(after_byte(self.word, byte)), at.eq(at + 1), left.eq(left - ~gap)]
                with m.If(at == WORD - 1):
                    m.d.sync += [at.eq(0), self.phase.eq(Mux(self.is_write, Phase.ACCESS, Phase.SEND))]
        with m.Case(Phase.ACCESS):
            m.d.comb += access.request.eq(1)
            with m.If(access.done):
                m.d.sync += [self.wrong.eq(self.wrong + access.refused), self.phase.eq(Phase.GATHER)]
                with m.If(~self.is_write):
                    m.d.sync += [self.word.eq(access.data), left.eq(left - WORD)]
                    m.d.sync += self.phase.eq(Mux(self.is_read, Phase.SAY, Phase.MORE))
        with m.Case(Phase.MORE):
            m.d.sync += self.phase.eq(Phase.ACCESS)
            with m.If(left == 0):
                m.d.sync += [self.word.eq(self.wrong), self.ends.eq(1)]
                m.d.sync += [self.phase.eq(Phase.SAY), self.then.eq(Phase.HEADER)]
        with m.Case(Phase.SAY):
            m.d.comb += self.say.valid.eq(1)
            with m.If(self.say.ready):
                m.d.sync += self.phase.eq(self.then)
                with m.If(self.then == Phase.NEXT):  # REFUSED has a body behind its header
                    m.d.sync += [self.word.eq(packed(REFUSAL, tag=self.head.tag, count=1)), self.ends.eq(1)]
                    with m.If(~self.ends):
                        m.d.sync += self.phase.eq(Phase.SAY)

    def _images(self, m: Module) -> None:
        """Adds the states that pass an image on (label, header beat, beats), or take its bytes and send REFUSED."""
        head, at, left, byte = self.head, self.at, self.left, self.bytes.payload
        beat = self.beats.valid & self.beats.ready
        with m.Case(Phase.LABEL):
            with m.If((head.flags & LABELLED) == 0):
                m.d.sync += self.phase.eq(Phase.OFFER)
            with m.Else():
                m.d.comb += self.bytes.ready.eq(1)
                with m.If(self.bytes.valid):
                    m.d.sync += [head.value.eq(after_byte(head.value, byte)), at.eq(at + 1)]
                    with m.If(at == 1):
                        m.d.sync += [at.eq(0), self.phase.eq(Phase.OFFER)]
        with m.Case(Phase.OFFER):
            flags = Signal(structure(HEADER_FLAGS))
            m.d.comb += [flags.eq(head.flags & ~LABELLED), flags.bitmap.eq(~self.is_events)]
            header = packed(IMAGE_HEADER, flags=flags, tag=head.tag, label=head.value)
            m.d.comb += self.beats.payload.data.eq(header)
            m.d.comb += [self.beats.valid.eq(self.valid & self.image.ready), self.image.valid.eq(beat)]
            with m.If(~self.valid | (beat & self.done)):
                m.d.sync += self.phase.eq(Phase.REST)
            with m.Elif(beat):
                m.d.sync += [self.open.eq(1), self.phase.eq(Phase.GATHER)]
        with m.Case(Phase.SEND):
            m.d.comb += self.beats.valid.eq(1)
            with m.If(beat):
                m.d.sync += self.phase.eq(Phase.GATHER)
                with m.If(self.done):
                    m.d.sync += [self.open.eq(0), self.phase.eq(Phase.REST)]
        with m.Case(Phase.REST):
            with m.If(left != 0):
                m.d.comb += self.bytes.ready.eq(1)
                with m.If(self.bytes.valid):
                    m.d.sync += left.eq(left - 1)
            with m.Elif(self.valid):
                m.d.comb += self.taken.eq(1)
                m.d.sync += self.phase.eq(Phase.NEXT)
            with m.Elif(self.images == 0):  # REFUSED keeps the order of images
                m.d.comb += self.refused.eq(1)
                refused = packed(RECORD, kind=RecordKind.REFUSED, status=self.state, length=REFUSAL.size)
                m.d.sync += self.word.eq(refused)
                m.d.sync += [self.ends.eq(0), self.phase.eq(Phase.SAY), self.then.eq(Phase.NEXT)]
        with m.Case(Phase.NEXT):
            m.d.sync += [left.eq(head.length), head.tag.eq(head.tag + 1), self.again.eq(self.again - 1)]
            m.d.sync += self.phase.eq(Mux(self.again == 1, Phase.HEADER, Phase.LABEL))


assert RECORD.size == REFUSAL.size == WORD


def _images_of(head: Mapping[str, int], body: bytes) -> Iterator[tuple[int, list[int]]]:
    """Yields (tag, beats) of each image in a message, for the model."""
    bitmap, length, at = head["kind"] == MessageKind.BITMAPS, head["length"], 0
    flags = head["flags"] & ~(LABELLED | BITMAP) | (BITMAP if bitmap else 0)
    for k in range(head["count"] if bitmap else 1):
        tag, label = (head["tag"] + k) % TAGS, head["value"]
        if head["flags"] & LABELLED:
            label, at = LABEL.from_bytes(body, at)["label"], at + LABEL.size
        part, at = body[at : at + length], at + length
        beats = [IMAGE_HEADER.pack(flags=flags, tag=tag, label=label)]
        if bitmap:
            beats += _words(part)
        else:
            places = range(0, length - EVENT.size + 1, EVENT.size)
            beats += [EVENT_BEAT.pack(**EVENT.from_bytes(part, i)) for i in places]
        yield tag, beats


def _words(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + WORD], "little") for at in range(0, len(data), WORD)]
