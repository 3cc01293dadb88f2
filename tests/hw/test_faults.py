"""A test of the tests: gateware with a planted fault fails the bench of the whole core.

The proofs of tests/hw/formal find faults that no answer shows, such as those of streams that are never stalled here.
"""

import numpy as np
import pytest
from core_bench import Bench
from core_configs import BOTH, differences, small_config
from faults import FAULTS, LINK_FAULTS, Fault, planted
from networks import random_images, random_network

from firstspike_contract import EVENT, FirstspikeError
from firstspike_contract.core.stream_format import Header, pack_image

LIMIT = 8_000  # cycles, loading included; a case without a fault needs fewer

# name -> arguments of random_network, whether images are ordered, chance of stalls
CASES = {
    "linear": ({"seed": 5, "sizes": (10, 6, 3)}, False, 0.0),
    "exponential": ({"seed": 2, "kernel": "exponential", "sizes": (10, 6, 3)}, False, 0.0),
    "decided at T - 1": ({"seed": 207, "sizes": (10, 6, 4)}, False, 0.0),
    "ordered": ({"seed": 20, "sizes": (24, 6, 3), "theta": 40}, True, 0.4),
    "busy first layer": ({"seed": 4, "sizes": (30, 16, 2), "theta": 1}, False, 0.0),
    "slow first layer": ({"seed": 1, "sizes": (30, 16, 2), "theta": 25}, False, 0.0),
}
CAUGHT_BY = {
    "horizon off by one": "linear",
    "horizon ahead of the last spike": "linear",
    "horizon of ordered images off by one": "ordered",
    "lost tie": "linear",
    "last of equals wins": "linear",
    "exact tie forgotten": "linear",
    "excess compared without its sign": "decided at T - 1",
    "silence one step early": "linear",
    "wrong T at the end of the walk": "linear",
    "stale bucket": "linear",
    "lost link": "linear",
    "dropped carry": "linear",
    "swapped rows": "exponential",
    "neurons of a row shifted": "linear",
    "delay off by one": "linear",
    "input delay off by one": "linear",
    "early exit without draining": "busy first layer",
    "early exit one step short": "slow first layer",
    "duplicate accepted": "linear",
    "dropped event filed": "linear",
    "out of range taken": "linear",
    "constant missing": "exponential",
    "fires twice": "linear",
    "marks of the image before": "linear",
    "spike counted at the next step": "linear",
    "result not held": "ordered",
    "trace not held": "ordered",
}


@pytest.mark.parametrize("name", FAULTS | LINK_FAULTS)
def test_every_fault_can_be_planted(name: str) -> None:
    """Every fault can be planted: the line that it changes occurs exactly once."""
    with planted((FAULTS | LINK_FAULTS)[name]):
        pass


def play(case: str) -> list[str]:
    """Returns the differences from the contract of each wrong image. Raises what the bench raises."""
    sizes, ordered, stall = CASES[case]
    network = random_network(**sizes)
    images = random_images(network, sizes["seed"], 5)
    images[3] = np.append(images[3], np.array([(network.steps, 0), (0, network.addresses)], EVENT))  # just out of range
    flags = Header.SPIKES
    if ordered:
        images, flags = [image[np.argsort(image["t"], kind="stable")] for image in images], flags | Header.ORDERED
    beats = [pack_image(image, flags=flags, tag=n) for n, image in enumerate(images)]
    kernels = ("linear",) if network.kernel == "linear" else BOTH
    bench = Bench(config=small_config(stages=len(network.layers), kernels=kernels), stall=stall, limit=LIMIT)
    _, played = bench.run(
        lambda bench, ctx: bench.load(ctx, network), lambda bench, ctx: bench.play(ctx, beats, traced=len(beats))
    )
    assert played.packets["tag"].tolist() == list(range(len(images)))
    found = [differences(network, image, played.results[n], played.traces[n]) for n, image in enumerate(images)]
    return [text for text in found if text]


@pytest.mark.parametrize("case", CASES)
def test_without_a_fault_nothing_differs(case) -> None:
    assert play(case) == []


@pytest.mark.parametrize(("fault", "case"), CAUGHT_BY.items())
def test_a_planted_fault_is_caught(fault, case) -> None:
    with planted(FAULTS[fault]):
        try:
            wrong = play(case)
        except (AssertionError, FirstspikeError) as error:
            wrong = [str(error)]
    assert wrong, f"the bench does not notice: {fault}"


def test_a_fault_whose_line_is_missing_is_an_error() -> None:
    with (
        pytest.raises(ValueError, match=r"^firstspike_hw/spikes/queue\.py has 'no such line' 0 times, not once$"),
        planted(Fault(unit="spikes.queue", old="no such line", new="")),
    ):
        pass


def test_the_gateware_is_restored_afterwards() -> None:
    from firstspike_hw.spikes.decision import Decision

    before = Decision.elaborate
    with planted(FAULTS["lost tie"]):
        assert Decision.elaborate is not before
    assert Decision.elaborate is before
