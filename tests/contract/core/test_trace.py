"""Traces of many images give the spike times and rows of the contract; impossible traces are refused."""

import numpy as np
import pytest

from firstspike_contract import NO_SPIKE, FirstspikeError, evaluate_set
from firstspike_contract.core.stream_format import TAGS
from firstspike_contract.core.trace import TRACE, batch_of, layer_times, pack_trace, trace_times, unpack_trace
from firstspike_sim.rtl.compare import difference
from firstspike_sim.rtl.random_cases import random_case

SEEDS = range(25)


def trace_of(batch) -> np.ndarray:
    """Returns the trace of a core that computed the batch, with some spikes after the decision, as real cores send."""
    beats = []
    for i, result in enumerate(batch.results):
        for k, layer in enumerate(batch.times[1:], 1):
            beats += [(x, layer[i, x], k, False) for x in np.flatnonzero(layer[i] != NO_SPIKE)]
            late = np.flatnonzero(layer[i] == NO_SPIKE)[:1]
            beats += [(x, result["step"] + 1, k, False) for x in late if result["step"] < 255]
        beats.append((i % TAGS, result["step"], 0, True))
    return np.array(beats, TRACE)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_batch_comes_back_from_its_trace(seed: int) -> None:
    case = random_case(seed)
    events = case.events.head(5)
    model = evaluate_set(case.network, events)
    trace = trace_of(model)
    batch = batch_of(case.network, events, model.results, pack_trace(trace))
    assert [difference(batch, model, i) for i in range(5)] == [""] * 5
    assert (batch.rows == model.rows).all()
    ends = np.flatnonzero(trace["end"]) + 1
    for i, part in enumerate(np.split(trace, ends)[:5]):
        alone = trace_times(part, case.network.sizes[1:], int(model.results["step"][i]))
        assert all((mine[i] == theirs).all() for mine, theirs in zip(batch.times[1:], alone, strict=True))


@pytest.mark.parametrize(
    ("beats", "message"),
    [
        ([(0, 3, 1, False), (0, 4, 0, True)], "trace: 1 images are marked, 2 were expected"),
        ([(0, 4, 0, True), (1, 5, 0, True)], "trace of image 1: its marker says decision step 5, its result 4"),
        (
            [(0, 4, 0, True), (3, 2, 1, False), (1, 4, 0, True)],
            "trace of image 1: layer 1 has no neuron 3; sizes are (3, 2)",
        ),
        (
            [(0, 1, 0, False), (0, 4, 0, True), (1, 4, 0, True)],
            "trace of image 0: layer 0 has no neuron 0; sizes are (3, 2)",
        ),
        (
            [(0, 4, 0, True), (1, 2, 2, False), (1, 3, 2, False), (1, 4, 0, True)],
            "trace of image 1: neuron 1 of layer 2 spikes twice",
        ),
    ],
)
def test_an_impossible_trace_is_refused(beats: list, message: str) -> None:
    with pytest.raises(FirstspikeError) as caught:
        layer_times(pack_trace(np.array(beats, TRACE)), (3, 2), np.array([4, 4]))
    assert str(caught.value) == message


def test_differences_are_named() -> None:
    case = random_case(3)
    model, other = (evaluate_set(case.network, case.events) for _ in range(2))
    other.results["class"][1] += 1
    assert difference(other, model, 1) == f"class is {other.results['class'][1]}, not {model.results['class'][1]}"
    other.times[1][2, 0] = 99
    assert difference(other, model, 2).startswith("neuron 0 of layer 1 spikes at 99, not ")


def test_random_cases_repeat_by_their_seed_and_cover_all_kinds_of_networks() -> None:
    cases = [random_case(seed) for seed in range(60)]
    again = random_case(17)
    assert (again.events.events == cases[17].events.events).all()
    assert all(
        (a.weights == b.weights).all() for a, b in zip(again.network.layers, cases[17].network.layers, strict=True)
    )
    networks = [case.network for case in cases]
    assert {len(network.layers) for network in networks} == {1, 2, 3, 4}
    assert {network.kernel for network in networks} == {"linear", "exponential"}
    assert {network.steps for network in networks} == {16, 32, 64, 128, 256}
    assert 6 <= sum(max(network.sizes[1:]) >= 100 for network in networks) <= 20
    assert any(network.input_delays.any() for network in networks)
    assert any(layer.constants for network in networks for layer in network.layers)
    assert any((network.input_map == -1).any() for network in networks)


def test_a_trace_gives_the_spike_times_up_to_the_decision() -> None:
    trace = np.array([(1, 3, 1, False), (0, 5, 2, False), (2, 9, 1, False), (7, 5, 0, True)], TRACE)
    beats = pack_trace(trace)
    assert [hex(beat) for beat in beats] == ["0x1030001", "0x2050000", "0x1090002", "0x80050007"]
    assert (unpack_trace(beats) == trace).all()
    hidden, output = trace_times(trace, (3, 1), 5)
    assert hidden.tolist() == [-1, 3, -1]
    assert output.tolist() == [5]
    with pytest.raises(FirstspikeError, match=r"^trace: layer 2 has no neuron 0; sizes are \(3,\)$"):
        trace_times(trace, (3,), 5)
    with pytest.raises(FirstspikeError, match="trace: neuron 1 of layer 1 spikes at 3 and again at 3"):
        trace_times(trace[[0, 0]], (3, 1), 5)
