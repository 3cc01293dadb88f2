"""Runs one unit in the Amaranth simulator. `check` is the test loop of every unit that has a `model()`.

`check` gives a unit its inputs one after another, collects what the unit gives out and compares that with
`unit.model(inputs)`. A difference fails with a line for each output that differs:

    Votes: 2 of 40 outputs differ from the model
    out = 4, expected = 5 @ cycle = 17

A test says how an input is given and how an output is taken. `offering`, `taking` and `seen` do that for streams.
firstspike_hw.fabric.unit describes the shape of a model.
"""

from bisect import bisect_left, bisect_right

from amaranth.lib import data
from amaranth.sim import Simulator

QUIET = 40  # cycles after the last expected output, in which no other output may come
PATIENCE = 3_000  # cycles without an output after which no more is expected
TIMED = 100  # the latency is checked for this number of outputs, from the first one on
SHOWN = 8  # differences that a failure lists


def simulate(unit, *processes, background=(), limit=20_000):
    """Simulates the unit until the last process has ended.

    processes:  async (ctx).
    background: async (ctx). Processes that run beside the others, and for whose end the simulation does not wait.
    limit:      cycles. If the processes have not ended by then, AssertionError is raised.
    """
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


def cycles_until(unit, start, seen, limit=50, background=()) -> int:
    """Returns the cycles from the one in which `start` has set the inputs to the first in which `seen` is 1.

    start: async (ctx). Sets the inputs, and may take cycles to do so.
    """
    found = []

    async def process(ctx):
        await start(ctx)
        for cycle in range(limit):
            if ctx.get(seen):
                found.append(cycle)
                return
            await ctx.tick()

    simulate(unit, process, background=background)
    return found[0]


def check(
    unit,
    inputs,
    *,
    give,
    take=None,
    read=None,
    finish=None,
    latency=None,
    prepare=None,
    top=None,
    background=(),
    limit=20_000,
):
    """Compares the unit with its model. Returns the outputs, so that a test can show that they cover enough.

    give:       async (ctx, item) -> list of outputs, or None. Gives one item, and returns after the clock edge at which
                the unit took it.
    take:       (ctx) -> list of outputs. Called in every cycle, when the cycle's inputs are set.
    read:       (ctx, item) -> list of outputs, for a unit without `valid`. Called `latency` cycles after the item.
    finish:     async (ctx) -> list of outputs. Called after the last item.
    latency:    cycles from an item to its first output, or a function of the item; None: the latency is not checked.
    prepare:    async (ctx). Called before the first item.
    top:        the design to be simulated, if the unit is only a part of it.
    background: processes that accompany the unit.
    limit:      cycles after which the test fails with "the unit hangs".
    """
    inputs = list(inputs)
    run = _Run(unit, inputs, take, read, latency)
    expected = unit.model(inputs)

    async def feed(ctx):
        if prepare is not None:
            await prepare(ctx)
        for item in inputs:
            outputs = await give(ctx, item)
            run.taken.append(run.cycle)
            run.found += [(run.cycle + 1, output) for output in outputs or ()]
        if finish is not None:
            run.found += [(run.cycle, output) for output in await finish(ctx)]
        idle = 0
        while len(run.found) < len(expected) and idle < PATIENCE:
            before = len(run.found)
            await ctx.tick()
            idle = 0 if len(run.found) > before else idle + 1
        await ctx.tick().repeat(QUIET)

    try:
        simulate(top or unit, feed, background=(*background, run.watch), limit=limit)
    except AssertionError as error:
        compare(unit, run.found, expected[: len(run.found)])  # a wrong output says more than this error
        raise AssertionError(f"{_name(unit)}: {error} @ cycle = {run.cycle}, input {len(run.taken)}") from error
    compare(unit, run.found, expected)
    if latency is not None and take is not None:
        run.check_latency()
    return expected


class _Run:
    """The course of one `check`.

    cycle: number of the present cycle.
    taken: cycle in which the unit took each item.
    found: (cycle, output) of each output.
    """

    def __init__(self, unit, inputs, take, read, latency) -> None:
        self.unit, self.inputs, self.take, self.read, self.latency = unit, inputs, take, read, latency
        self.cycle, self.taken, self.found = 0, [], []

    async def watch(self, ctx):
        """Collects the outputs. It runs after all other processes, so it sees the inputs that they set in the cycle."""
        answered = 0
        while True:
            if self.take is not None:
                self.found += [(self.cycle, output) for output in self.take(ctx)]
            while self.read is not None and answered < len(self.taken) and self._due(answered) <= self.cycle:
                self.found += [(self.cycle, output) for output in self.read(ctx, self.inputs[answered])]
                answered += 1
            await ctx.tick()
            self.cycle += 1

    def _due(self, k) -> int:
        """Returns the cycle in which item k has its first output."""
        return self.taken[k] + (self.latency(self.inputs[k]) if callable(self.latency) else self.latency)

    def check_latency(self) -> None:
        """Raises AssertionError if the first output of an item does not come after the unit's latency.

        An output belongs to the item after which the model first gives it.
        """
        wrong, before = [], None
        for n, (cycle, out) in enumerate(self.found[:TIMED]):
            items = range(bisect_right(self.taken, cycle))  # the items taken by this cycle
            k = bisect_left(items, n + 1, key=lambda k: len(self.unit.model(self.inputs[: k + 1])))
            due = self._due(k) if k < len(items) else "later"
            if k != before and cycle != due:
                wrong.append(f"out = {out} @ cycle = {cycle}, expected @ cycle = {due}")
            before = k
        if wrong:
            lines = [f"{_name(self.unit)}: {len(wrong)} outputs do not have the stated latency", *wrong[:SHOWN]]
            raise AssertionError("\n".join(lines))


def compare(unit, found, expected) -> None:
    """Raises AssertionError with a line for each of the first outputs that differ, at most SHOWN.

    found: (cycle, output) of each output, in order.
    """
    lines = []
    for k in range(max(len(found), len(expected))):
        out = repr(found[k][1]) if k < len(found) else "nothing"
        wanted = repr(expected[k]) if k < len(expected) else "nothing"
        if k >= len(found) or k >= len(expected) or found[k][1] != expected[k]:
            lines.append(f"out = {out}, expected = {wanted} @ cycle = {found[k][0] if k < len(found) else 'end'}")
    if lines:
        first = f"{_name(unit)}: {len(lines)} of {len(expected)} outputs differ from the model"
        raise AssertionError("\n".join([first, *lines[:SHOWN]]))


def _name(unit) -> str:
    return type(unit).__name__


# Functions that drive and sample streams.


def offering(stream, payload=lambda item: item, *, chance=None, gap=0.0):
    """Returns a `give` for a stream. gap: chance of a pause before an item."""

    async def give(ctx, item):
        while chance is not None and chance.random() < gap:
            await ctx.tick()
        ctx.set(stream.payload, payload(item))
        ctx.set(stream.valid, 1)
        while not (await ctx.tick().sample(stream.ready))[-1]:  # `until` must not be broken off while it waits
            pass
        ctx.set(stream.valid, 0)

    return give


def taking(stream, plain=None, *, chance=None, stall=0.0):
    """Returns a `take` for a stream. It also checks that a payload does not change while it waits.

    stall: chance that the stream is not ready, in each cycle.
    """
    waiting = None

    def take(ctx):
        nonlocal waiting
        ready = chance is None or chance.random() >= stall
        ctx.set(stream.ready, ready)
        output = (plain or as_plain)(ctx.get(stream.payload)) if ctx.get(stream.valid) else None
        assert waiting is None or output == waiting, "a payload that waits must stay valid and unchanged"
        waiting = None if ready else output
        return [output] if ready and output is not None else []

    return take


def seen(stream, plain=None):
    """Returns a `take` for a stream that is always ready."""
    return lambda ctx: [(plain or as_plain)(ctx.get(stream.payload))] if ctx.get(stream.valid) else []


def as_plain(value):
    """Returns an int, or a dictionary of a structure's fields."""
    if isinstance(value, data.Const):
        return {name: as_plain(value[name]) for name, _ in value.shape()}
    return value


async def strobe(ctx, signal):
    """Sets a signal for one cycle."""
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)


async def fill(ctx, port, words):
    """Writes words into the memory behind a MemoryPort, from address 0 on."""
    ctx.set(port.write, 1)
    for address, word in enumerate(words):
        ctx.set(port.address, address)
        ctx.set(port.word, word)
        await ctx.tick()
    ctx.set(port.write, 0)
