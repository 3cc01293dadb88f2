"""UART: every byte through every divisor, noise as the model sees it, and a line that stays low."""

import gc
import random
import warnings

import pytest
from amaranth.hdl import UnusedElaboratable
from link_bench import giving
from unit_bench import simulate

from firstspike_contract import FirstspikeError
from firstspike_hw.link.uart import Receiver, Transmitter

DIVISORS = (4, 5, 7, 16)


def heard(levels: list[int], divisor: int) -> list[tuple[int, bool, int]]:
    """What a receiver makes of a line: (byte, without stop bit, cycle in which it says so)."""
    unit, found = Receiver(divisor=divisor), []
    assert unit.latency == 2 + divisor // 2 + 9 * divisor

    async def process(ctx):
        for cycle, level in enumerate([*levels, *[1] * unit.latency]):
            ctx.set(unit.rx, level)
            if ctx.get(unit.bytes.valid):
                found.append((ctx.get(unit.bytes.payload), bool(ctx.get(unit.error)), cycle))
            await ctx.tick()

    simulate(unit, process, limit=200_000)
    return found


def modelled(levels: list[int], divisor: int) -> list[tuple[int, bool, int]]:
    """The same by the model; the line is looked at two cycles late."""
    padded = [*levels, *[1] * (11 * divisor)]
    return [(byte, broken, at + 2) for byte, broken, at in Receiver.model(padded, divisor)]


@pytest.mark.parametrize("divisor", DIVISORS)
def test_every_byte_is_heard_back_to_back(divisor) -> None:
    data = list(range(256)) if divisor == 4 else list(range(0, 256, 17))
    levels = Transmitter.model(data, divisor)
    found = heard(levels, divisor)
    assert [byte for byte, _, _ in found] == data
    assert not any(broken for _, broken, _ in found)
    assert found[0][2] == 2 + divisor // 2 + 9 * divisor
    assert found == modelled(levels, divisor)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_noise_is_heard_as_the_model_hears_it(divisor) -> None:
    chance, levels = random.Random(divisor), []
    while len(levels) < 4000:
        levels += [chance.getrandbits(1)] * chance.choice([1, 1, 2, divisor // 2, divisor, 3 * divisor, 12 * divisor])
        if chance.random() < 0.2:
            levels += Transmitter.model([chance.randrange(256)], divisor)
    found = heard(levels, divisor)
    assert found == modelled(levels, divisor)
    assert len(found) > 10
    assert 0 < sum(broken for _, broken, _ in found) < len(found)


def test_a_line_that_stays_low_is_one_byte_without_a_stop_bit() -> None:
    levels = [1] * 5 + [0] * 300 + [1] * 8 + Transmitter.model([0xA5], 4)
    assert [(byte, broken) for byte, broken, _ in heard(levels, 4)] == [(0, True), (0xA5, False)]


@pytest.mark.parametrize("divisor", DIVISORS)
def test_bytes_are_sent_back_to_back(divisor) -> None:
    chance, unit, levels = random.Random(divisor), Transmitter(divisor=divisor), []
    data = [0, 0xFF, 0x55, *(chance.randrange(256) for _ in range(6))]

    async def listen(ctx):
        assert ctx.get(unit.tx) == 1
        await ctx.tick().repeat(unit.latency)
        for _ in range(10 * divisor * len(data) + 20):
            levels.append(ctx.get(unit.tx))
            await ctx.tick()

    simulate(unit, giving(unit.bytes, data), listen)
    assert levels == Transmitter.model(data, divisor) + [1] * 20


def test_pauses_between_bytes_are_stop_bits() -> None:
    chance, unit, levels = random.Random(3), Transmitter(divisor=4), []
    data = [chance.randrange(256) for _ in range(20)]

    async def listen(ctx):
        while True:
            levels.append(ctx.get(unit.tx))
            await ctx.tick()

    async def finish(ctx):
        await giving(unit.bytes, data, chance, 0.97)(ctx)
        await ctx.tick().repeat(60)

    simulate(unit, finish, background=(listen,))
    found = Receiver.model(levels, 4)
    assert [byte for byte, _, _ in found] == data
    assert not any(broken for _, broken, _ in found)


@pytest.mark.parametrize("unit", [Receiver, Transmitter])
def test_a_divisor_that_is_too_small_is_refused(unit) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)
        with pytest.raises(FirstspikeError) as error:
            unit(divisor=3)
        said = str(error.value)
        del error
        gc.collect()
    assert said == "a UART takes 4 clock cycles a bit or more, not 3; for example 16: 3 Mbaud at 48 MHz"
