"""Both ends of a stream, for units of the link in the Amaranth simulator."""

from amaranth.lib import data


def giving(stream, payloads, chance=None, gap=0.0):
    """A process that sends payloads in order. gap: chance of a pause before one."""

    async def give(ctx):
        for payload in payloads:
            while chance is not None and chance.random() < gap:
                await ctx.tick()
            ctx.set(stream.payload, payload)
            ctx.set(stream.valid, 1)
            while not (await ctx.tick().sample(stream.ready))[-1]:  # `until` does not like to be left in the middle
                pass
            ctx.set(stream.valid, 0)

    return give


def taking(stream, found, chance=None, stall=0.0, count=None):
    """A process that takes `count` payloads (None: all, in the background), and checks that what waits holds."""

    async def take(ctx):
        waiting = None
        while count is None or len(found) < count:
            ready = chance is None or chance.random() >= stall
            ctx.set(stream.ready, ready)
            *_, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
            beat = as_plain(payload) if valid else None
            assert waiting is None or beat == waiting, "valid holds and the payload is stable"
            waiting = None if ready else beat
            if ready and beat is not None:
                found.append(beat)
        ctx.set(stream.ready, 0)

    return take


def as_plain(value):
    """An int, or a dictionary of a structure's fields."""
    if isinstance(value, data.Const):
        return {name: as_plain(value[name]) for name, _ in value.shape()}
    return value
