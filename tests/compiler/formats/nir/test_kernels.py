"""Gain, threshold and time constant of each kernel's neurons are those of docs/nir.md; each deviation is reported."""

from typing import Any

import numpy as np
import pytest

from firstspike_compiler.formats.nir.chain import FoundLayer
from firstspike_compiler.formats.nir.kernels import RELATIVE, NeuronParameters, neuron_parameters
from firstspike_contract import KERNELS, Kernel


def layer(neuron: dict[str, Any], synapse: dict[str, Any] | None = None) -> FoundLayer:
    """Returns a layer of two neurons with these parameters."""
    return FoundLayer(
        name="n",
        weights=np.zeros((2, 3)),
        synapse=None if synapse is None else ("s", synapse),
        neuron=neuron,
        delays=np.zeros(2),
    )


def fire(**changed: Any) -> dict[str, Any]:
    return {"type": "IF", "r": 1.0, "v_threshold": 1.5, "v_reset": 0.0} | changed


def cuba(**changed: Any) -> dict[str, Any]:
    return fire(type="CubaLIF", tau_syn=0.5, tau_mem=1.0, v_leak=0.0, w_in=0.5) | changed


def leaky(**changed: Any) -> dict[str, Any]:
    return {"type": "LI", "tau": 0.25, "r": 1.0, "v_leak": 0.0} | changed


def summed(**changed: Any) -> dict[str, Any]:
    return {"type": "I", "r": 1.0} | changed


GOOD: dict[Kernel, FoundLayer] = {
    "linear": layer(fire(r=[2, 3]), summed(r=[5, 7])),
    "exponential": layer(fire(r=[2, 3]), leaky(r=[5, 7])),
    "lif-2to1": layer(cuba(r=[2, 3], w_in=[5, 7])),
    "alpha": layer(cuba(r=[2, 3], w_in=[5, 7], tau_mem=0.5)),
    "step": layer(fire(r=[2, 3])),
}


@pytest.mark.parametrize(
    ("kernel", "gain", "tau"),
    [
        ("linear", [10, 21], 1.0),
        ("exponential", [10, 21], 0.25),
        ("lif-2to1", [20, 42], 0.5),  # the gain is r w_in / tau_syn
        ("alpha", [20, 42], 0.5),
        ("step", [2, 3], 1.0),
    ],
)
def test_parameters_of_each_kernel(kernel: Kernel, gain: list[float], tau: float) -> None:
    found = neuron_parameters(GOOD[kernel], kernel)
    assert (found.violations, found.threshold, found.tau) == ([], 1.5, tau)
    np.testing.assert_allclose(found.gain, gain)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("other", KERNELS)
def test_neurons_of_one_kernel_are_refused_for_every_other(kernel: Kernel, other: Kernel) -> None:
    found = neuron_parameters(GOOD[other], kernel)
    assert (found.violations == []) == (kernel == other)


def violations(found: NeuronParameters) -> list[str]:
    return [str(violation) for violation in found.violations]


@pytest.mark.parametrize(
    ("kernel", "found", "message"),
    [
        (
            "linear",
            layer(fire(), leaky()),
            "the neurons are those of the kernel: n has Linear -> LI -> IF, need Linear -> I -> IF for kernel linear; "
            "see docs/nir.md",
        ),
        (
            "alpha",
            layer(fire()),
            "the neurons are those of the kernel: n has Linear -> IF, need Linear -> CubaLIF with tau_mem = tau_syn "
            "for kernel alpha; see docs/nir.md",
        ),
        (
            "step",
            layer(fire(v_threshold=0, v_reset=-1)),
            "thresholds are positive: n has v_threshold 0, need more than 0; e.g. 1.0",
        ),
        (
            "step",
            layer(fire(v_threshold=[1, 2])),
            "v_threshold is equal over a layer: n has v_threshold from 1 to 2, need one value; scale each neuron's "
            "incoming weights and threshold by one factor: its spikes stay as they are",
        ),
        (
            "step",
            layer({"type": "IF", "r": 1.0}),
            "every neuron has its parameters: n has v_threshold missing, need shape (2,); write the file with "
            "nir.write",
        ),
        (
            "step",
            layer(fire(r=[1, 2, 3])),
            "every neuron has its parameters: n has r of shape (3,), need shape (2,); write the file with nir.write",
        ),
        ("step", layer(fire(r=[1, np.inf])), "every r is a finite number: n has inf, need numbers; e.g. 1.0"),
        (
            "step",
            layer(fire(v_reset=[0, 1.5])),
            "a neuron resets below its threshold: n has v_reset 1.5 at v_threshold 1.5, need v_reset below "
            "v_threshold; e.g. 0",
        ),
        ("exponential", layer(fire(), leaky(tau=0)), "tau is positive: n has tau 0, need more than 0; e.g. 0.01"),
        (
            "exponential",
            layer(fire(), leaky(tau=[1, 2])),
            "tau is equal over a layer: n has tau from 1 to 2, need one value; train with one value",
        ),
        (
            "exponential",
            layer(fire(), leaky(v_leak=[0, 3])),
            "v_leak is 0: n has v_leak 3, need 0; shift threshold and potential by it; a standing drive is made of "
            "constant inputs",
        ),
        (
            "lif-2to1",
            layer(cuba(tau_mem=0.5)),
            "the time constants have the kernel's ratio: n has tau_mem / tau_syn = 1, need 2 for kernel lif-2to1; "
            "train with tau_mem = 2 tau_syn (lif-2to1) or tau_mem = tau_syn (alpha)",
        ),
    ],
)
def test_a_deviation_from_the_kernel_is_named(kernel: Kernel, found: FoundLayer, message: str) -> None:
    assert violations(neuron_parameters(found, kernel)) == [message]


def test_every_deviation_is_listed() -> None:
    found = violations(neuron_parameters(layer(cuba(v_threshold=-1, v_leak=1, tau_syn=-1, r=np.nan)), "alpha"))
    assert [line.partition(":")[0] for line in found] == [
        "thresholds are positive",
        "every r is a finite number",
        "v_leak is 0",
        "tau_syn is positive",
        "a neuron resets below its threshold",
    ]


@pytest.mark.parametrize(("off", "good"), [(0.5 * RELATIVE, True), (3 * RELATIVE, False)])
def test_time_constants_may_be_rounded_to_float32(off: float, good: bool) -> None:
    assert (violations(neuron_parameters(layer(cuba(tau_mem=1 + off)), "lif-2to1")) == []) == good
    tau = [0.25, 0.25 * (1 + off)]
    assert (violations(neuron_parameters(layer(fire(), leaky(tau=tau)), "exponential")) == []) == good


def test_parameters_that_a_file_may_leave_out() -> None:
    neuron = cuba()
    del neuron["v_reset"], neuron["w_in"]
    found = neuron_parameters(layer(neuron), "lif-2to1")
    assert (found.violations, found.gain.tolist()) == ([], [2, 2])
