"""Every rule is violated on purpose, and the whole message is compared."""

from dataclasses import replace

import numpy as np
import pytest
from networks import float_network

from firstspike_compiler.ir import Encoding
from firstspike_compiler.rules import RULES, check
from firstspike_compiler.targets import load_target

GENERIC = load_target("generic")
ULX3S = load_target("ulx3s-85f")
NETWORK = float_network()


def with_layer(k, **changed):
    layers = list(NETWORK.layers)
    layers[k] = replace(layers[k], **changed)
    return replace(NETWORK, layers=tuple(layers))


def poisoned(value):
    weights = NETWORK.layers[0].weights.copy()
    weights[3, 4] = value
    return weights


CASES = {
    "there is at least one layer": (
        replace(NETWORK, layers=()),
        GENERIC,
        "network has 0 layers, need 1 or more; add a layer",
    ),
    "each layer takes the spikes of the one before": (
        with_layer(1, weights=np.ones((29, 4))),
        GENERIC,
        "readout has weights of shape (29, 4), 0 constants, 4 delays, need 30 rows and one per constant "
        "input, a delay per "
        "neuron; correct the shapes",
    ),
    "weights are finite numbers": (
        with_layer(0, weights=poisoned(np.nan)),
        GENERIC,
        "hidden has 1 that are not, the first nan at [3, 4], need numbers; train again; e.g. 0.25",
    ),
    "thresholds are positive": (with_layer(0, threshold=-1.0), GENERIC, "hidden has -1, need more than 0; e.g. 1.0"),
    "times are positive and finite": (
        replace(NETWORK, t_max=np.inf),
        GENERIC,
        "network has t_max inf, need > 0; e.g. 1.4",
    ),
    "numbers are of ordinary size": (
        with_layer(0, threshold=1e-40),
        GENERIC,
        "hidden has threshold 1e-40, need 1e-30 to 1e+30; scale weights and thresholds of a layer, or all times, by "
        "one factor: nothing else changes",
    ),
    "delays are not negative": (
        with_layer(0, delays=np.full(30, -0.5)),
        GENERIC,
        "hidden has -0.5, need 0 or more; shift all times up",
    ),
    "output neurons have no delays": (
        with_layer(1, delays=np.full(4, 0.5)),
        GENERIC,
        "readout has delays up to 0.5, need 0; remove the Delay behind the outputs; the decision falls when an output "
        "crosses its threshold",
    ),
    "constant inputs spike inside the window": (
        with_layer(0, weights=np.ones((21, 30)), constant_times=np.array([1.99])),
        GENERIC,
        "hidden has times 1.99 to 1.99, need 0 to 1.96875, the last of 64 steps; e.g. 0",
    ),
    "the encoding is inside the window": (
        replace(NETWORK, encoding=Encoding(name="two-time", t_late=2.5)),
        GENERIC,
        "input has two-time with t_late 2.5, need 0 <= t_late < t_max = 2; e.g. t_late = 1",
    ),
    "masked inputs have no weights": (
        replace(NETWORK, mask=np.arange(20) > 2),
        GENERIC,
        "hidden has weights on 3 inputs that the mask hides, need none; set the rows of hidden inputs "
        "to 0, or leave out the "
        "mask",
    ),
    "quantised weights are integers times their scale": (
        with_layer(0, weights=np.full((20, 30), 128 / 64), scale=1 / 64),
        GENERIC,
        "hidden has integers up to 128 at scale 0.015625, need integers in -127..127; leave the scale "
        "out of the metadata to "
        "have the layer quantised",
    ),
    "every layer has a weight that excites": (
        with_layer(0, weights=-np.ones((20, 30))),
        GENERIC,
        "hidden has no positive weight, so it never spikes, need one at least; train again",
    ),
    "the target has the kernel": (
        NETWORK,
        replace(GENERIC, name="small", lanes={"step": 8}),
        "network has linear, need one of step; train with another kernel or choose another target than small",
    ),
    "the target has the time steps": (
        NETWORK,
        replace(GENERIC, steps=32),
        "network has 64 steps, need one of 16, 32; compile with --steps 16",
    ),
    "the target has a stage for every layer": (
        NETWORK,
        replace(GENERIC, name="small", stages=1),
        "network has 2 layers, need at most 1 on small; train a network of fewer layers",
    ),
    "the target has an address for every input": (
        NETWORK,
        replace(GENERIC, name="small", addresses=16),
        "input has 20 inputs, need at most 16 on small; train on fewer inputs",
    ),
    "weights fit the block memories": (
        float_network(sizes=(784, 600, 10)),
        ULX3S,
        "hidden has 600 neurons with 784 weights each in 207 blocks at least, need at most 183 blocks "
        "on ulx3s-85f; train "
        "fewer neurons, or zero the rows of inputs that hardly spike",
    ),
    "the time window fits the kernel tables": (
        replace(float_network("exponential"), t_max=20.0),
        GENERIC,
        "network has t_max = 20, 20.0 time constants, need at most 11.9705, as exp(t / tau) is stored "
        "in 17 bits; shorten "
        "the time window or lengthen tau",
    ),
    "accumulators never overflow": (
        NETWORK,
        replace(GENERIC, name="small", a_bits=16, v_bits=16),
        "hidden has a worst case of 11 bits in A and 17 bits in V, need 16 and 16 on small; use a "
        "smaller threshold relative "
        "to the weights, fewer inputs or a shorter time window",
    ),
}


def test_every_rule_is_tested():
    assert list(CASES) == [rule.__name__.replace("_", " ") for rule in RULES]


def test_a_good_network_violates_no_rule():
    assert check(NETWORK, GENERIC) == []
    assert check(NETWORK, ULX3S) == []


@pytest.mark.parametrize("rule", CASES)
def test_violation(rule):
    ir, target, message = CASES[rule]
    found = [str(violation) for violation in check(ir, target) if violation.rule == rule]
    assert found[0] == f"{rule}: {message}"


def test_all_violations_are_listed():
    ir = replace(
        with_layer(0, threshold=-1.0, weights=poisoned(np.inf)), encoding=Encoding(name="latency"), t_max=float("nan")
    )
    found = [violation.rule for violation in check(ir, replace(GENERIC, stages=1, addresses=16))]
    assert found == [
        "weights are finite numbers",
        "thresholds are positive",
        "times are positive and finite",
        "the encoding is inside the window",
        "the target has a stage for every layer",
        "the target has an address for every input",
    ]


def test_layers_that_fit_one_by_one_but_not_together():
    ir = float_network(sizes=(300, 300, 280))
    small = replace(ULX3S, name="small", blocks=50)
    assert [str(violation) for violation in check(ir, small)] == [
        "weights fit the block memories: network has layers that fit one by one, need at most 50 blocks "
        "and 312 lanes for "
        "all together on small; train fewer neurons, or zero the rows of inputs that hardly spike"
    ]


def test_dropped_inputs_need_no_memory():
    """The board holds 676 of the 784 weight rows (DESIGN section 3); the network is too large if all rows are kept."""
    ir = float_network(sizes=(784, 600, 10))
    weights = np.where(np.arange(784)[:, None] < 676, ir.layers[0].weights, 0.0)
    ir = replace(ir, layers=(replace(ir.layers[0], weights=weights), ir.layers[1]))
    assert check(ir, ULX3S) == []
    assert [violation.rule for violation in check(ir, ULX3S, keep_inputs=True)] == ["weights fit the block memories"]


def test_violations_as_json():
    violation = check(with_layer(0, threshold=0.0), GENERIC)[0]
    assert violation.to_dict() == {
        "rule": "thresholds are positive",
        "node": "hidden",
        "have": "0",
        "need": "more than 0",
        "remedy": "e.g. 1.0",
    }
