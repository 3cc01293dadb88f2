"""The NIR equations give the kernels, and the float model agrees with the contract on a fine grid."""

from dataclasses import replace

import nir
import numpy as np
import pytest
from networks import float_network, sparse_images

from firstspike_compiler.formats.nir.writer import network_graph
from firstspike_compiler.passes.float_model import FloatLayer, float_class, input_times, kernel_response, layer_spikes
from firstspike_compiler.pipeline import compile_network
from firstspike_compiler.targets import load_target
from firstspike_contract import KERNELS, NO_SPIKE

TAU = 0.3


def impulse_response(graph, dt, points):
    """Returns v of neuron 0 after one spike of input 0: the equations of nir's docstrings, by explicit Euler steps."""
    nodes = graph.nodes
    weight = nodes["hidden_weights"].weight[0, 0]
    neuron, synapse = nodes["hidden"], nodes.get("hidden_synapse")
    r, v, current, trace = float(neuron.r[0]), 0.0, 0.0, []
    if isinstance(neuron, nir.CubaLIF):
        current = float(neuron.w_in[0]) * weight / float(neuron.tau_syn[0])
        for _ in range(points):
            trace.append(v)
            v += dt * (float(neuron.v_leak[0]) - v + r * current) / float(neuron.tau_mem[0])
            current -= dt * current / float(neuron.tau_syn[0])
        return np.array(trace) / weight
    if synapse is None:
        return np.full(points, r)  # the neuron integrates the impulse itself
    tau = float(synapse.tau[0]) if isinstance(synapse, nir.LI) else np.inf
    current = float(synapse.r[0]) * weight / (1.0 if tau == np.inf else tau)
    for _ in range(points):
        trace.append(v)
        v += dt * r * current
        current -= dt * current / tau
    return np.array(trace) / weight


@pytest.mark.parametrize("kernel", KERNELS)
def test_nir_parameters_make_the_kernel(kernel):
    ir = float_network(kernel)
    ir = replace(ir, tau=TAU)
    dt, points = 1e-4, 20000
    since = np.arange(points) * dt
    got = impulse_response(network_graph(ir), dt, points)
    want = kernel_response(kernel, since, TAU)
    np.testing.assert_allclose(got, want, atol=2e-3)


@pytest.mark.parametrize("kernel", KERNELS)
def test_agrees_with_the_contract_on_a_fine_grid(kernel):
    """At 256 steps, more than 98 % of the hidden spikes of float and integer network lie within two steps."""
    ir = float_network(kernel, steps=256, threshold=0.3125 if kernel in ("lif-2to1", "alpha") else 1.0)
    layers = tuple(replace(layer, weights=np.rint(layer.weights * 64) / 64, scale=1 / 64) for layer in ir.layers)
    ir = replace(ir, layers=layers)  # weights on the integer grid, so that only the time grid differs
    events = sparse_images(20, steps=256, images=20)
    compiled = compile_network(ir, load_target("generic"), calibration=events)
    layer = ir.layers[0]
    exact = FloatLayer(
        weights=layer.weights, threshold=layer.threshold, constant_times=layer.constant_times, delays=layer.delays
    )
    shifts = []
    for n in range(len(events)):
        wanted = layer_spikes(ir, exact, input_times(ir, events, n, 256))[0] / ir.t_max * 256
        got = compiled.golden.batch.times[1][n]
        both = (got != NO_SPIKE) & np.isfinite(wanted)
        shifts += (got[both] - wanted[both]).tolist()
    assert len(shifts) > 100
    assert np.mean(np.abs(shifts) <= 2) > 0.98


def test_class_of_first_spike_then_of_largest_excess():
    assert float_class(np.array([2.0, 1.0, np.inf]), np.array([9.0, 0.0, 8.0])) == 1
    assert float_class(np.array([1.0, 1.0, 2.0]), np.array([0.1, 0.2, 8.0])) == 1
    assert float_class(np.array([np.inf, np.inf]), np.array([-2.0, -1.0])) == 1
