"""Each rule of the contract is tested with an example worked out by hand."""

from typing import Any

import numpy as np
import pytest
from networks import layer_of, network_of

from firstspike_contract import (
    EVENT,
    NO_SPIKE,
    Evaluation,
    EventSet,
    Kernel,
    Network,
    evaluate,
    figures,
)
from firstspike_contract import evaluate_set as run_set

T = 16


def run(network: Network, *events: tuple[int, int]) -> Evaluation:
    return evaluate(network, np.array(list(events), EVENT))


def answer(evaluation: Evaluation) -> tuple[int, int, bool, bool, bool]:
    return tuple(evaluation.result[["class", "step", "silent", "tie", "exact_tie"]].item())  # type: ignore[return-value]


def test_linear_fires_at_the_first_step_at_or_above_threshold() -> None:
    # V = 2 (t - 3), which is exactly 10 at t = 8.
    assert run(network_of(layer_of([[2]], 10)), (3, 0)).times[1].tolist() == [8]
    assert run(network_of(layer_of([[2]], 11)), (3, 0)).times[1].tolist() == [9]


def test_an_event_changes_nothing_at_its_own_step() -> None:
    assert run(network_of(layer_of([[127]], 1)), (3, 0)).times[1].tolist() == [4]
    assert run(network_of(layer_of([[127]], 1)), (T - 1, 0)).times[1].tolist() == [NO_SPIKE]


def test_step_kernel_fires_in_the_step_of_its_event() -> None:
    assert run(network_of(layer_of([[5]], 5, "step"), kernel="step"), (3, 0)).times[1].tolist() == [3]
    assert run(network_of(layer_of([[5]], 6, "step"), kernel="step"), (3, 0)).times[1].tolist() == [NO_SPIKE]


def test_step_kernel_layers_take_effect_in_order_within_a_step() -> None:
    network = network_of(
        layer_of([[5]], 5, "step"), layer_of([[4]], 4, "step"), layer_of([[3]], 3, "step"), kernel="step"
    )
    evaluation = run(network, (15, 0))
    assert [times.tolist() for times in evaluation.times] == [[15], [15], [15], [15]]
    assert evaluation.rows.tolist() == [1, 1, 1]


def test_step_kernel_sums_all_events_of_a_step_before_it_compares() -> None:
    network = network_of(layer_of([[9], [-5]], 5, "step"), kernel="step")
    assert run(network, (2, 0), (2, 1)).times[1].tolist() == [NO_SPIKE]
    assert run(network, (2, 0), (3, 1)).times[1].tolist() == [2]


def test_a_tie_goes_to_the_largest_excess() -> None:
    # First network: output 1 fires alone at t = 3 (9 >= 7). Second: at t = 2 the potentials are 8, 10 and 2, the
    # threshold is 8, and output 1 wins by its larger excess.
    assert answer(run(network_of(layer_of([[2, 3, 1]], 7)), (0, 0))) == (1, 3, False, False, False)
    assert answer(run(network_of(layer_of([[4, 5, 1]], 8)), (0, 0))) == (1, 2, False, True, False)


def test_an_exact_tie_goes_to_the_lowest_index() -> None:
    assert answer(run(network_of(layer_of([[1, 5, 4, 5]], 8)), (0, 0))) == (1, 2, False, True, True)
    assert run(network_of(layer_of([[1, 5, 4, 5]], 8)), (0, 0)).result["spikes_output"] == 3


def test_a_tie_below_the_largest_excess_is_not_exact() -> None:
    assert answer(run(network_of(layer_of([[4, 4, 5]], 8)), (0, 0))) == (2, 2, False, True, False)


def test_a_silent_image_takes_the_largest_excess_at_the_last_step() -> None:
    network = network_of(layer_of([[-1, 1, 2, 2]], 1000))
    assert answer(run(network, (0, 0))) == (2, T - 1, True, False, True)
    assert answer(run(network_of(layer_of([[-1, 3, 2, 2]], 1000)), (0, 0))) == (1, T - 1, True, False, False)
    assert answer(run(network)) == (0, T - 1, True, False, True)
    assert run(network, (0, 0)).result["spikes_output"] == 0


def test_a_neuron_fires_once() -> None:
    # The hidden neuron fires at 1, so the output fires at 13. A second hidden spike would make it fire earlier.
    network = network_of(layer_of([[5]], 5), layer_of([[1]], 12))
    assert run(network, (0, 0)).times[2].tolist() == [13]


def test_nothing_after_the_decision_is_recorded() -> None:
    # The output fires at 4, inputs 1 and 2 spike at 4 and 5, and the hidden neurons fire at 2 and 4.
    network = network_of(layer_of([[2, 1], [0, 0], [0, 0]], 4), layer_of([[2], [0]], 4))
    evaluation = run(network, (0, 0), (4, 1), (5, 2))
    assert [times.tolist() for times in evaluation.times] == [[0, 4, NO_SPIKE], [2, 4], [4]]
    assert evaluation.result[["spikes_input", "spikes_hidden", "spikes_output"]].item() == (2, 2, 1)


def test_rows_count_the_events_that_the_decision_depended_on() -> None:
    # D = 4: weight rows of events before step 4 count. With the `step` kernel those of step 4 count, too.
    network = network_of(layer_of([[2, 1], [0, 0], [0, 0]], 4), layer_of([[2], [0]], 4))
    assert run(network, (0, 0), (4, 1), (5, 2)).rows.tolist() == [1, 1]
    network = network_of(layer_of([[2], [2], [2]], 4, "step"), kernel="step")
    evaluation = run(network, (0, 0), (4, 1), (5, 2))
    assert (evaluation.rows.tolist(), evaluation.result["step"]) == ([2], 4)


def test_delays_shift_the_recorded_spike_and_drop_spikes_beyond_the_end() -> None:
    network = network_of(layer_of([[2, 2]], 4, delays=[3, 14]), layer_of([[4], [4]], 8), input_delays=[1])
    evaluation = run(network, (0, 0))
    # The input spikes at 1. Both hidden neurons cross at 3; one spike is recorded at 6, the other would be at 17 and is
    # none. The output fires at 8, where 4 (t - 6) >= 8.
    assert [times.tolist() for times in evaluation.times] == [[1], [6, NO_SPIKE], [8]]


def test_delayed_step_kernel_acts_when_recorded() -> None:
    network = network_of(
        layer_of([[5]], 5, "step", delays=[2]), layer_of([[4]], 4, "step"), kernel="step", input_delays=[3]
    )
    assert [times.tolist() for times in run(network, (1, 0)).times] == [[4], [6], [6]]
    assert [times.tolist() for times in run(network, (13, 0)).times] == [[NO_SPIKE], [NO_SPIKE], [NO_SPIKE]]


def test_constant_inputs_act_as_events_and_are_counted_apart() -> None:
    network = network_of(layer_of([[1], [4], [4]], 8, constant_times=[2, 9]))
    evaluation = run(network)
    assert evaluation.times[1].tolist() == [4]
    assert evaluation.result[["spikes_input", "spikes_constant"]].item() == (0, 1)
    assert evaluation.rows.tolist() == [1]


def test_dropped_duplicate_and_out_of_range_events() -> None:
    network = network_of(layer_of([[4]], 8), input_map=[-1, 0, -1])
    events = [(16, 1), (0, 3), (0, 0), (1, 0), (17, 0), (5, 1), (2, 1), (3, 2)]
    evaluation = run(network, *events)
    # Refused are code 16, address 3, code 17 and the second event of input 1. Dropped are two events of input 0 and one
    # of input 2.
    assert evaluation.result[["events_refused", "events_dropped", "spikes_input"]].item() == (4, 3, 1)
    assert [times.tolist() for times in evaluation.times] == [[NO_SPIKE, 5, NO_SPIKE], [7]]


@pytest.mark.parametrize(
    ("kernel", "potential"),
    [
        # One input at step 2 with weight 100; weight and theta have the same unit. The neuron fires at the first t with
        # 100 kappa >= 20.
        ("exponential", lambda d: 1 - np.exp(-d)),
        ("lif-2to1", lambda d: np.exp(-d / 2) - np.exp(-d)),
        ("alpha", lambda d: 8 * d * np.exp(-d)),
    ],
)
def test_multiplier_kernels_follow_their_equation(kernel: Kernel, potential: Any) -> None:
    network = network_of(layer_of([[100]], 20, kernel), kernel=kernel)
    crossed = [t for t in range(2, T) if 100 * potential((t - 2) / 8) >= 20]
    assert run(network, (2, 0)).times[1].tolist() == [crossed[0]]


def test_order_within_a_step_cannot_matter() -> None:
    rng = np.random.default_rng(5)
    network = network_of(layer_of(rng.integers(-20, 40, (12, 9)), 60), layer_of(rng.integers(-20, 40, (9, 4)), 60))
    events = np.zeros(12, EVENT)
    events["x"], events["t"] = np.arange(12), rng.integers(0, 4, 12)
    first = evaluate(network, events)
    for _ in range(10):
        again = evaluate(network, rng.permutation(events))
        assert again.result == first.result
        assert all((a == b).all() for a, b in zip(again.times, first.times, strict=True))


def test_figures_are_means_over_the_source_network() -> None:
    network = network_of(layer_of([[4, 0]], 8), input_map=[0, -1, -1, -1])
    object.__setattr__(network.layers[0], "source_inputs", 4)
    events = np.array([(0, 0), (0, 1), (0, 0)], EVENT)
    images = EventSet(events=events, offsets=np.array([0, 1, 2, 3, 3]))
    table = figures(network, run_set(network, images), np.array([0, 0, 1, 1]))
    assert table == {
        "accuracy": 0.5,
        "accuracy_spiking": 0.25,
        "tie_rate": 0.0,
        "exact_tie_rate": 0.5,
        "silent_rate": 0.5,
        "spikes_input": 0.5,
        "spikes_hidden": 0.0,
        "spikes_total": 0.5,
        "spikes_output": 0.5,
        "spikes_constant": 0.0,
        "events_dropped": 0.25,
        "events_refused": 0.0,
        "steps": 8.5,
        "lookups": [0.125],
        "images": 4,
    }
