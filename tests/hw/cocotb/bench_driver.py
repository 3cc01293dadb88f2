"""Drives an emitted core under cocotb through AXI, checks its streams in every cycle, compares it with the contract."""

import itertools
import logging
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cocotb
import numpy as np
from bench_cores import CORES
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource
from core_configs import differences

from firstspike_contract import CoreConfig, Network, load_plan
from firstspike_contract.core import driver
from firstspike_contract.core.access import perform_async
from firstspike_contract.core.register_map import GLOBAL, STAGE, offset_of
from firstspike_contract.core.stream_format import (
    IMAGE_HEADER,
    RESULT_BEATS,
    Header,
    pack_image,
    unpack_bitmap,
    unpack_result,
)
from firstspike_contract.core.trace import unpack_trace

__all__ = ["CONFIG", "PERIOD", "SEED", "CoreDriver", "Played", "stalls"]

PERIOD = 10  # ns
SEED = int(os.environ.get("FIRSTSPIKE_SEED", "1"))
CONFIG: CoreConfig = CORES[os.environ.get("FIRSTSPIKE_CORE", "both")]

_PATIENCE = 200_000  # most cycles that an image may take
_OKAY, _SLVERR = 0, 2


def stalls(seed: int, chance: float) -> Iterator[bool]:
    """Yields whether a stream pauses in each cycle; pauses last 1 to 20 cycles, because long ones show other faults."""
    chances = random.Random(seed)
    while True:
        paused = chances.random() < chance
        yield from itertools.repeat(paused, chances.choice([1, 1, 1, 2, 5, 20]))


@dataclass(kw_only=True)
class Played:
    """The answers of a core to N images."""

    packets: np.ndarray  # RESULT_PACKET ``[N]``
    results: np.ndarray  # RESULT ``[N]``
    traces: dict[int, np.ndarray]  # image -> TRACE, for images with the flag SPIKES


@dataclass(kw_only=True)
class Seen:
    """What happened on the streams since the last reset, as cycle numbers and counts."""

    cycle: int = 0  # cycles since the reset
    headers: list[int] = field(default_factory=list)  # cycle in which each header was taken
    lasts: list[int] = field(default_factory=list)  # cycle in which each TLAST was taken
    offered: list[int] = field(default_factory=list)  # first cycle of each result packet
    beats: dict[str, int] = field(default_factory=lambda: {"s": 0, "m": 0, "t": 0})  # stream -> beats taken


class BenchRegisters:
    """AsyncRegisterAccess through an AXI4-Lite master. Writes are pipelined; a refused access fails the test."""

    def __init__(self, master: AxiLiteMaster) -> None:
        self._master = master

    async def write(self, address: int, words: np.ndarray) -> None:
        pending = [self._master.init_write(address, word.to_bytes(4, "little")) for word in words.tolist()]
        for operation in pending:
            await operation.wait()
            assert int(operation.data.resp) == _OKAY, f"write to {address:#05x} refused"

    async def read(self, addresses: Sequence[int]) -> list[int]:
        return [await self._word(address) for address in addresses]

    async def read_words(self, address: int, count: int) -> np.ndarray:
        return np.array([await self._word(address) for _ in range(count)], np.uint32)

    async def scan(self, address: int, count: int) -> None:
        await self.read_words(address, count)

    async def wait(self, waited: int) -> None:
        assert waited < _PATIENCE, "the core does not become idle"

    async def flush(self) -> float:
        return 0.0

    async def _word(self, address: int) -> int:
        done = await self._master.read(address, 4)
        assert int(done.resp) == _OKAY, f"read of {address:#05x}: response {int(done.resp)}"
        return int.from_bytes(done.data, "little")


class CoreDriver:
    """A core and its drivers, started by `await CoreDriver(dut).start()`. Failures name events and differences."""

    def __init__(self, dut: Any, config: CoreConfig = CONFIG) -> None:
        self.dut, self.config = dut, config
        self.seen = Seen()
        self.restarting = False  # while True, streams may break off
        for name in ("s_axis", "m_axis", "t_axis", "s_axil"):  # cocotbext-axi logs every beat
            for part in ("", "_aw", "_w", "_b", "_ar", "_r"):
                logging.getLogger(f"cocotb.{dut._name}.{name}{part}").setLevel(logging.ERROR)

    async def start(self) -> "CoreDriver":
        dut = self.dut
        for name, parts in _INPUTS.items():
            for part in parts:
                getattr(dut, f"{name}_{part}").value = 0
        dut.rst.value = 1  # before any driver looks at outputs, which are unknown until then
        cocotb.start_soon(Clock(dut.clk, PERIOD, unit="ns").start())
        await ClockCycles(dut.clk, 2)
        dut.rst.value = 0
        await ClockCycles(dut.clk, 1)
        # The drivers follow `rst`. `control_reset` resets them together with CONTROL.reset.
        self.images = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk, dut.rst)
        self.results = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, dut.rst)
        self.trace = AxiStreamSink(AxiStreamBus.from_prefix(dut, "t_axis"), dut.clk, dut.rst)
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        for part in (self.registers.write_if, self.registers.read_if):
            part.log.setLevel(logging.ERROR)
        await self.reset()
        cocotb.start_soon(self._watch())
        return self

    async def reset(self, cycles: int = 2) -> None:
        """Holds `rst` for `cycles` cycles; the drivers forget their streams."""
        self.restarting = True
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, cycles)
        self.dut.rst.value = 0
        self._forget()
        await ClockCycles(self.dut.clk, 2)
        self._forget()
        self.restarting = False

    async def control_reset(self, run: int = 1) -> None:
        """Writes CONTROL.reset and restarts the drivers of the streams."""
        self.restarting = True
        for stream in (self.images, self.results, self.trace):
            stream.assert_reset(True)
        await self.write("CONTROL", GLOBAL["CONTROL"].pack(run=run, reset=1))
        await ClockCycles(self.dut.clk, 2)
        for stream in (self.images, self.results, self.trace):
            stream.assert_reset(False)
        self._forget()
        self.restarting = False

    def _forget(self) -> None:
        for stream in (self.images, self.results, self.trace):
            stream.clear()
        self.seen = Seen()

    # Registers

    async def write(self, name: str, value: int, stage: int | None = None, expect: int = _OKAY) -> None:
        await self.write_at(offset_of(name, stage), value, expect)

    async def write_at(self, offset: int, value: int, expect: int = _OKAY) -> None:
        done = await self.registers.write(offset, int(value).to_bytes(4, "little"))
        assert int(done.resp) == expect, f"write of {value:#x} to {offset:#05x}: response {int(done.resp)}"

    async def read(self, name: str, stage: int | None = None, expect: int = _OKAY) -> int:
        return await self.read_at(offset_of(name, stage), expect)

    async def read_at(self, offset: int, expect: int = _OKAY) -> int:
        done = await self.registers.read(offset, 4)
        assert int(done.resp) == expect, f"read of {offset:#05x}: response {int(done.resp)}"
        return int.from_bytes(done.data, "little")

    async def fields(self, name: str, stage: int | None = None) -> dict[str, int]:
        block = GLOBAL if stage is None else STAGE
        return block[name].unpack(await self.read(name, stage))

    async def do(self, task: Any) -> Any:
        """Performs a task of the driver on this core and returns its value."""
        return await perform_async(task, BenchRegisters(self.registers))

    async def stop(self) -> None:
        """Writes CONTROL.run = 0 and waits until the core is idle."""
        await self.do(driver.halt())

    async def load(self, network: Network, *, read_back: bool = False) -> None:
        """Loads registers and memories, compares CRCs and sets CONTROL.run; `read_back` compares every word, too."""
        plan = load_plan(network, self.config)
        await self.do(driver.load(plan))
        if read_back:
            await self.do(driver.read_back(plan))

    # Images

    def stall(self, seed: int, *, gaps: float = 0.0, results: float = 0.0, trace: float = 0.0) -> None:
        """Sets the chance of a pause on each stream from now on."""
        streams = (self.images, self.results, self.trace)
        for k, (stream, chance) in enumerate(zip(streams, (gaps, results, trace), strict=True)):
            stream.clear_pause_generator()
            stream.pause = False
            if chance:
                stream.set_pause_generator(stalls(3 * seed + k, chance))

    def send(self, beats: Sequence[np.ndarray]) -> None:
        for image in beats:
            self.images.send_nowait(AxiStreamFrame(image.astype("<u4").tobytes()))

    async def gather(self, beats: Sequence[np.ndarray]) -> Played:
        """Returns the answers to images that have been sent."""
        packets, traces = [], {}
        for n, image in enumerate(beats):
            packets.append(await self._packet(self.results, f"result of image {n}"))
            assert len(packets[-1]) == RESULT_BEATS, f"result of image {n} has {len(packets[-1])} beats"
            header = IMAGE_HEADER.unpack(int(image[0]))
            if header["flags"] & Header.SPIKES:
                traces[n] = unpack_trace(await self._packet(self.trace, f"trace of image {n}"))
                assert int(traces[n]["x"][-1]) == header["tag"], f"the marker of trace {n} has another tag"
        unpacked, results = unpack_result(np.concatenate(packets))
        return Played(packets=unpacked, results=results, traces=traces)

    async def _packet(self, sink: Any, what: str) -> np.ndarray:
        try:
            frame = await with_timeout(sink.recv(), _PATIENCE * PERIOD, "ns")
        except cocotb.triggers.SimTimeoutError:
            raise AssertionError(f"the {what} does not come") from None
        return np.frombuffer(bytes(frame.tdata), "<u4").astype(np.uint32)

    async def play(self, beats: Sequence[np.ndarray]) -> Played:
        """Sends images back to back, checks their `latency` against the cycles on the streams, returns the answers."""
        first = len(self.seen.offered)
        assert first == len(self.seen.lasts), "an earlier image is unfinished"
        self.send(beats)
        played = await self.gather(beats)
        waited = np.subtract(self.seen.offered[first:], self.seen.lasts[first:])
        assert played.packets["latency"].tolist() == waited.tolist(), "latency is not TLAST to result"
        return played

    async def check(self, network: Network, images: Sequence[np.ndarray], *, flags: int = Header.SPIKES) -> Played:
        """Plays EVENT arrays and compares all answers with contract.evaluate."""
        beats = [pack_image(e, flags=flags, tag=n & 255, label=257 * n & 65535) for n, e in enumerate(images)]
        played = await self.play(beats)
        self.judge(network, beats, images, played)
        return played

    def judge(self, network: Network, beats: Sequence[np.ndarray], images: Any, played: Played) -> None:
        """Compares RESULT, tag and label of every image, and the spike times up to the decision of traced images."""
        for n, image in enumerate(beats):
            events = unpack_bitmap(image) if images is None else images[n]
            header = IMAGE_HEADER.unpack(int(image[0]))
            assert int(played.packets["tag"][n]) == header["tag"], f"image {n}: wrong tag"
            assert int(played.packets["label"][n]) == header["label"], f"image {n}: wrong label"
            wrong = differences(network, events, played.results[n], played.traces.get(n))
            assert not wrong, f"image {n}, seed {SEED}: {wrong}; events (t, x): {events.tolist()}"

    # Checks of the streams in every cycle

    async def _watch(self) -> None:
        """Asserts that a valid beat stays unchanged until it is taken, and records cycle numbers in `seen`."""
        dut = self.dut
        outputs = {name: [getattr(dut, f"{name}_axis_{part}") for part in _AXIS] for name in ("m", "t")}
        inputs = [dut.s_axis_tvalid, dut.s_axis_tready, dut.s_axis_tlast]
        waiting: dict[str, tuple[int, int]] = {}
        inside = {"s": False, "m": False}  # whether a packet has begun and not ended
        edge = RisingEdge(dut.clk)
        while True:
            await edge
            if self.restarting:
                waiting, inside = {}, {"s": False, "m": False}
                continue
            seen = self.seen
            seen.cycle += 1
            if int(inputs[0].value) and int(inputs[1].value):
                seen.beats["s"] += 1
                if not inside["s"]:
                    seen.headers.append(seen.cycle)
                inside["s"] = not int(inputs[2].value)
                if not inside["s"]:
                    seen.lasts.append(seen.cycle)
            for name, (valid, ready, data, last) in outputs.items():
                if not int(valid.value):
                    assert name not in waiting, f"{name}_axis: tvalid fell before tready"
                    continue
                payload = (int(data.value), int(last.value))
                assert waiting.get(name, payload) == payload, f"{name}_axis: payload changed before tready"
                if name == "m" and not inside["m"]:
                    seen.offered.append(seen.cycle)
                    inside["m"] = True
                if int(ready.value):
                    waiting.pop(name, None)
                    seen.beats[name] += 1
                    if name == "m":
                        inside["m"] = not payload[1]
                else:
                    waiting[name] = payload


_INPUTS = {
    "s_axis": ("tdata", "tvalid", "tlast"),
    "m_axis": ("tready",),
    "t_axis": ("tready",),
    "s_axil": ("awaddr", "awvalid", "wdata", "wstrb", "wvalid", "bready", "araddr", "arvalid", "rready"),
}
_AXIS = ("tvalid", "tready", "tdata", "tlast")
