"""A core in the Amaranth simulator: loads a network, plays images, gathers results, traces and cycles."""

import random
import zlib
from dataclasses import dataclass, field

import numpy as np
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from firstspike_contract import CoreConfig, LearnSettings, Network, learning_registers, load_plan, with_learnt
from firstspike_contract.core.register_map import Memory, offset_of
from firstspike_contract.core.stream_format import TRACE_END, unpack_result, unpack_trace
from firstspike_hw.core.core import Core


@dataclass(kw_only=True)
class Played:
    """What came out: RESULT_PACKET and RESULT [N], one TRACE array per traced image, cycles of TLAST and of offers."""

    packets: np.ndarray
    results: np.ndarray
    traces: list
    taken: list
    offered: list


@dataclass(kw_only=True)
class Bench:
    """One simulated core. stall: chance that a sink is not ready, or a source has nothing to give, in a cycle."""

    config: CoreConfig
    stall: float = 0.0
    seed: int = 0
    limit: int = 200_000
    cycle: int = 0
    _core: Core = field(init=False)
    _rst: Signal = field(init=False)

    async def reset(self, ctx):
        """One cycle of `rst`: memories stay."""
        ctx.set(self._rst, 1)
        await ctx.tick()
        ctx.set(self._rst, 0)

    async def write(self, ctx, name, value, stage=None):
        return await self._write(ctx, offset_of(name, stage), value)

    async def _write(self, ctx, offset, value):
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
        bus = self._core.s_axil
        ctx.set(bus.araddr, offset_of(name, stage))
        ctx.set(bus.arvalid, 1)
        ctx.set(bus.rready, 1)
        await ctx.tick().until(bus.arready)
        ctx.set(bus.arvalid, 0)
        while not ctx.get(bus.rvalid):
            await ctx.tick()
        value, answer = ctx.get(bus.rdata), ctx.get(bus.rresp)
        await ctx.tick()
        return value if answer == 0 else None

    async def load(self, ctx, network: Network, read_back: bool = False):
        """Loads a network and lets the core run; read_back: every word again, and both CRCs."""
        await self.write(ctx, "CONTROL", 0)
        while not await self.read(ctx, "STATUS") & 1:
            pass
        plan = load_plan(network, self.config)
        for offset, value in plan.registers:
            assert await self._write(ctx, offset, value) == 0
        for block in plan.memories:
            await self.write(ctx, "MEM_SELECT", block.kind | block.stage << 8)
            await self.write(ctx, "MEM_ADDRESS", 0)
            for beat in block.beats.tolist():
                assert await self.write(ctx, "MEM_DATA", beat) == 0
            crc = zlib.crc32(block.beats.astype("<u4").tobytes())
            assert await self.read(ctx, "MEM_CRC") == crc, (block.kind, block.stage)
            if read_back:
                await self.write(ctx, "MEM_ADDRESS", 0)
                back = [await self.read(ctx, "MEM_DATA") for _ in block.beats]
                assert back == block.beats.tolist(), (block.kind, block.stage)
                assert await self.read(ctx, "MEM_CRC") == crc
        await self.write(ctx, "CONTROL", 1)

    async def teach(self, ctx, network: Network, settings: LearnSettings, count: int):
        """Sets the registers of learning."""
        for offset, value in learning_registers(network, self.config, settings, count):
            assert await self._write(ctx, offset, value) == 0

    async def learnt(self, ctx, network: Network) -> Network:
        """The network with the weights of now, once the core is idle."""
        await self.write(ctx, "CONTROL", 0)
        while not await self.read(ctx, "STATUS") & 1:
            pass
        memories = {}
        for block in load_plan(network, self.config).memories:
            if block.kind == Memory.WEIGHTS:
                await self.write(ctx, "MEM_SELECT", block.kind | block.stage << 8)
                await self.write(ctx, "MEM_ADDRESS", 0)
                beats = [await self.read(ctx, "MEM_DATA") for _ in block.beats]
                memories[block.stage] = np.array(beats, np.uint32)
        await self.write(ctx, "CONTROL", 1)
        return with_learnt(network, self.config, memories)

    def run(self, *tasks) -> list:
        """Runs tasks `async (bench, ctx) -> value` one after the other in one simulation; their values."""
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
        """Sends images (beats each), back to back but for stalls, until that many results and traces have come."""
        core, chance = self._core, random.Random(self.seed)
        beats = [(int(b), k == len(image) - 1) for image in images for k, b in enumerate(image)]
        results, trace, taken, offered, at, ends = [], [], [], [], 0, 0
        fresh = True
        while len(results) < 11 * len(images) or ends < traced:
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
                    assert fresh == (len(results) % 11 == 0)
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
        cuts = np.flatnonzero(beats_back["layer"] & TRACE_END) + 1
        return Played(
            packets=packets, results=decoded, traces=np.split(beats_back, cuts)[:-1], taken=taken, offered=offered
        )
