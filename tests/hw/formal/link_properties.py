"""Properties of the link: uncommitted payloads stay invisible, and only a wholly loaded configuration is valid.

The streams of the link hold what they offer, as those of the core do. Rings are small, because places in a ring are
only compared with each other.
"""

from typing import Any

from amaranth.hdl import Cat, Mux, Signal
from prover import Proof
from stream_properties import holds

from firstspike_contract.core.register_map import offset_of
from firstspike_contract.core.stream_format import RESULT_BEATS
from firstspike_contract.link.wire import Configuration
from firstspike_hw.link.board_session import BoardSession
from firstspike_hw.link.buffers import WORD, ReceiveRing
from firstspike_hw.link.bus import BusMaster
from firstspike_hw.link.cobs import Encoder
from firstspike_hw.link.dispatcher import Dispatcher
from firstspike_hw.link.guard import Guard
from firstspike_hw.link.reporter import Reporter

__all__ = ["LINK_STREAMS", "guard", "receive_ring", "reporter", "session"]


def _free(proof: Proof, unit: Any, *names: str) -> None:
    """Lets the named inputs of the unit take any value in every cycle."""
    for name in names:
        port = getattr(unit, name)
        proof.m.d.comb += port.eq(proof.free(name, port.shape()))


def receive_ring() -> Proof:
    """Proves that only bytes of committed payloads are seen. Bit 0 of a byte says if its payload will be committed."""
    proof, unit = Proof(), ReceiveRing(size=4)
    m = proof.m
    m.submodules.unit = unit
    _free(proof, unit, "restart", "commit", "clear")
    byte, valid, ready = proof.free("byte", 8), proof.free("valid"), proof.free("ready")
    m.d.comb += [unit.payload.payload.eq(byte), unit.payload.valid.eq(valid), unit.bytes.ready.eq(ready)]

    will, before, pending, there = proof.free("will"), Signal(), Signal(3), Signal(3)
    m.d.sync += before.eq(will)
    begun = Signal()  # whether a payload has begun
    taken = valid & unit.fits & (pending + there < 4)
    with m.If(unit.restart):
        m.d.sync += [begun.eq(1), pending.eq(0)]
    with m.If(taken):
        m.d.sync += pending.eq(pending + 1)
    leaves = unit.bytes.valid & ready
    m.d.sync += there.eq(there - leaves)
    with m.If(unit.commit):
        m.d.sync += [there.eq(there + pending - leaves), pending.eq(0), begun.eq(0)]
    with m.If(unit.clear):
        m.d.sync += [there.eq(0), pending.eq(0), begun.eq(0)]
    # The frame receiver begins a payload before its bytes, and judges it as a whole after them.
    proof.assume(~valid | begun)
    proof.assume(~(unit.restart & (valid | unit.commit)) & ~(valid & unit.commit))
    proof.assume(unit.restart | (will == before))
    proof.assume(~valid | (byte[0] == will))
    proof.assume(~unit.commit | (begun & will & unit.fits))
    proof.require("only what was committed is seen", ~unit.bytes.valid | unit.bytes.payload[0])
    proof.require("no more than was committed", ~unit.bytes.valid | (there != 0))
    proof.require("the ring never overflows", (there + pending) <= 4)
    holds(proof, "bytes", unit.bytes.valid, ready, unit.bytes.payload, unit.clear)
    return proof


def guard() -> Proof:
    """Proves what VALID means: a load began and ended with the CRC-32 that the host named, without a refused write, and
    nothing of the network was written after it.

    The proof does not cover the computation of the CRC-32: no bytes pass, and the host may name the right one or not.
    """
    proof, unit = Proof(), Guard()
    m = proof.m
    m.submodules.unit = unit
    _free(proof, unit, "written", "refused", "begin", "end", "expect", "address", "running", "expected")

    loading, whole, some, named, justified, run = Signal(), Signal(), Signal(), Signal(32), Signal(), Signal()
    network = [offset_of(name) for name in ("STEPS", "ADDRESSES", "ACTIVE", "MEM_DATA")]
    of_stage = (unit.address >= 0x100) & (unit.address[:6] < 0x10) & (unit.address[:2] == 0)
    changes = unit.written & (Cat(unit.address == offset for offset in network).any() | of_stage)
    with m.If(unit.expect):
        m.d.sync += named.eq(unit.expected)
    with m.If(unit.written):
        m.d.sync += [some.eq(some | ~unit.refused), whole.eq(whole & ~unit.refused)]
        with m.If(unit.address == offset_of("CONTROL")):
            m.d.sync += run.eq(unit.running)
    with m.If(changes):
        m.d.sync += justified.eq(0)
    with m.If(unit.end):
        m.d.sync += loading.eq(0)
        with m.If(loading):
            m.d.sync += justified.eq(whole & some & (unit.crc == named))
    with m.If(unit.begin):
        m.d.sync += [loading.eq(1), whole.eq(1), some.eq(0), justified.eq(0)]
    # The guard sees at most one access in a cycle.
    proof.assume((unit.written + unit.begin + unit.end + unit.expect) <= 1)
    valid = unit.state == Configuration.VALID
    proof.require("valid: loaded whole", ~valid | justified)
    proof.require("valid: running", ~valid | run)
    proof.require("halted: loaded whole", (unit.state != Configuration.HALTED) | (justified & ~run))
    proof.require("loading until the end", ~loading | (unit.state == Configuration.LOADING))
    return proof


def session() -> Proof:
    """Proves that payloads count only in an open session, in order and with room; bad frames have no effect."""
    proof, unit = Proof(), BoardSession()
    m = proof.m
    m.submodules.unit = unit
    _free(proof, unit, "good", "bad", "hello_whole", "hello_spoken", "fits", "overdue", "close")
    _free(proof, unit, "nonce", "filled", "used", "why")
    header, taken = proof.free("header", unit.header.shape()), proof.free("taken", unit.taken.shape())
    m.d.comb += [unit.header.eq(header), unit.taken.eq(taken)]
    mine = unit.good & unit.open & (header.session == unit.number) & ~header.kind[-1]
    in_order = (header.sequence == unit.filled) & unit.fits
    proof.require("committed in a session and in order", ~unit.commit | (mine & in_order & (header.length != 0)))
    proof.require("acknowledgements of this session only", ~unit.heard | mine)
    proof.require("opened by a hello", ~unit.opened | (unit.good & unit.hello_whole & unit.hello_spoken))
    began, was = Signal(), Signal()
    m.d.sync += [began.eq(unit.opened), was.eq(unit.open & ~unit.close)]
    proof.require("open only when opened", ~unit.open | was | began)
    return proof


def encoder() -> Proof:
    """Proves that the encoder holds its bytes for the line until they are taken."""
    proof, unit = Proof(), Encoder()
    unit.depth = 8  # the proof does not depend on the depth; the constructor refuses less than a group
    m = proof.m
    m.submodules.unit = unit
    token, valid, ready = proof.free("token", unit.tokens.payload.shape()), proof.free("valid"), proof.free("ready")
    m.d.comb += [unit.tokens.payload.eq(token), unit.tokens.valid.eq(valid), unit.bytes.ready.eq(ready)]
    waiting, before = Signal(), Signal(9)
    m.d.sync += [waiting.eq(valid & ~unit.tokens.ready), before.eq(token.as_value())]
    proof.assume(~waiting | (valid & (token.as_value() == before)))
    proof.assume(~token.end | (token.data == 0))
    holds(proof, "bytes", unit.bytes.valid, ready, unit.bytes.payload)
    return proof


def bus() -> Proof:
    """Proves the rules of AXI4-Lite on s_axil, also when an access is withdrawn and when the link resets the core."""
    proof, unit = Proof(), BusMaster()
    m = proof.m
    m.submodules.unit = unit
    access = unit.access
    for name in ("request", "write", "address", "word"):
        port = getattr(access, name)
        m.d.comb += port.eq(proof.free(name, port.shape()))
    _free(proof, unit, "restart", "run")
    axi = unit.bus
    for name in ("awready", "wready", "bvalid", "bresp", "arready", "rvalid", "rdata", "rresp"):
        port = getattr(axi, name)
        m.d.comb += port.eq(proof.free(name, port.shape()))
    # The core answers every access once.
    writes, reads = Signal(2), Signal()  # taken and unanswered halves of a write, and read
    halves = (axi.awvalid & axi.awready) + (axi.wvalid & axi.wready)
    m.d.sync += writes.eq(writes + halves)
    with m.If(axi.bvalid):
        m.d.sync += writes.eq(0)
    with m.If(axi.arvalid & axi.arready):
        m.d.sync += reads.eq(1)
    with m.If(axi.rvalid):
        m.d.sync += reads.eq(0)
    proof.assume(~axi.bvalid | (writes == 2))
    proof.assume(~axi.rvalid | reads)
    holds(proof, "s_axil aw", axi.awvalid, axi.awready, axi.awaddr)
    holds(proof, "s_axil w", axi.wvalid, axi.wready, axi.wdata)
    holds(proof, "s_axil ar", axi.arvalid, axi.arready, axi.araddr)
    proof.require("one access at a time", ~((writes != 0) | axi.awvalid | axi.wvalid) | ~(reads | axi.arvalid))
    proof.require("the link is always ready for answers", (axi.bready & axi.rready) == 1)
    return proof


def dispatcher() -> Proof:
    """Proves that beats of images and words of records hold, and that images pass in the state VALID only."""
    proof, unit = Proof(), Dispatcher()
    m = proof.m
    m.submodules.unit = unit
    for name, port in (("bytes", unit.bytes),):
        m.d.comb += [port.payload.eq(proof.free(name, 8)), port.valid.eq(proof.free(f"{name}_valid"))]
    for name in ("done", "data", "refused"):
        port = getattr(unit.access, name)
        m.d.comb += port.eq(proof.free(f"access_{name}", port.shape()))
    ready = {name: proof.free(f"{name}_ready") for name in ("beats", "say", "image")}
    for name, signal in ready.items():
        m.d.comb += getattr(unit, name).ready.eq(signal)
    _free(proof, unit, "state", "images")
    # Only an image fills the queue of images, and only an access changes the state.
    room, state = Signal(), Signal(3)
    m.d.sync += [room.eq(ready["image"] & ~unit.image.valid), state.eq(unit.state)]
    proof.assume(~room | ready["image"])
    accessed = Signal()
    m.d.sync += accessed.eq(unit.access.request)
    proof.assume(accessed | (unit.state == state))
    holds(proof, "s_axis", unit.beats.valid, ready["beats"], unit.beats.payload)
    holds(proof, "say", unit.say.valid, ready["say"], unit.say.payload)
    proof.require("images in VALID only", ~unit.image.valid | (unit.state == Configuration.VALID))
    return proof


def reporter() -> Proof:
    """Proves that the reporter writes only where there is room; bytes may become free at any time."""
    proof, unit, size = Proof(), Reporter(), 64
    m = proof.m
    m.submodules.unit = unit
    for name in ("say", "image", "results", "spikes"):
        port = getattr(unit, name)
        valid, payload = proof.free(f"{name}_valid"), proof.free(f"{name}_payload", port.payload.shape())
        m.d.comb += [port.valid.eq(valid), port.payload.eq(payload)]
    freed, room, used = proof.free("freed", 7), Signal(7, init=9), Signal(7)  # most of the ring is in use at first
    m.d.comb += [unit.room.eq(room), used.eq((unit.put & ~unit.fill) + Mux(unit.reserve, WORD, 0))]
    m.d.sync += room.eq(room - used + freed)
    proof.assume(room - used + freed <= size)
    # Packets on m_axis have eleven beats.
    beat = Signal(4)
    with m.If(unit.results.valid & unit.results.ready):
        m.d.sync += beat.eq(Mux(unit.results.payload.last, 0, beat + 1))
    proof.assume(~unit.results.valid | (unit.results.payload.last == (beat == RESULT_BEATS - 1)))
    proof.require("there is room", used <= room)
    proof.require("never a byte and a reservation at once", ~(unit.put & unit.reserve))
    return proof


LINK_STREAMS = {f.__name__: f for f in (encoder, bus, dispatcher)}
