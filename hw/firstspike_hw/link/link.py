"""The link between a line and the core: connects the units, in the order in which data passes through them.

Tested by tests/sim/rtl/test_board.py.
"""

from typing import Any

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from firstspike_contract import CoreConfig
from firstspike_contract.core.register_map import CORE_VERSION, GLOBAL, LINK_BASE
from firstspike_contract.core.stream_format import RESULT_PACKET
from firstspike_contract.link.wire import BUFFER, PAYLOAD_MAX, PROTOCOL, RECORD, Reason, build_id
from firstspike_hw.fabric.axis import AXI_LITE, axis_layout
from firstspike_hw.fabric.layouts import seen_as

from .board_session import BoardSession
from .buffers import ReceiveRing, TransmitRing
from .bus import BusMaster
from .cobs import Decoder, Encoder
from .dispatcher import Dispatcher
from .frame_receiver import FrameReceiver, Hello
from .frame_sender import FrameSender
from .guard import Guard
from .link_registers import COUNTED, LinkRegisters
from .reporter import Reporter
from .sending import Sending, patience
from .watchdog import Watchdog

__all__ = ["Link"]


class Link(wiring.Component):
    """The board's end of the serial link, without a processor.

    received:   in, stream of 8 bits, always ready. Bytes from the line.
    line_error: in, strobe with a byte of `received`. The byte had no stop bit.
    sent:       out, stream of 8 bits. Bytes for the line.
    s_axis:     out, AXI4-Stream. Images for the core.
    m_axis:     in, AXI4-Stream. Results of the core.
    t_axis:     in, AXI4-Stream. Trace of the core.
    s_axil:     out, AXI4-Lite. Registers of the core.
    booted:     in, strobe. The core has loaded itself from its boot memory, and runs.
    """

    def __init__(self, config: CoreConfig, *, clock: int, divisor: int, patience_cycles: int | None = None) -> None:
        """config: the core behind the link.

        clock:   hertz; the welcome and the registers report it.
        divisor: clock cycles per bit of the line; a register reports it.
        patience_cycles: cycles without an acknowledgement after which the board sends again; None: `sending.patience`.
        """
        self.build, self.clock, self.divisor = build_id(config), clock, divisor
        self.patience = patience(clock, divisor) if patience_cycles is None else patience_cycles
        axis = stream.Signature(axis_layout())
        super().__init__(
            {
                "received": In(stream.Signature(8, always_ready=True)),
                "line_error": In(1),
                "sent": Out(stream.Signature(8)),
                "s_axis": Out(axis),
                "m_axis": In(axis),
                "t_axis": In(axis),
                "s_axil": Out(AXI_LITE),
                "booted": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fixed = {"PROTOCOL": PROTOCOL, "BUILD_ID": self.build, "CLOCK": self.clock, "DIVISOR": self.divisor}
        m.submodules.decoder = self.decoder = Decoder()
        m.submodules.receiver = self.receiver = FrameReceiver()
        m.submodules.hello = self.hello = Hello()
        m.submodules.receive_ring = self.incoming = ReceiveRing()
        m.submodules.session = self.session = BoardSession()
        m.submodules.bus = self.bus = BusMaster()
        m.submodules.guard = self.guard = Guard()
        m.submodules.registers = self.registers = LinkRegisters(fixed)
        m.submodules.transmit_ring = self.outgoing = TransmitRing()
        m.submodules.sending = self.sending = Sending(patience=self.patience)
        m.submodules.sender = self.sender = FrameSender()
        m.submodules.encoder = self.encoder = Encoder()

        # The units that hold a session's data are in reset while no session is open, and until the core has been reset.
        self.clear = Signal()
        m.d.comb += self.clear.eq(~self.session.open | self.bus.restarting)
        self.dispatcher, self.reporter, self.watchdog = Dispatcher(), Reporter(), Watchdog()
        m.submodules.dispatcher = ResetInserter(self.clear)(self.dispatcher)
        m.submodules.reporter = ResetInserter(self.clear | self.bus.dropping)(self.reporter)
        m.submodules.watchdog = ResetInserter(self.clear | self.bus.dropping)(self.watchdog)

        self._receive(m)
        self._dispatch(m)
        self._report(m)
        self._send(m)
        return m

    def _receive(self, m: Module) -> None:
        """Connects line -> decoder -> receiver -> session; payloads go from the receiver into the receive ring."""
        decoder, receiver, hello = self.decoder, self.receiver, self.hello
        ring, session = self.incoming, self.session
        connect(m, flipped(self.received), decoder.bytes)
        connect(m, decoder.data, receiver.data)
        m.d.comb += [
            receiver.end.eq(decoder.end),
            receiver.damaged.eq(decoder.damaged),
            hello.begin.eq(receiver.begin),
            hello.kind.eq(receiver.header.kind),
            ring.restart.eq(receiver.begin),
            ring.commit.eq(session.commit),
            ring.clear.eq(self.clear),
            session.good.eq(receiver.good),
            session.bad.eq(receiver.bad),
            session.header.eq(receiver.header),
            session.hello_whole.eq(hello.whole),
            session.hello_spoken.eq(hello.spoken),
            session.nonce.eq(hello.nonce),
            session.fits.eq(ring.fits),
            session.filled.eq(ring.filled),
            session.used.eq(ring.used),
        ]
        for sink in (hello.payload, ring.payload):
            m.d.comb += [sink.valid.eq(receiver.payload.valid), sink.payload.eq(receiver.payload.payload)]

    def _dispatch(self, m: Module) -> None:
        """Connects receive ring -> dispatcher -> registers of core and link, and dispatcher -> images for the core."""
        dispatcher, bus, guard, registers = self.dispatcher, self.bus, self.guard, self.registers
        connect(m, self.incoming.bytes, dispatcher.bytes)
        connect(m, dispatcher.beats, flipped(self.s_axis))
        connect(m, bus.bus, flipped(self.s_axil))
        self._route(m, dispatcher.access, bus.access, registers.access)
        connect(m, dispatcher.passed, guard.passed)
        m.d.comb += [
            dispatcher.state.eq(guard.state),
            bus.restart.eq(self.session.restart),
            bus.run.eq(guard.run),
            guard.written.eq(bus.written),
            guard.address.eq(bus.address),
            guard.refused.eq(bus.refused),
            guard.booted.eq(self.booted),
            guard.begin.eq(registers.begin),
            guard.end.eq(registers.end),
            guard.expect.eq(registers.expect),
            guard.expected.eq(registers.word),
            guard.running.eq(seen_as(GLOBAL["CONTROL"].taken, bus.word).run),
            registers.state.eq(guard.state),
            registers.crc.eq(guard.crc),
        ]

    @staticmethod
    def _route(m: Module, access: Any, core: Any, link: Any) -> None:
        """Connects an access to the core or the link, depending on its address."""
        of_link = Signal()
        m.d.comb += of_link.eq(access.address >= LINK_BASE)
        for side, chosen in ((core, ~of_link), (link, of_link)):
            m.d.comb += [
                side.request.eq(access.request & chosen),
                side.write.eq(access.write),
                side.address.eq(access.address),
                side.word.eq(access.word),
            ]
            with m.If(chosen):
                m.d.comb += [access.done.eq(side.done), access.data.eq(side.data), access.refused.eq(side.refused)]

    def _report(self, m: Module) -> None:
        """Connects core, dispatcher -> reporter -> transmit ring; ends a session that cannot continue."""
        dispatcher, reporter, ring, watchdog = self.dispatcher, self.reporter, self.outgoing, self.watchdog
        session, bus = self.session, self.bus
        connect(m, dispatcher.say, reporter.say)
        connect(m, dispatcher.image, reporter.image)
        connect(m, flipped(self.m_axis), reporter.results)
        connect(m, flipped(self.t_axis), reporter.spikes)
        for name in ("byte", "put", "fill", "at", "reserve", "commit"):
            m.d.comb += getattr(ring, name).eq(getattr(reporter, name))
        m.d.comb += [
            ring.drop.eq(bus.dropping),
            ring.clear.eq(self.clear),
            ring.base.eq(self.sending.base),
            reporter.room.eq(ring.room),
            dispatcher.images.eq(reporter.images),
            watchdog.waiting.eq(reporter.images > dispatcher.open),
            watchdog.answered.eq(reporter.answered),
            watchdog.able.eq(ring.room >= 2 * (RECORD.size + RESULT_PACKET.size)),
            watchdog.limit.eq(self.registers.watchdog),
        ]
        bitten, unknown = Signal(), Signal()
        m.d.comb += [
            bitten.eq(watchdog.expired & ~self.clear),
            unknown.eq(dispatcher.unknown & ~self.clear),
            session.close.eq(bitten | unknown),
            session.why.eq(Reason.MESSAGE),
        ]
        with m.If(bitten):
            m.d.comb += session.why.eq(Reason.WATCHDOG)
        events = {
            "CONFIG_WRITTEN": bus.written & ~bus.refused,
            "WRITES_REFUSED": bus.written & bus.refused,
            "IMAGES_REFUSED": dispatcher.refused & ~self.clear,
            "IMAGES_TAKEN": dispatcher.taken & ~self.clear,
            "LINE_ERRORS": self.line_error,
            "FRAMES": self.receiver.good,
            "FRAMES_BAD": self.receiver.bad,
            "FRAMES_AGAIN": session.came_again,
            "FRAMES_AHEAD": session.came_ahead,
            "REPEATS": self.sending.went_back,
            "SESSIONS": session.opened,
            "MESSAGES_BAD": unknown,
            "WATCHDOGS": bitten,
        }
        m.d.comb += [self.registers.events[place].eq(events[name]) for place, name in enumerate(COUNTED)]

    def _send(self, m: Module) -> None:
        """Connects transmit ring, session -> frame sender -> encoder -> line."""
        session, sending, sender, ring = self.session, self.sending, self.sender, self.outgoing
        header = self.receiver.header
        connect(m, sender.tokens, self.encoder.tokens)
        connect(m, self.encoder.bytes, flipped(self.sent))
        m.d.comb += [
            sending.tail.eq(ring.tail),
            sending.opened.eq(session.opened),
            sending.heard.eq(session.heard),
            sending.again.eq(session.again),
            sending.acknowledge.eq(header.acknowledge),
            sending.window.eq(header.window),
            sending.clear.eq(self.clear),
            sending.sent.eq(sender.sent),
            session.overdue.eq(sending.overdue),
            session.taken.eq(sender.taken),
            sender.due.eq(session.due),
            sender.number.eq(session.number),
            sender.guest.eq(session.guest),
            sender.stranger.eq(session.stranger),
            sender.count.eq(sending.count),
            sender.settled.eq(sending.settled & ~self.clear),
            sender.cursor.eq(sending.cursor),
            sender.expected.eq(self.incoming.filled),
            sender.room.eq(BUFFER - (self.incoming.filled - self.incoming.used)[: len(self.incoming.used)]),
            sender.data.eq(ring.data),
            ring.address.eq(sender.address),
        ]
        known = {
            "nonce": self.hello.nonce,
            "protocol": PROTOCOL,
            "core": CORE_VERSION,
            "build": self.build,
            "clock": self.clock,
            "buffer": BUFFER,
            "payload": PAYLOAD_MAX,
            "configuration": self.guard.state,
            "reason": session.reason,
            "name": self.registers.name,
        }
        m.d.comb += [getattr(sender.welcome, name).eq(value) for name, value in known.items()]
