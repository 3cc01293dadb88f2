"""Tests the whole core in one situation after another, each with a network and images made for it."""

import cocotb
import numpy as np
from bench_cores import fits
from bench_driver import CONFIG, SEED, CoreDriver
from networks import layer_of, network_of, random_network

from firstspike_contract import DROPPED, EVENT, Network, evaluate
from firstspike_contract.core.stream_format import Header, ResultFlag, pack_bitmap, pack_image

KERNELS = [name for name in ("linear", "exponential") if name in CONFIG.stages[0].kernels]
NEVER = 10**6  # a delay beyond every last step


def network(
    *weights, kernel="linear", steps=16, theta=100, constants=(), delays=None, input_delays=None, dropped=0
) -> Network:
    """Returns a network with a layer for each weight matrix.

    `constants` are the times of the first layer's constant inputs. The first `dropped` addresses have no row.
    """
    layers = []
    for k, matrix in enumerate(weights):
        matrix = np.asarray(matrix, np.int8)
        last = k == len(weights) - 1
        layers.append(
            layer_of(
                matrix,
                theta=theta if np.isscalar(theta) else theta[k],
                kernel=kernel,
                steps=steps,
                tau_steps=steps / 2.5,
                fraction_bits=0 if kernel == "linear" else 5,
                constant_times=constants if k == 0 else (),
                delays=None if delays is None or last else np.broadcast_to(delays, matrix.shape[1:]),
            )
        )
    input_map = np.concatenate([np.full(dropped, DROPPED), np.arange(layers[0].inputs)])
    made = network_of(*layers, kernel=kernel, input_map=input_map, input_delays=input_delays)
    assert fits(made, CONFIG)
    return made


def image(*events) -> np.ndarray:
    """Returns the EVENT array of (t, x) pairs."""
    return np.array(list(events), EVENT)


def all_at(t: int, inputs: int) -> np.ndarray:
    return image(*((t, x) for x in range(inputs)))


@cocotb.test()
async def simultaneous_spikes_and_ties(dut) -> None:
    """With equal weights all neurons of a layer fire in the same step, and the lowest class wins."""
    core = await CoreDriver(dut).start()
    for kernel in KERNELS:
        theta = (200, 150) if kernel == "linear" else (100, 60)
        same = network(np.full((6, 7), 30), np.full((7, 4), 20), kernel=kernel, theta=theta)
        await core.load(same)
        played = await core.check(same, [all_at(0, 6), all_at(3, 6), image((0, 0), (1, 1), (2, 2))])
        assert (played.packets["flags"][:2] == ResultFlag.TIE | ResultFlag.EXACT_TIE).all()
        assert (played.packets["class"][:2] == 0).all()
        assert (played.packets["spikes_output"][:2] == 4).all()
        # a tie that the excess resolves, except between two outputs
        excess = network([[50, 60, 60, 10]], kernel=kernel, theta=40)
        await core.load(excess)
        played = await core.check(excess, [image((0, 0)), image((5, 0))])
        assert (played.packets["class"] == 1).all()
        assert (played.packets["flags"] & ResultFlag.TIE).all()


@cocotb.test()
async def silent_outputs_and_empty_images(dut) -> None:
    core = await CoreDriver(dut).start()
    for kernel in KERNELS:
        quiet = network([[1, 3, 2], [2, 2, 3]], kernel=kernel, theta=20_000)
        await core.load(quiet)
        played = await core.check(quiet, [image((0, 0), (1, 1)), image(), image((15, 0)), image()])
        assert (played.packets["flags"] & ResultFlag.SILENT).all()
        assert played.packets["step"].tolist() == [15] * 4
        assert played.packets["flags"][1] & ResultFlag.EXACT_TIE, "without events all outputs must be equal"
        # constant inputs decide an empty image
        kept = network([[5, 5, 9], [7, 90, 30]], kernel=kernel, theta=60, constants=(2,))
        await core.load(kept)
        played = await core.check(kept, [image(), image(), all_at(0, 1)])
        assert not (played.packets["flags"] & ResultFlag.SILENT).any()


@cocotb.test()
async def all_inputs_at_one_step(dut) -> None:
    core = await CoreDriver(dut).start()
    made = random_network(SEED, sizes=(CONFIG.addresses if CONFIG.addresses < 64 else 64, 8, 5), delays=False)
    inputs = made.addresses
    await core.load(made)
    await core.check(made, [all_at(t, inputs) for t in (0, 1, 7, made.steps - 2, made.steps - 1)])


@cocotb.test()
async def every_step_is_occupied(dut) -> None:
    core = await CoreDriver(dut).start()
    for theta in (50, 30_000):  # an early decision, and a silent image
        made = network(np.full((32, 7), 7), [[3, 9, 5]] * 7, theta=(60, theta))
        await core.load(made)
        random = np.random.default_rng(SEED)
        events = [image(*((int(t), x) for x, t in enumerate(random.permutation(np.arange(32) % 16)))) for _ in range(3)]
        await core.check(made, [*events, image(*((x // 2, x) for x in range(32)))])


@cocotb.test()
async def t_at_both_ends(dut) -> None:
    core = await CoreDriver(dut).start()
    for steps in (16, CONFIG.max_steps):
        for kernel in KERNELS:
            made = network(
                [[9, 2, 5, 7, 1]] * 3, [[4, 8, 6]] * 5, kernel=kernel, steps=steps, theta=(12 * steps, 10 * steps)
            )
            await core.load(made)
            end = steps - 1
            edge = [image((0, 0), (end, 1)), image((end, 0)), image((0, 0), (0, 1), (0, 2)), image((steps, 0))]
            await core.check(made, [*edge, image((end // 2, 0), (end // 2 + 1, 1), (end - 1, 2))])


@cocotb.test()
async def saturated_weights(dut) -> None:
    core = await CoreDriver(dut).start()
    inputs = min(CONFIG.addresses, 60)
    random = np.random.default_rng(SEED)
    for kernel in KERNELS:
        for share in (0.0, 0.4, 1.0):  # share of weights that are -127
            signs = np.where(random.random((inputs, 8)) < share, -127, 127)
            made = network(signs, np.where(random.random((8, 5)) < share, -127, 127), kernel=kernel, theta=20_000)
            await core.load(made)
            await core.check(
                made, [all_at(0, inputs), all_at(14, inputs), image(*((x % 16, x) for x in range(inputs)))]
            )


@cocotb.test()
async def delays(dut) -> None:
    """Delays of inputs and hidden neurons: none, short, to exactly the last step, one step beyond it, far beyond it."""
    core = await CoreDriver(dut).start()
    for kernel in KERNELS:
        made = network(
            [[90, 50, 20, 90, 60, 70]] * 5,
            [[30, 90, 10]] * 6,
            kernel=kernel,
            theta=(300, 400),
            delays=[0, 1, 5, 14, 15, NEVER],
            input_delays=[0, 3, 15, 16, NEVER],
        )
        await core.load(made)
        await core.check(
            made, [all_at(0, 5), all_at(1, 5), all_at(12, 5), image((0, 1), (0, 2)), image((0, 2), (0, 3))]
        )


@cocotb.test()
async def constant_inputs(dut) -> None:
    """Constant inputs at the first and the last step, several at one step, unordered; with and without events."""
    core = await CoreDriver(dut).start()
    for kernel in KERNELS:
        weights = np.random.default_rng(SEED).integers(-20, 60, (9, 7))
        made = network(weights, [[30, 31, 29]] * 7, kernel=kernel, theta=(150, 200), constants=(15, 0, 4, 4, 0, 14))
        await core.load(made)
        await core.check(made, [image(), image((0, 0), (4, 1), (15, 2)), image((4, 0)), all_at(0, 3)])


@cocotb.test()
async def dropped_duplicate_and_out_of_range_events(dut) -> None:
    core = await CoreDriver(dut).start()
    made = network([[40, 50, 45]] * 4, theta=120, dropped=2)
    await core.load(made)
    sent = [
        image((0, 0), (0, 1), (1, 0)),  # dropped events only
        image((5, 2), (1, 2), (1, 3)),  # the event of an input that is received first counts, not the earliest
        image((16, 2), (65535, 3), (1, 4)),
        image((0, 6), (0, 65535), (16, 6), (2, 5)),
        image((16, 2), (3, 2)),  # the refused event does not count as the spike of its input
        image((16, 0), (3, 0)),  # an event out of range counts as refused although its input is dropped
        image(*[(3, 4)] * 20),
    ]
    played = await core.check(made, sent)
    assert played.packets["events_dropped"].tolist() == [3, 0, 0, 0, 0, 1, 0]
    assert played.packets["events_refused"].tolist() == [0, 1, 2, 3, 1, 1, 19]


@cocotb.test()
async def flags_change_what_they_say_and_nothing_else(dut) -> None:
    core = await CoreDriver(dut).start()
    made = network(np.random.default_rng(SEED).integers(-10, 90, (20, 8)), [[30, 40, 35]] * 8, theta=(700, 400))
    await core.load(made)
    random = np.random.default_rng(SEED)
    sent = [
        image(*sorted((int(random.integers(0, 16)), x) for x in range(20) if random.random() < 0.6)) for _ in range(4)
    ]
    for flags in (Header(0), Header.LEARN, Header.RUN_ON, Header.ORDERED, Header.ORDERED | Header.RUN_ON):
        for traced in (Header(0), Header.SPIKES):
            played = await core.check(made, sent, flags=flags | traced)
            assert len(played.traces) == (len(sent) if traced else 0)
    bright = [random.random(n) < 0.5 for n in (20, 0, 1, 32, 40)]
    beats = [pack_bitmap(b, flags=Header.SPIKES, tag=n) for n, b in enumerate(bright)]
    core.judge(made, beats, None, await core.play(beats))


@cocotb.test()
async def with_run_on_the_trace_has_every_hidden_spike(dut) -> None:
    core = await CoreDriver(dut).start()
    made = network([[90, 40, 10, 5]] * 3, [[90, 20]] * 4, theta=(100, 150))
    await core.load(made)
    played = await core.check(made, [all_at(0, 3)], flags=Header.SPIKES | Header.RUN_ON)
    hidden = played.traces[0][played.traces[0]["layer"] == 1]
    walk = np.arange(16)
    crossed = {x: int(np.argmax(3 * w * walk >= 100)) for x, w in enumerate((90, 40, 10, 5))}
    assert {int(b["x"]): int(b["t"]) for b in hidden} == crossed
    assert max(crossed.values()) > int(played.packets["step"][0])


@cocotb.test()
async def an_order_that_is_promised_and_broken(dut) -> None:
    """An event out of order is refused and sets LATE and STATUS.late; the images before and after are correct."""
    core = await CoreDriver(dut).start()
    made = network([[40, 50, 45]] * 4, theta=700)
    await core.load(made)
    good, broken = image((1, 0), (4, 1), (4, 2)), image((6, 0), (2, 1), (6, 2))
    assert await core.read("STATUS") == 1
    played = await core.check(made, [good, good], flags=Header.ORDERED | Header.SPIKES)
    assert not (played.packets["flags"] & ResultFlag.LATE).any()
    sent = [pack_image(e, flags=Header.ORDERED | Header.SPIKES, tag=n) for n, e in enumerate((good, broken, good))]
    played = await core.play(sent)
    assert ((played.packets["flags"] & ResultFlag.LATE) != 0).tolist() == [False, True, False]
    assert played.packets["events_refused"].tolist() == [0, 1, 0]
    for n in (0, 2):
        assert played.results[n] == evaluate(made, good).result
    assert await core.read("STATUS") == 3
    await core.control_reset()
    assert await core.read("STATUS") == 1
    await core.check(made, [good])
