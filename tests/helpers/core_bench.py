"""Runs a core in the Amaranth simulator: loads a network, plays images, gathers results, traces and cycles."""

import random
from dataclasses import dataclass, field

import numpy as np
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from firstspike_contract import CoreConfig, LearnSettings, Network, load_plan
from firstspike_contract.core import driver
from firstspike_contract.core.access import perform_async
from firstspike_contract.core.register_map import offset_of
from firstspike_contract.core.stream_format import RESULT_BEATS, unpack_result
from firstspike_contract.core.trace import unpack_trace
from firstspike_hw.core.core import Core


@dataclass(kw_only=True)
class Played:
    """The answers of a core to N images."""

    packets: np.ndarray  # RESULT_PACKET ``[N]``
    results: np.ndarray  # RESULT ``[N]``
    traces: list  # one TRACE array for each traced image
    taken: list  # cycle in which the TLAST beat of each image was taken
    offered: list  # first cycle in which each result was offered


class BenchRegisters:
    """AsyncRegisterAccess to a core in the Amaranth simulator; an access that the core refuses fails the test."""

    def __init__(self, bench, ctx):
        self._bench, self._ctx = bench, ctx

    async def write(self, address, words):
        for word in words.tolist():
            assert await self._bench.write_at(self._ctx, address, word) == 0, hex(address)

    async def read(self, addresses):
        return [await self._word(address) for address in addresses]

    async def read_words(self, address, count):
        return np.array([await self._word(address) for _ in range(count)], np.uint32)

    async def scan(self, address, count):
        await self.read_words(address, count)

    async def wait(self, waited):
        """Does nothing: reading STATUS lets time pass, and the bench's limit ends a core that never becomes idle."""

    async def flush(self):
        return 0.0

    async def _word(self, address):
        value = await self._bench.read_at(self._ctx, address)
        assert value is not None, hex(address)
        return value


@dataclass(kw_only=True)
class Bench:
    """A simulated core."""

    config: CoreConfig
    stall: float = 0.0  # chance, in each cycle, that a sink is not ready or that a source offers nothing
    seed: int = 0
    limit: int = 200_000  # cycles after which the core is said to hang
    cycle: int = 0
    _core: Core = field(init=False)
    _rst: Signal = field(init=False)

    async def reset(self, ctx):
        """Holds `rst` for one cycle; memories keep their contents."""
        ctx.set(self._rst, 1)
        await ctx.tick()
        ctx.set(self._rst, 0)

    async def write(self, ctx, name, value, stage=None):
        return await self.write_at(ctx, offset_of(name, stage), value)

    async def write_at(self, ctx, offset, value):
        bus = self._core.s_axil
        ctx.set(bus.awaddr, offset)
        ctx.set(bus.wdata, int(value))
        ctx.set(bus.awvalid, 1)
        ctx.set(bus.wvalid, 1)
        ctx.set(bus.bready, 1)
        await ctx.tick().until(bus.awready & bus.wready)
        ctx.set(bus.awvalid, 0)
        ctx.set(bus.wvalid, 0)
        while not ctx.get(bus.bvalid):
            await ctx.tick()
        answer = ctx.get(bus.bresp)
        await ctx.tick()
        return answer

    async def read(self, ctx, name, stage=None):
        return await self.read_at(ctx, offset_of(name, stage))

    async def read_at(self, ctx, offset):
        bus = self._core.s_axil
        ctx.set(bus.araddr, offset)
        ctx.set(bus.arvalid, 1)
        ctx.set(bus.rready, 1)
        await ctx.tick().until(bus.arready)
        ctx.set(bus.arvalid, 0)
        while not ctx.get(bus.rvalid):
            await ctx.tick()
        value, answer = ctx.get(bus.rdata), ctx.get(bus.rresp)
        await ctx.tick()
        return value if answer == 0 else None

    async def do(self, ctx, task):
        """Performs a task of the driver on this core and returns its value."""
        return await perform_async(task, BenchRegisters(self, ctx))

    async def load(self, ctx, network: Network, read_back: bool = False):
        """Loads a network and lets the core run; `read_back` reads every word and both CRCs back and compares them."""
        plan = load_plan(network, self.config)
        await self.do(ctx, driver.load(plan))
        if read_back:
            await self.do(ctx, driver.read_back(plan))

    async def set_learning(self, ctx, network: Network, settings: LearnSettings, count: int):
        """Sets the registers of learning."""
        await self.do(ctx, driver.set_learning(network, self.config, settings, count))

    async def learnt(self, ctx, network: Network) -> Network:
        """Waits until the core is idle; returns the network with the weights that the core holds then."""
        return await self.do(ctx, driver.learnt(network, self.config, load_plan(network, self.config)))

    def run(self, *tasks) -> list:
        """Runs tasks `async (bench, ctx) -> value` one after the other in one simulation; returns their values."""
        self._core, self._rst = Core(self.config), Signal()
        simulator = Simulator(ResetInserter(self._rst)(self._core))
        simulator.add_clock(1e-6)
        values = []

        async def all_tasks(ctx):
            for task in tasks:
                values.append(await task(self, ctx))

        async def clock(ctx):
            async for _ in ctx.tick():
                self.cycle += 1
                assert self.cycle < self.limit, "the core hangs"

        simulator.add_testbench(all_tasks)
        simulator.add_testbench(clock, background=True)
        simulator.run()
        return values

    async def play(self, ctx, images: list, *, traced: int = 0) -> Played:
        """Sends images, each a list of beats, back to back except for stalls.

        Returns when every image has its result and `traced` traces have ended.
        """
        core, chance = self._core, random.Random(self.seed)
        beats = [(int(b), k == len(image) - 1) for image in images for k, b in enumerate(image)]
        results, trace, taken, offered, at, ends = [], [], [], [], 0, 0
        fresh = True
        while len(results) < RESULT_BEATS * len(images) or ends < traced:
            sending = at < len(beats) and (ctx.get(core.s_axis.valid) or chance.random() >= self.stall)
            ctx.set(core.s_axis.valid, sending)
            if sending:
                ctx.set(core.s_axis.payload.data, beats[at][0])
                ctx.set(core.s_axis.payload.last, beats[at][1])
            ctx.set(core.m_axis.ready, chance.random() >= self.stall)
            ctx.set(core.t_axis.ready, chance.random() >= self.stall)
            if sending and ctx.get(core.s_axis.ready):
                if beats[at][1]:
                    taken.append(self.cycle)
                at += 1
                accepted = True
            else:
                accepted = False
            if ctx.get(core.m_axis.valid):
                if fresh:
                    offered.append(self.cycle)
                fresh = False
                if ctx.get(core.m_axis.ready):
                    results.append(ctx.get(core.m_axis.payload.data))
                    fresh = bool(ctx.get(core.m_axis.payload.last))
                    assert fresh == (len(results) % RESULT_BEATS == 0)
            if ctx.get(core.t_axis.valid) and ctx.get(core.t_axis.ready):
                trace.append(ctx.get(core.t_axis.payload.data))
                ends += ctx.get(core.t_axis.payload.last)
                assert ctx.get(core.t_axis.payload.last) == trace[-1] >> 31
            await ctx.tick()
            if accepted:
                ctx.set(core.s_axis.valid, 0)
        ctx.set(core.m_axis.ready, 0)
        ctx.set(core.t_axis.ready, 0)
        packets, decoded = unpack_result(np.array(results, np.uint32))
        beats_back = unpack_trace(np.array(trace, np.uint32))
        cuts = np.flatnonzero(beats_back["end"]) + 1
        return Played(
            packets=packets, results=decoded, traces=np.split(beats_back, cuts)[:-1], taken=taken, offered=offered
        )
