# amaranth: UnusedElaboratable=no
"""UART: it hears and sends bytes with every divisor, hears noise as the model does, and a line that stays low."""

import gc
import random
import warnings

import pytest
from amaranth.hdl import UnusedElaboratable
from unit_bench import check, cycles_until, offering

from firstspike_contract import FirstspikeError
from firstspike_hw.link.uart import Receiver, Transmitter

DIVISORS = (4, 5, 7, 16)


def hear(levels: list[int], divisor: int) -> list[tuple[int, bool]]:
    """Compares the bytes that a receiver hears on a line with its model. Returns (byte, without stop bit) of each."""
    unit = Receiver(divisor=divisor)

    async def give(ctx, level):
        ctx.set(unit.rx, level)
        await ctx.tick()

    def take(ctx):
        return [(ctx.get(unit.bytes.payload), bool(ctx.get(unit.error)))] if ctx.get(unit.bytes.valid) else []

    padded = [*levels, *[1] * unit.latency]
    return check(unit, padded, give=give, take=take, latency=unit.sample_latency, limit=200_000)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_a_byte_is_heard_in_the_middle_of_its_stop_bit(divisor) -> None:
    unit = Receiver(divisor=divisor)

    async def start(ctx):
        ctx.set(unit.rx, 1)
        await ctx.tick().repeat(20 * divisor)
        ctx.set(unit.rx, 0)

    async def end_of_the_start_bit(ctx):
        await ctx.tick().repeat(21 * divisor)
        ctx.set(unit.rx, 1)

    found = cycles_until(unit, start, unit.bytes.valid, limit=20 * divisor, background=(end_of_the_start_bit,))
    assert found == unit.latency


def sent(data, divisor: int) -> list[int]:
    """Returns the levels of a line on which the bytes are sent back to back."""
    return Transmitter(divisor=divisor).model(data)


@pytest.mark.parametrize("divisor", DIVISORS)
def test_every_byte_is_heard_back_to_back(divisor) -> None:
    data = list(range(256)) if divisor == 4 else list(range(0, 256, 17))
    assert hear(sent(data, divisor), divisor) == [(byte, False) for byte in data]


@pytest.mark.parametrize("divisor", DIVISORS)
def test_a_byte_is_known_after_the_latency(divisor) -> None:
    unit = Receiver(divisor=divisor)
    line = sent([0x5A], divisor)

    async def start(ctx):
        ctx.set(unit.rx, 0)

    async def rest(ctx):
        for level in line:
            ctx.set(unit.rx, level)
            await ctx.tick()
        ctx.set(unit.rx, 1)

    assert cycles_until(unit, start, unit.bytes.valid, limit=200, background=(rest,)) == unit.latency


@pytest.mark.parametrize("divisor", DIVISORS)
def test_noise_is_heard_as_the_model_hears_it(divisor) -> None:
    chance, levels = random.Random(divisor), []
    while len(levels) < 4000:
        levels += [chance.getrandbits(1)] * chance.choice([1, 1, 2, divisor // 2, divisor, 3 * divisor, 12 * divisor])
        if chance.random() < 0.2:
            levels += sent([chance.randrange(256)], divisor)
    found = hear(levels, divisor)
    assert len(found) > 10
    assert 0 < sum(broken for _, broken in found) < len(found)


def test_a_line_that_stays_low_is_one_byte_without_a_stop_bit() -> None:
    levels = [1] * 5 + [0] * 300 + [1] * 8 + sent([0xA5], 4)
    assert hear(levels, 4) == [(0, True), (0xA5, False)]


def listening(unit):
    """Returns a `take` that takes the levels of each byte, from its start bit on."""
    left = 0

    def take(ctx):
        nonlocal left
        level = ctx.get(unit.tx)
        if not left and not level:
            left = 10 * unit.divisor
        if not left:
            return []
        left -= 1
        return [level]

    return take


@pytest.mark.parametrize("gap", [0.0, 0.97])
@pytest.mark.parametrize("divisor", DIVISORS)
def test_bytes_are_sent_back_to_back_or_with_pauses(divisor, gap) -> None:
    chance, unit = random.Random(divisor), Transmitter(divisor=divisor)
    data = [0, 0xFF, 0x55, *(chance.randrange(256) for _ in range(9))]
    give = offering(unit.bytes, chance=chance, gap=gap)
    check(unit, data, give=give, take=listening(unit), latency=unit.latency)


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
