"""Tests the whole core with random networks that fit it, images, flags and stalls. A failure names its seed."""

import os

import cocotb
import numpy as np
from bench_cores import fits
from bench_driver import CONFIG, SEED, CoreDriver
from networks import random_images, random_network

from firstspike_contract.core.stream_format import Header, pack_image

COUNT = int(os.environ.get("FIRSTSPIKE_COUNT", "12"))  # number of networks

FLAGS = {Header.SPIKES: 0.7, Header.RUN_ON: 0.2, Header.ORDERED: 0.3, Header.LEARN: 0.2}  # chance of each flag


def random_case(seed: int):
    """Returns a network that the core holds, images, and the chance of a stall on each stream."""
    random = np.random.default_rng(seed)
    while True:
        kernels = CONFIG.stages[0].kernels
        sizes = [int(random.integers(1, CONFIG.addresses + 1 if CONFIG.addresses < 64 else 64))]
        for stage in sorted(random.permutation(len(CONFIG.stages) - 1)[: int(random.integers(0, len(CONFIG.stages)))]):
            built = CONFIG.stages[stage]
            sizes.append(int(random.integers(1, built.lanes * built.max_rows + 1)))
        last = CONFIG.stages[-1]
        sizes.append(int(random.integers(1, last.lanes * last.max_rows + 1)))
        steps = int(random.choice([t for t in (16, 16, 16, 32, 64, 256) if t <= CONFIG.max_steps]))
        network = random_network(
            int(random.integers(1 << 30)),
            kernel=str(random.choice([k for k in ("linear", "exponential") if k in kernels])),
            steps=steps,
            sizes=tuple(sizes),
            delays=bool(random.random() < 0.7),
        )
        if fits(network, CONFIG):
            images = random_images(network, seed, 6)
            return network, images, random.choice([0.0, 0.0, 0.3, 0.9], 3)


@cocotb.test()
async def random_cases_equal_the_contract(dut) -> None:
    core = await CoreDriver(dut).start()
    for seed in range(1000 * SEED, 1000 * SEED + COUNT):
        network, images, (gaps, results, trace) = random_case(seed)
        cocotb.log.info(
            "seed %d: %s %s T %d, stalls %s", seed, network.kernel, network.sizes, network.steps, (gaps, results, trace)
        )
        core.stall(0)
        await core.load(network)
        core.stall(seed, gaps=gaps, results=results, trace=trace)
        random = np.random.default_rng(seed)
        flags, sent = [], []
        for n, events in enumerate(images):
            chosen = Header(0)
            for flag, chance in (
                (Header.SPIKES, 0.7),
                (Header.RUN_ON, 0.2),
                (Header.ORDERED, 0.3),
                (Header.LEARN, 0.2),
            ):
                chosen |= flag if random.random() < chance else Header(0)
            if chosen & Header.ORDERED:
                images[n] = events = events[np.argsort(events["t"], kind="stable")]
            flags.append(chosen)
            sent.append(pack_image(events, flags=chosen, tag=(seed + n) & 255, label=seed & 65535))
        try:
            played = await core.play(sent)
            core.judge(network, sent, images, played)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, flags {[int(f) for f in flags]}: {error}") from None
