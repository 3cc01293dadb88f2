"""Checks that the neurons of a layer make the kernel, and reads their parameters. docs/nir.md solves the equations."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_compiler.violation import Violation
from firstspike_contract import Kernel

from .chain import FoundLayer

__all__ = ["NeuronParameters", "neuron_parameters"]

# For each kernel, the nodes from the weights to the spikes.
FORMS: Final = {
    "linear": "Linear -> I -> IF",
    "exponential": "Linear -> LI -> IF",
    "lif-2to1": "Linear -> CubaLIF with tau_mem = 2 tau_syn",
    "alpha": "Linear -> CubaLIF with tau_mem = tau_syn",
    "step": "Linear -> IF",
}
RELATIVE: Final = 1e-6  # relative tolerance: files in float32 round their time constants


@dataclass(kw_only=True, eq=False)
class NeuronParameters:
    """The parameters of the neurons of one layer.

    gain:       float64 ``[n_out]``, factor on the weights of each neuron.
    threshold:  threshold of all neurons of the layer.
    tau:        tau_s in time units; 1.0 if the kernel has none.
    violations: deviations from the kernel; if there are any, the other fields mean nothing.
    """

    gain: NDArray[np.float64]
    threshold: float = 1.0
    tau: float = 1.0
    violations: list[Violation] = field(default_factory=list)


def neuron_parameters(layer: FoundLayer, kernel: Kernel) -> NeuronParameters:
    """Returns the parameters of a layer's neurons; `violations` lists every deviation from the kernel."""
    reader = _Reader(layer)
    found = NeuronParameters(gain=np.ones(layer.outputs), violations=reader.violations)
    form = _form(layer)
    if form not in (FORMS[kernel], "Linear -> CubaLIF" if kernel in ("lif-2to1", "alpha") else ""):
        reader.violate(
            "the neurons are those of the kernel", form, f"{FORMS[kernel]} for kernel {kernel}", "see docs/nir.md"
        )
        return found
    threshold = reader.same("v_threshold", layer.neuron)
    if threshold is not None and not threshold > 0:
        reader.violate("thresholds are positive", f"v_threshold {threshold:g}", "more than 0", "e.g. 1.0")
    gain = reader.vector("r", layer.neuron)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # the reader refuses products that overflow
        gain = _gain(reader, layer, kernel, found, gain)
    reader.check_reset(threshold)
    found.gain, found.threshold = gain, 1.0 if threshold is None else threshold
    return found


def _gain(
    reader: "_Reader", layer: FoundLayer, kernel: Kernel, found: NeuronParameters, gain: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns the gain on the weights, float64 ``[n_out]``, of neurons and synapse together; sets `found.tau`.

    gain: float64 ``[n_out]``, the parameter r of the neurons.
    """
    if layer.neuron["type"] == "CubaLIF":
        found.tau = reader.cuba(kernel)
        gain = gain * reader.vector("w_in", layer.neuron, default=1.0) / found.tau
    elif layer.synapse is not None:
        gain = gain * reader.vector("r", layer.synapse[1])
        if kernel == "exponential":
            reader.zero("v_leak", layer.synapse[1])
            found.tau = reader.positive("tau", layer.synapse[1])
    return gain


def _form(layer: FoundLayer) -> str:
    synapse = "" if layer.synapse is None else f"{layer.synapse[1]['type']} -> "
    return f"Linear -> {synapse}{layer.neuron['type']}"


class _Reader:
    """A reader of the parameters of one layer's neurons, which collects violations."""

    def __init__(self, layer: FoundLayer) -> None:
        self.layer = layer
        self.violations: list[Violation] = []

    def violate(self, rule: str, have: str, need: str, remedy: str) -> None:
        self.violations.append(Violation(rule=rule, node=self.layer.name, have=have, need=need, remedy=remedy))

    def vector(self, parameter: str, node: dict[str, object], default: float | None = None) -> NDArray[np.float64]:
        """Returns a parameter of each neuron, float64 ``[n_out]``; ones after a violation."""
        value = np.asarray(node.get(parameter, "missing" if default is None else default))
        outputs = self.layer.outputs
        if value.dtype.kind not in "fiu" or value.size not in (1, outputs):
            have = f"{parameter} missing" if value.dtype.kind not in "fiu" else f"{parameter} of shape {value.shape}"
            self.violate(
                "every neuron has its parameters", have, f"shape ({outputs},)", "write the file with nir.write"
            )
            return np.ones(outputs)
        if not np.isfinite(value).all():
            bad = value[~np.isfinite(value)].flat[0]
            self.violate(f"every {parameter} is a finite number", str(bad), "numbers", "e.g. 1.0")
            return np.ones(outputs)
        return np.broadcast_to(value.reshape(-1).astype(np.float64), (outputs,))

    def same(self, parameter: str, node: dict[str, object]) -> float | None:
        """Returns the value that all neurons of the layer share; None after a violation."""
        value = self.vector(parameter, node)
        if np.ptp(value) > RELATIVE * np.abs(value).max():
            self.violate(
                f"{parameter} is equal over a layer",
                f"{parameter} from {value.min():g} to {value.max():g}",
                "one value",
                "scale each neuron's incoming weights and threshold by one factor: its spikes stay as they are"
                if parameter == "v_threshold"
                else "train with one value",
            )
            return None
        return float(value[0])

    def positive(self, parameter: str, node: dict[str, object]) -> float:
        value = self.same(parameter, node)
        if value is not None and not value > 0:
            self.violate(f"{parameter} is positive", f"{parameter} {value:g}", "more than 0", "e.g. 0.01")
            return 1.0
        return 1.0 if value is None else value

    def zero(self, parameter: str, node: dict[str, object]) -> None:
        value = self.vector(parameter, node)
        if value.any():
            self.violate(
                f"{parameter} is 0",
                f"{parameter} {value[np.flatnonzero(value)[0]]:g}",
                "0",
                "shift threshold and potential by it; a standing drive is made of constant inputs",
            )

    def cuba(self, kernel: Kernel) -> float:
        """Returns tau_syn of a CubaLIF, and checks that tau_mem / tau_syn is the kernel's."""
        self.zero("v_leak", self.layer.neuron)
        tau_syn = self.positive("tau_syn", self.layer.neuron)
        tau_mem = self.positive("tau_mem", self.layer.neuron)
        need = 2.0 if kernel == "lif-2to1" else 1.0
        if not self.violations and abs(tau_mem / tau_syn - need) > RELATIVE * need:
            self.violate(
                "the time constants have the kernel's ratio",
                f"tau_mem / tau_syn = {tau_mem / tau_syn:g}",
                f"{need:g} for kernel {kernel}",
                "train with tau_mem = 2 tau_syn (lif-2to1) or tau_mem = tau_syn (alpha)",
            )
        return tau_syn

    def check_reset(self, threshold: float | None) -> None:
        """Checks that v_reset lies below the threshold: above it, the neuron would never stop firing.

        The reset itself is not computed, because a neuron spikes only once.
        """
        reset = self.vector("v_reset", self.layer.neuron, default=0.0)
        if threshold is not None and (reset >= threshold).any():
            have = f"v_reset {reset.max():g} at v_threshold {threshold:g}"
            self.violate("a neuron resets below its threshold", have, "v_reset below v_threshold", "e.g. 0")
