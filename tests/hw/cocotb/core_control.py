"""Tests the whole core: stalls on its streams, resets, reloads, overlapping images, registers and memories."""

import random

import cocotb
import numpy as np
from bench_driver import CONFIG, SEED, CoreDriver, stalls
from cocotb.triggers import ClockCycles
from networks import random_images, random_network

from firstspike_contract import EVENT, KERNELS, load_plan
from firstspike_contract.core.register_map import CORE_ID, CORE_VERSION, GLOBAL, Memory, offset_of, registers
from firstspike_contract.core.stream_format import Header, pack_image

LINEAR = "linear"
OTHER = "exponential" if "exponential" in CONFIG.stages[0].kernels else "linear"


def some(seed: int, *, kernel: str = LINEAR, steps: int = 16, sizes=(12, 7, 3), count: int = 4):
    made = random_network(seed, kernel=kernel, steps=steps, sizes=sizes)
    return made, random_images(made, seed, count)


def beats_of(images, flags=Header.SPIKES):
    return [pack_image(e, flags=flags, tag=n, label=n) for n, e in enumerate(images)]


@cocotb.test()
async def stalls_on_each_stream_and_on_all(dut) -> None:
    core = await CoreDriver(dut).start()
    made, images = some(SEED, count=5)
    await core.load(made)
    free = await core.check(made, images)
    for which in ({"gaps": 0.8}, {"results": 0.9}, {"trace": 0.9}, {"gaps": 0.5, "results": 0.5, "trace": 0.5}):
        core.stall(SEED, **which)
        played = await core.check(made, images)
        same = [name for name in played.packets.dtype.names if name not in ("cycles", "latency", "rows_read")]
        assert (played.packets[same] == free.packets[same]).all(), f"{which}: stalls change an answer"


@cocotb.test()
async def a_sink_that_takes_nothing_holds_everything_back(dut) -> None:
    """While a sink is closed the core stops taking images; when it opens, every image is answered correctly."""
    core = await CoreDriver(dut).start()
    made, images = some(SEED + 1, count=6)
    await core.load(made)
    for sink, flags in ((core.results, Header(0)), (core.trace, Header.SPIKES)):
        images = [e[: len(e) or 1] if len(e) else np.array([(0, 0)], EVENT) for e in images]
        sent = beats_of(images, flags)
        before = len(core.seen.headers)
        sink.pause = True
        core.send(sent)
        await ClockCycles(dut.clk, 6000)
        taken = len(core.seen.headers) - before
        assert taken < len(sent), f"{taken} images were taken although no answer can leave"
        assert not int(dut.s_axis_tready.value)
        assert not (await core.fields("STATUS"))["idle"]
        sink.pause = False
        core.judge(made, sent, images, await core.gather(sent))
        assert (await core.fields("STATUS"))["idle"]


@cocotb.test()
async def the_next_image_loads_during_this_one_and_a_third_waits(dut) -> None:
    core = await CoreDriver(dut).start()
    made, _ = some(SEED + 2)
    await core.load(made)
    full = [np.array([(x % 16, x) for x in range(12)], EVENT)] * 6
    played = await core.check(made, full)
    seen = core.seen
    for n in range(1, 6):
        assert seen.lasts[n] < seen.offered[n - 1], "an image must load while the one before is computed"
    for n in range(2, 6):
        assert seen.headers[n] > seen.offered[n - 2] - 2, "a third image must wait"
    apart = np.diff(seen.offered)
    assert apart.tolist() == played.packets["cycles"][1:].tolist(), "back to back, cycles must separate results"


@cocotb.test()
async def resets_in_the_middle_of_an_image(dut) -> None:
    """Resets the core at random cycles of receiving, computing and answering; later images are answered correctly."""
    core = await CoreDriver(dut).start()
    made, images = some(SEED + 3)
    chances = random.Random(SEED)
    await core.load(made)
    sent = beats_of(images)
    for n in range(24):
        core.stall(n, results=chances.choice([0, 0.8]), trace=chances.choice([0, 0.8]), gaps=chances.choice([0, 0.5]))
        core.send(sent)
        await ClockCycles(dut.clk, chances.randint(1, 600))
        if n % 3:
            await core.control_reset()
            assert await core.read("CONTROL") == 1
        else:
            await core.reset(chances.randint(1, 3))
            assert await core.read("CONTROL") == 0
            assert await core.read("STEPS") == 0, "rst must clear the registers"
            await core.stop()
            for offset, value in load_plan(made, CONFIG).registers:
                await core.write_at(offset, value)
            await core.write("CONTROL", 1)  # the memories kept their contents
        core.stall(0)
        assert await core.read("STATUS") == 1
        assert await core.read("IMAGES") == 0
        await core.check(made, images[: 1 + n % 3])


@cocotb.test()
async def another_network_between_images(dut) -> None:
    """Loads networks of other sizes, kernels, T and numbers of layers; none is disturbed by the one before."""
    core = await CoreDriver(dut).start()
    pairs = [
        some(SEED + 4, sizes=(20, 8, 4)),
        some(SEED + 5, kernel=OTHER, steps=32, sizes=(9, 4)),
        some(SEED + 6, sizes=(30, 8, 3)),
        some(SEED + 7, kernel=OTHER, sizes=(3, 1, 1)),
    ]
    for n in (0, 1, 2, 3, 0, 2, 1):
        made, images = pairs[n]
        await core.load(made)
        await core.check(made, images)


@cocotb.test()
async def every_memory_reads_back(dut) -> None:
    core = await CoreDriver(dut).start()
    made, images = some(SEED + 8, sizes=(6, 5, 2))
    await core.load(made, read_back=True)
    await core.check(made, images)


@cocotb.test()
async def the_run_bit_holds_the_next_header_and_finishes_what_has_come(dut) -> None:
    core = await CoreDriver(dut).start()
    made, images = some(SEED + 9, count=3)
    await core.load(made)
    images[0] = np.array([(x % 16, x) for x in range(12)], EVENT)
    sent = beats_of(images)
    core.send(sent)
    await core.write("CONTROL", 0)
    await ClockCycles(dut.clk, 4000)
    done = len(core.seen.offered)
    assert 1 <= done < len(sent), "only images that were already taken are finished"
    assert len(core.seen.headers) == done
    assert await core.read("STATUS") == 1
    assert await core.read("IMAGES") == done
    await core.write("CONTROL", 1)
    core.judge(made, sent, images, await core.gather(sent))
    assert await core.read("IMAGES") == len(sent)
    busy = await core.read("BUSY")
    await ClockCycles(dut.clk, 100)
    assert await core.read("BUSY") == busy, "BUSY must not count while there is no image"


@cocotb.test()
async def registers_answer_for_themselves(dut) -> None:
    """Read-only registers refuse writes, writable ones return the written word, other addresses give SLVERR."""
    core = await CoreDriver(dut).start()
    stages = len(CONFIG.stages)
    assert await core.read("ID") == CORE_ID
    assert await core.read("VERSION") == CORE_VERSION
    assert await core.fields("BUILD") == {
        "stages": stages,
        "steps_log2": CONFIG.max_steps.bit_length() - 1,
        "boot": CONFIG.boot,
    }
    assert await core.read("BUILD_ADDRESSES") == CONFIG.addresses
    for k, stage in enumerate(CONFIG.stages):
        expected = {
            "LANES": stage.lanes,
            "DEPTH": stage.depth,
            "MAX_ROWS": stage.max_rows,
            "MAX_INPUTS": stage.inputs,
            "KERNELS": sum(1 << KERNELS.index(name) for name in stage.kernels),
        }
        for name, value in expected.items():
            assert await core.read(name, k) == value, f"{name} of stage {k}"
        assert await core.fields("WIDTHS", k) == {"a_bits": stage.a_bits, "v_bits": stage.v_bits}
    known = {offset: register for offset, _, _, register in registers(stages, learns=False)}
    for offset, register in known.items():
        if not register.writable:
            before = await core.read_at(offset)
            await core.write_at(offset, ~before & 0xFFFFFFFF, expect=2)
            assert await core.read_at(offset) == before
        elif register.name not in ("CONTROL", "MEM_DATA"):
            for word in (1 + offset % 7, 0xFFFFFFFF):
                await core.write_at(offset, word)
                assert await core.read_at(offset) == register.after(word)
    for offset in random.Random(SEED).sample([o for o in range(0, 4096, 4) if o not in known], 40):
        await core.read_at(offset, expect=2)
        await core.write_at(offset, 0xFFFFFFFF, expect=2)


@cocotb.test()
async def addresses_and_data_come_in_either_order(dut) -> None:
    """Every channel of AXI4-Lite stalls on its own; a read after a write returns the written word."""
    core = await CoreDriver(dut).start()
    write, read = core.registers.write_if, core.registers.read_if
    for n, channel in enumerate((write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel)):
        channel.set_pause_generator(stalls(SEED + n, 0.6))
    for n in range(40):
        pending = core.registers.init_write(offset_of("STEPS"), n.to_bytes(4, "little"))
        await pending.wait()
        assert await core.read("STEPS") == n


@cocotb.test()
async def memories_are_out_of_reach_while_an_image_is_here(dut) -> None:
    core = await CoreDriver(dut).start()
    made, images = some(SEED + 10, sizes=(6, 5, 2))
    await core.load(made)
    await core.write("MEM_SELECT", Memory.WEIGHTS)
    await core.write("MEM_ADDRESS", 0)
    crc = await core.read("MEM_CRC")
    core.results.pause = True
    core.send(beats_of(images))  # the first result waits in the sender, and the next image waits for it
    await ClockCycles(dut.clk, 2000)
    await core.write("MEM_DATA", 0x55555555, expect=2)
    await core.read("MEM_DATA", expect=2)
    assert await core.read("MEM_CRC") == crc
    assert await core.read("MEM_ADDRESS") == 0
    core.results.pause = False
    core.judge(made, beats_of(images), images, await core.gather(beats_of(images)))
    await core.check(made, images)


@cocotb.test()
async def kinds_and_stages_that_are_not_there_read_0(dut) -> None:
    core = await CoreDriver(dut).start()
    last = len(CONFIG.stages) - 1
    for kind, stage in ((7, 0), (Memory.DELAYS, last), (Memory.WEIGHTS, last + 1), (Memory.INPUT_MAP, 1)):
        await core.write("MEM_SELECT", GLOBAL["MEM_SELECT"].pack(kind=kind, stage=stage))
        await core.write("MEM_ADDRESS", 0)
        await core.write("MEM_DATA", 0xFFFFFFFF)
        await core.write("MEM_ADDRESS", 0)
        assert await core.read("MEM_DATA") == 0
