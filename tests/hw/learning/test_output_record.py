"""The record of the outputs: S, whether the image triggers, its rivals, and the list of outputs by step."""

import random

import pytest
from unit_bench import check, cycles_until, strobe

from firstspike_hw.learning.output_record import OutputRecord, RecordedImage

STEPS = 16


def messages_of(times, end):
    """Yields the messages of the steps up to two beyond `end`. At T-1 every output that has fired comes again."""
    for t in range(min(STEPS, end + 3)):
        fired = [k for k, when in enumerate(times) if when == t or (t == STEPS - 1 and when is not None)]
        for n, k in enumerate(fired):
            yield t, k, n == len(fired) - 1
        if not fired:
            yield t, None, True


def random_image(chance) -> RecordedImage:
    count = chance.choice([1, 3, 10])
    times = [chance.choice([None, chance.randrange(STEPS)]) for _ in range(count)]
    first = [(t, k) for k, t in enumerate(times) if t is not None]
    step, answer = min(first) if first else (STEPS - 1, chance.randrange(count))
    label = chance.choice([answer, chance.randrange(count)])
    margin, late = chance.choice([0, 1, 3, 200]), chance.choice([3, 9, STEPS])
    return RecordedImage(times, label, answer, step, not first, STEPS, margin, late)


class Bench:
    """A record that gets the messages of images, and each verdict two cycles after the last message of the step D."""

    def __init__(self, chance):
        self.unit, self.chance, self.rivals = OutputRecord(neurons=12, steps=STEPS), chance, []

    def check(self, *images):
        return check(self.unit, images, give=self._give, take=self._rivals)

    def _rivals(self, ctx):
        """Keeps the rivals of this cycle."""
        rivals = self.unit.rivals
        if ctx.get(rivals.valid):
            assert ctx.get(rivals.payload.delta.moves)
            assert not ctx.get(rivals.payload.delta.up)
            self.rivals.append(ctx.get(rivals.payload.x))
        return []

    async def _give(self, ctx, image):
        unit = self.unit
        for name in ("steps", "label", "margin", "late"):
            ctx.set(getattr(unit, name), getattr(image, name))
        await strobe(ctx, unit.clear)
        self.rivals.clear()
        await self._messages(ctx, image)
        await ctx.tick().repeat(unit.DELAY + 6)
        assert ctx.get(unit.complete)
        end, triggered = ctx.get(unit.end), bool(ctx.get(unit.triggered))
        await strobe(ctx, unit.rewind)
        buckets = [sorted(await self._bucket(ctx)) for _ in range(STEPS)]
        ctx.set(unit.verdict, {})
        return [(end, triggered, sorted(self.rivals), buckets)]

    async def _messages(self, ctx, image):
        unit, decided = self.unit, None  # decided: cycles until the verdict; meanwhile the next message may come
        verdict = {"decided": 1, "class": image.answer, "step": image.step, "silent": image.silent}
        for t, x, done in messages_of(image.times, min(STEPS - 1, image.step + image.margin)):
            ctx.set(unit.spikes.payload, {"t": t, "spike": x is not None, "x": x or 0, "done": done})
            await strobe(ctx, unit.spikes.valid)
            if decided is None and done and t == image.step:
                decided = 2
            elif decided is None and self.chance.random() < 0.3:
                await ctx.tick()
            if decided is not None:
                decided -= 1
                if decided == 0:
                    ctx.set(unit.verdict, verdict)
        ctx.set(unit.verdict, verdict)

    async def _bucket(self, ctx):
        """Returns the outputs of one step, read as from a calendar queue."""
        source, outputs = self.unit.source, []
        await ctx.tick()
        if ctx.get(source.occupied):
            await strobe(ctx, source.open)
            ctx.set(source.events.ready, 1)
            while ctx.get(source.events.valid):
                outputs.append(ctx.get(source.events.payload))
                await ctx.tick()
            ctx.set(source.events.ready, 0)
        await strobe(ctx, source.advance)
        return outputs


@pytest.mark.parametrize("seed", range(12))
def test_record_equals_the_model(seed) -> None:
    """Several images follow one another, and none leaves anything behind for the next."""
    chance = random.Random(seed)
    image = random_image(chance)
    Bench(chance).check(image, image, random_image(chance), random_image(chance))


def test_a_rival_is_shown_after_the_latency() -> None:
    unit = OutputRecord(neurons=12, steps=STEPS)

    async def start(ctx):
        ctx.set(unit.label, 5)
        ctx.set(unit.spikes.payload, {"t": 3, "spike": 1, "x": 2, "done": 0})
        ctx.set(unit.spikes.valid, 1)

    assert cycles_until(unit, start, unit.rivals.valid) == unit.latency
