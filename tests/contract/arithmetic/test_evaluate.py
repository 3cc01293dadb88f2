"""The rules of the contract, each pinned by an example worked out by hand."""

from typing import Any

import numpy as np
import pytest

from firstspike_contract import (
    EVENT,
    NO_SPIKE,
    Evaluation,
    EventSet,
    Kernel,
    Layer,
    Network,
    evaluate,
    figures,
    kernel_tables,
)
from firstspike_contract import evaluate_set as run_set

T = 16


def layer(weights: Any, theta: int, kernel: Kernel = "linear", constant_times: Any = (), delays: Any = None) -> Layer:
    matrix = np.array(weights, np.int8)
    tables = kernel_tables(kernel, steps=T, tau_steps=8.0, theta=theta, fraction_bits=8)
    return Layer(
        weights=matrix,
        a=tables.a,
        m=tables.m,
        th=tables.th,
        constant_times=np.array(constant_times, np.int64),
        delays=np.zeros(matrix.shape[1], np.int64) if delays is None else np.array(delays, np.int64),
        source_inputs=len(matrix) - len(constant_times),
    )


def net(*layers: Layer, kernel: Kernel = "linear", input_map: Any = None, input_delays: Any = None) -> Network:
    n = layers[0].inputs
    return Network(
        kernel=kernel,
        steps=T,
        input_map=np.arange(n) if input_map is None else np.array(input_map),
        input_delays=np.zeros(n, np.int64) if input_delays is None else np.array(input_delays),
        layers=layers,
    )


def run(network: Network, *events: tuple[int, int]) -> Evaluation:
    return evaluate(network, np.array(list(events), EVENT))


def answer(evaluation: Evaluation) -> tuple[int, int, bool, bool, bool]:
    return tuple(evaluation.result[["class", "step", "silent", "tie", "exact_tie"]].item())  # type: ignore[return-value]


def test_linear_fires_at_the_first_step_at_or_above_threshold() -> None:
    # V = 2 (t - 3): 10 at t = 8 exactly.
    assert run(net(layer([[2]], 10)), (3, 0)).times[1].tolist() == [8]
    assert run(net(layer([[2]], 11)), (3, 0)).times[1].tolist() == [9]


def test_an_event_changes_nothing_at_its_own_step() -> None:
    assert run(net(layer([[127]], 1)), (3, 0)).times[1].tolist() == [4]
    assert run(net(layer([[127]], 1)), (T - 1, 0)).times[1].tolist() == [NO_SPIKE]


def test_step_kernel_fires_in_the_step_of_its_event() -> None:
    assert run(net(layer([[5]], 5, "step"), kernel="step"), (3, 0)).times[1].tolist() == [3]
    assert run(net(layer([[5]], 6, "step"), kernel="step"), (3, 0)).times[1].tolist() == [NO_SPIKE]


def test_step_kernel_layers_take_effect_in_order_within_a_step() -> None:
    network = net(layer([[5]], 5, "step"), layer([[4]], 4, "step"), layer([[3]], 3, "step"), kernel="step")
    evaluation = run(network, (15, 0))
    assert [times.tolist() for times in evaluation.times] == [[15], [15], [15], [15]]
    assert evaluation.rows.tolist() == [1, 1, 1]


def test_step_kernel_sums_all_events_of_a_step_before_it_compares() -> None:
    network = net(layer([[9], [-5]], 5, "step"), kernel="step")
    assert run(network, (2, 0), (2, 1)).times[1].tolist() == [NO_SPIKE]
    assert run(network, (2, 0), (3, 1)).times[1].tolist() == [2]


def test_a_tie_goes_to_the_largest_excess() -> None:
    # Alone at t = 3 with 9 >= 7; then, at t = 2, potentials 8, 10, 2 against 8: class 1, not the lower 0.
    assert answer(run(net(layer([[2, 3, 1]], 7)), (0, 0))) == (1, 3, False, False, False)
    assert answer(run(net(layer([[4, 5, 1]], 8)), (0, 0))) == (1, 2, False, True, False)


def test_an_exact_tie_goes_to_the_lowest_index() -> None:
    assert answer(run(net(layer([[1, 5, 4, 5]], 8)), (0, 0))) == (1, 2, False, True, True)
    assert run(net(layer([[1, 5, 4, 5]], 8)), (0, 0)).result["spikes_output"] == 3


def test_a_tie_below_the_largest_excess_is_not_exact() -> None:
    assert answer(run(net(layer([[4, 4, 5]], 8)), (0, 0))) == (2, 2, False, True, False)


def test_silent_takes_the_largest_excess_at_the_last_step() -> None:
    network = net(layer([[-1, 1, 2, 2]], 1000))
    assert answer(run(network, (0, 0))) == (2, T - 1, True, False, True)
    assert answer(run(net(layer([[-1, 3, 2, 2]], 1000)), (0, 0))) == (1, T - 1, True, False, False)
    assert answer(run(network)) == (0, T - 1, True, False, True)
    assert run(network, (0, 0)).result["spikes_output"] == 0


def test_a_neuron_fires_once() -> None:
    # Hidden neuron 0 fires at 1; if it fired again the output would reach 2 * 3 by t = 4.
    network = net(layer([[5]], 5), layer([[1]], 12))
    assert run(network, (0, 0)).times[2].tolist() == [13]


def test_nothing_after_the_decision_is_recorded() -> None:
    # Outputs fire at 4; inputs 1 and 2 come at 4 and 5; hidden would fire at 2 and 5.
    network = net(layer([[2, 1], [0, 0], [0, 0]], 4), layer([[2], [0]], 4))
    evaluation = run(network, (0, 0), (4, 1), (5, 2))
    assert [times.tolist() for times in evaluation.times] == [[0, 4, NO_SPIKE], [2, 4], [4]]
    assert evaluation.result[["spikes_input", "spikes_hidden", "spikes_output"]].item() == (2, 2, 1)


def test_rows_count_what_the_decision_depended_on() -> None:
    # D = 4: rows of step < 4. `step`: rows of step <= D.
    network = net(layer([[2, 1], [0, 0], [0, 0]], 4), layer([[2], [0]], 4))
    assert run(network, (0, 0), (4, 1), (5, 2)).rows.tolist() == [1, 1]
    network = net(layer([[2], [2], [2]], 4, "step"), kernel="step")
    evaluation = run(network, (0, 0), (4, 1), (5, 2))
    assert (evaluation.rows.tolist(), evaluation.result["step"]) == ([2], 4)


def test_delays_shift_the_recorded_spike_and_drop_what_is_too_late() -> None:
    network = net(layer([[2, 2]], 4, delays=[3, 14]), layer([[4], [4]], 8), input_delays=[1])
    evaluation = run(network, (0, 0))
    # Input at 1, hidden crosses at 3, recorded at 6 and (17) never, output 4 (t - 6) >= 8 at 8.
    assert [times.tolist() for times in evaluation.times] == [[1], [6, NO_SPIKE], [8]]


def test_delayed_step_kernel_acts_when_recorded() -> None:
    network = net(layer([[5]], 5, "step", delays=[2]), layer([[4]], 4, "step"), kernel="step", input_delays=[3])
    assert [times.tolist() for times in run(network, (1, 0)).times] == [[4], [6], [6]]
    assert [times.tolist() for times in run(network, (13, 0)).times] == [[NO_SPIKE], [NO_SPIKE], [NO_SPIKE]]


def test_constant_inputs_act_as_events_and_are_counted_apart() -> None:
    network = net(layer([[1], [4], [4]], 8, constant_times=[2, 9]))
    evaluation = run(network)
    assert evaluation.times[1].tolist() == [4]
    assert evaluation.result[["spikes_input", "spikes_constant"]].item() == (0, 1)
    assert evaluation.rows.tolist() == [1]


def test_dropped_duplicate_and_foreign_events() -> None:
    network = net(layer([[4]], 8), input_map=[-1, 0, -1])
    events = [(16, 1), (0, 3), (0, 0), (1, 0), (17, 0), (5, 1), (2, 1), (3, 2)]
    evaluation = run(network, *events)
    # Refused: code 16, address 3, code 17, the second event of input 1. Dropped: 0 twice, 2 once.
    assert evaluation.result[["events_refused", "events_dropped", "spikes_input"]].item() == (4, 3, 1)
    assert [times.tolist() for times in evaluation.times] == [[NO_SPIKE, 5, NO_SPIKE], [7]]


@pytest.mark.parametrize(
    ("kernel", "potential"),
    [
        # Input at 2 with weight 100, in units of theta's own: spike at the first t with 100 kappa >= 20 (see SETTINGS).
        ("exponential", lambda d: 1 - np.exp(-d)),
        ("lif-2to1", lambda d: np.exp(-d / 2) - np.exp(-d)),
        ("alpha", lambda d: 8 * d * np.exp(-d)),
    ],
)
def test_multiplier_kernels_follow_their_equation(kernel: Kernel, potential: Any) -> None:
    network = net(layer([[100]], 20, kernel), kernel=kernel)
    crossed = [t for t in range(2, T) if 100 * potential((t - 2) / 8) >= 20]
    assert run(network, (2, 0)).times[1].tolist() == [crossed[0]]


def test_order_within_a_step_cannot_matter() -> None:
    rng = np.random.default_rng(5)
    network = net(layer(rng.integers(-20, 40, (12, 9)), 60), layer(rng.integers(-20, 40, (9, 4)), 60))
    events = np.zeros(12, EVENT)
    events["x"], events["t"] = np.arange(12), rng.integers(0, 4, 12)
    first = evaluate(network, events)
    for _ in range(10):
        again = evaluate(network, rng.permutation(events))
        assert again.result == first.result
        assert all((a == b).all() for a, b in zip(again.times, first.times, strict=True))


def test_figures_are_means_over_the_source_network() -> None:
    network = net(layer([[4, 0]], 8), input_map=[0, -1, -1, -1])
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
