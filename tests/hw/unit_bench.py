"""Runs one unit in the Amaranth simulator."""

from amaranth.sim import Simulator


def simulate(unit, *processes, background=(), limit=20_000):
    """processes: async (ctx); the simulation ends with the last of them. background ones only accompany."""
    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    for process in processes:
        simulator.add_testbench(process)

    async def watch(ctx):
        for _ in range(limit):
            await ctx.tick()
        raise AssertionError("the unit hangs")

    for process in (*background, watch):
        simulator.add_testbench(process, background=True)
    simulator.run()
