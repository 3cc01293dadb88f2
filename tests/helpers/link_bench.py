"""Processes that send to a stream or take from one, for units of the link in the Amaranth simulator."""

from amaranth.lib import data


def giving(stream, payloads, chance=None, gap=0.0):
    """Returns a process that sends payloads in order. gap: chance of a pause before each of them."""

    async def give(ctx):
        for payload in payloads:
            while chance is not None and chance.random() < gap:
                await ctx.tick()
            ctx.set(stream.payload, payload)
            ctx.set(stream.valid, 1)
            while not (await ctx.tick().sample(stream.ready))[-1]:  # `until` must not be broken off while it waits
                pass
            ctx.set(stream.valid, 0)

    return give


def taking(stream, found, chance=None, stall=0.0, count=None):
    """Returns a process that appends payloads to `found`, and checks that a payload does not change while it waits.

    stall: chance that the stream is not ready, in each cycle.
    count: payloads to take. None: the process takes payloads without end, in the background.
    """

    async def take(ctx):
        waiting = None
        while count is None or len(found) < count:
            ready = chance is None or chance.random() >= stall
            ctx.set(stream.ready, ready)
            *_, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
            beat = as_plain(payload) if valid else None
            assert waiting is None or beat == waiting, "a payload that waits must stay valid and unchanged"
            waiting = None if ready else beat
            if ready and beat is not None:
                found.append(beat)
        ctx.set(stream.ready, 0)

    return take


def as_plain(value):
    """Returns an int, or a dictionary of a structure's fields."""
    if isinstance(value, data.Const):
        return {name: as_plain(value[name]) for name, _ in value.shape()}
    return value
